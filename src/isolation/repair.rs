//! The SQL that repairs a finding. Names are quoted; an object whose name is not UTF-8 gets no SQL.

use crate::names::identifier_on_one_line;
use crate::sample::access::Name;

/// Statements without the semicolon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Repair {
    /// Run first: what must not get lost.
    pub(crate) grants: Vec<String>,
    /// Run after the grants of all findings.
    pub(crate) owners: Vec<String>,
    /// Run last.
    pub(crate) revokes: Vec<String>,
    /// Why a person must decide about it; None: it can be run as it is.
    pub(crate) decide: Option<String>,
}

impl Repair {
    pub(super) fn by_hand(why: impl Into<String>) -> Self {
        Self {
            decide: Some(why.into()),
            ..Self::default()
        }
    }

    /// All statements in the order in which they must run.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &String> {
        let parts = [&self.grants, &self.owners, &self.revokes];
        parts.into_iter().flatten()
    }

    /// The statements, each with its semicolon. None without a statement.
    pub(crate) fn sql(&self) -> Option<String> {
        let statements: Vec<_> = self.statements().map(|it| format!("{it};")).collect();
        (!statements.is_empty()).then(|| statements.join("\n"))
    }

    pub(crate) fn is_safe(&self) -> bool {
        self.decide.is_none() && self.statements().next().is_some()
    }

    /// For an object that cannot be named in SQL.
    pub(super) fn unnamed() -> Self {
        Self::by_hand(
            "the name is not UTF-8: connect with the encoding of the name and repair it there",
        )
    }
}

fn quoted(name: &Name) -> Option<String> {
    name.exact.as_deref().map(identifier_on_one_line)
}

/// To a role, or to PUBLIC.
pub(super) fn grantee(name: Option<&Name>) -> Option<String> {
    name.map_or_else(|| Some("public".to_owned()), quoted)
}

/// `privileges` such as `connect, temporary`.
pub(super) fn grant(privileges: &str, database: &Name, role: &Name) -> Option<String> {
    let (database, role) = (quoted(database)?, quoted(role)?);
    Some(format!(
        "grant {privileges} on database {database} to {role}"
    ))
}

/// `grantor`: the role that granted it, if that is not the owner. A superuser revokes in the name of the owner, so that the
/// grant of another role would stay.
pub(super) fn revoke(
    privileges: &str,
    database: &Name,
    role: Option<&Name>,
    grantor: Option<&Name>,
) -> Option<Vec<String>> {
    let (database, role) = (quoted(database)?, grantee(role)?);
    let revoke = format!("revoke {privileges} on database {database} from {role} cascade");
    let Some(grantor) = grantor else {
        return Some(vec![revoke]);
    };
    let become_grantor = format!("set local role {}", quoted(grantor)?);
    Some(vec![become_grantor, revoke, "reset role".to_owned()])
}

/// Since PostgreSQL 16 a membership belongs to its grantor, and several may have granted the same one.
pub(super) fn leave(
    group: &Name,
    member: &Name,
    grantor: Option<&Name>,
    major: u32,
) -> Option<String> {
    let revoke = format!("revoke {} from {}", quoted(group)?, quoted(member)?);
    match grantor {
        Some(grantor) if major >= 16 => Some(format!("{revoke} granted by {}", quoted(grantor)?)),
        _ => Some(revoke),
    }
}

pub(super) fn change_owner(database: &Name, role: &Name) -> Option<String> {
    let (database, role) = (quoted(database)?, quoted(role)?);
    Some(format!("alter database {database} owner to {role}"))
}

/// `attributes` such as `nosuperuser nocreatedb`.
pub(super) fn alter_role(role: &Name, attributes: &str) -> Option<String> {
    Some(format!("alter role {} {attributes}", quoted(role)?))
}
