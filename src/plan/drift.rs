//! Where a database differs from what the configuration declares of it, and the SQL that closes the difference.

use crate::isolation::UnmetRole;
use crate::names::{exact, identifier_on_one_line};
use crate::policy::Budget;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Drift {
    /// `datconnlimit` is not `budgets.DATABASE.connections`.
    Limit { found: u32, wanted: u32 },
    /// PostgreSQL enforces no limit. That may be meant so, because a budget is no limit.
    NoLimit { wanted: u32 },
    /// The owner is not `budgets.DATABASE.owner_role`.
    Owner { found: String, wanted: String },
    /// A role of `budgets.DATABASE.roles` does not exist.
    RoleMissing { role: String },
    /// A role of `budgets.DATABASE.roles` may not connect.
    ConnectMissing { role: String },
}

/// `limit` is `datconnlimit`: -1 no limit, 0 closed on purpose, -2 an invalid database.
pub(crate) fn drift(limit: i32, owner: &str, budget: &Budget) -> Vec<Drift> {
    let limit = budget.connections.and_then(|wanted| match limit {
        -1 => Some(Drift::NoLimit { wanted }),
        limit => {
            let found = u32::try_from(limit).ok()?;
            (found != wanted && found > 0).then_some(Drift::Limit { found, wanted })
        }
    });
    let wanted = budget.owner_role.as_deref().filter(|it| *it != owner);
    let owner = wanted.map(|wanted| Drift::Owner {
        found: owner.to_owned(),
        wanted: wanted.to_owned(),
    });
    limit.into_iter().chain(owner).collect()
}

impl From<&UnmetRole> for Drift {
    fn from(unmet: &UnmetRole) -> Self {
        let role = unmet.rolname.clone();
        if unmet.exists {
            Self::ConnectMissing { role }
        } else {
            Self::RoleMissing { role }
        }
    }
}

impl Drift {
    /// The label values `property`, without those of [`Drift::property`] twice.
    pub(crate) fn property(&self) -> &'static str {
        match self {
            Self::Limit { .. } => "connection_limit",
            Self::NoLimit { .. } => "no_connection_limit",
            Self::Owner { .. } => "owner",
            Self::RoleMissing { .. } | Self::ConnectMissing { .. } => "roles",
        }
    }

    pub(crate) fn text(&self, datname: &str) -> String {
        match self {
            Self::Limit { found, wanted } => format!(
                "database {datname} has a connection limit of {found}, and a budget of {wanted}"
            ),
            Self::NoLimit { wanted } => {
                format!("database {datname} has no connection limit, and a budget of {wanted}")
            }
            Self::Owner { found, wanted } => {
                format!("database {datname} belongs to role {found}, and should to {wanted}")
            }
            Self::RoleMissing { role } => {
                format!("role {role}, which is declared for database {datname}, does not exist")
            }
            Self::ConnectMissing { role } => {
                format!(
                    "role {role}, which is declared for database {datname}, may not connect to it"
                )
            }
        }
    }

    /// One statement without its semicolon. None: a name is not UTF-8, or a role must be created, for which more must be known.
    pub(crate) fn sql(&self, datname: &str) -> Option<String> {
        let quoted = |name: &str| Some(identifier_on_one_line(&exact(name)?));
        let database = quoted(datname)?;
        match self {
            Self::Limit { wanted, .. } | Self::NoLimit { wanted } => Some(format!(
                "alter database {database} connection limit {wanted}"
            )),
            Self::Owner { wanted, .. } => Some(format!(
                "alter database {database} owner to {}",
                quoted(wanted)?
            )),
            Self::ConnectMissing { role } => Some(format!(
                "grant connect on database {database} to {}",
                quoted(role)?
            )),
            Self::RoleMissing { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Budget {
        Budget {
            connections: Some(20),
            owner_role: Some("shop".to_owned()),
            ..Budget::default()
        }
    }

    #[test]
    fn only_what_differs_is_drift() {
        assert_eq!(drift(20, "shop", &budget()), []);
        assert_eq!(drift(-2, "shop", &budget()), [], "an invalid database");
        assert_eq!(drift(0, "shop", &budget()), [], "a closed database");
        assert_eq!(drift(5, "x", &Budget::default()), []);
        let sql = |limit, owner| {
            let found = drift(limit, owner, &budget());
            let sql: Vec<_> = found.iter().filter_map(|it| it.sql("a\"b")).collect();
            sql.join("; ")
        };
        assert_eq!(
            sql(5, "shop"),
            r#"alter database "a""b" connection limit 20"#
        );
        assert_eq!(
            sql(-1, "postgres"),
            r#"alter database "a""b" connection limit 20; alter database "a""b" owner to "shop""#
        );
    }

    /// `caf\xe9` is how a name in Latin 1 is shown; a statement with it would name another database.
    #[test]
    fn a_name_that_is_not_utf8_gets_no_sql() {
        let found = drift(5, "shop", &budget());
        assert_eq!(found[0].sql(r"caf\xe9"), None);
        let literal = found[0].sql(r"caf\x5cxe9").expect("it is UTF-8");
        assert_eq!(literal, r#"alter database "caf\xe9" connection limit 20"#);
    }
}
