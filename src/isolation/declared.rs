//! Roles that the configuration declares for a database, and that cannot connect to it.

use super::belonging::grantee;
use super::{Judge, watched};
use crate::sample::access::DatabaseAccess;

/// A declared role that cannot connect to its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnmetRole {
    pub(crate) datname: String,
    pub(crate) rolname: String,
    /// False: there is no role of this name.
    pub(crate) exists: bool,
}

impl Judge<'_> {
    /// By database and role. A database that does not exist, or accepts no connections, has none.
    pub(super) fn unmet(&self) -> Vec<UnmetRole> {
        let databases = watched(self.question).filter(|it| it.accepts_connections);
        databases.flat_map(|it| self.unmet_in(it)).collect()
    }

    fn unmet_in(&self, database: &DatabaseAccess) -> Vec<UnmetRole> {
        let Some(budget) = self.question.policy.budget(&database.name.shown) else {
            return Vec::new();
        };
        let unmet = budget.roles.iter().filter_map(|rolname| {
            let role = self.graph.named(rolname);
            let connects = role.is_some_and(|at| self.may_connect(at, database));
            (!connects).then(|| UnmetRole {
                datname: database.name.shown.clone(),
                rolname: rolname.clone(),
                exists: role.is_some(),
            })
        });
        unmet.collect()
    }

    /// As `has_database_privilege(role, database, 'CONNECT')`.
    fn may_connect(&self, role: usize, database: &DatabaseAccess) -> bool {
        let inherited = self.graph.inherited(role, &mut 0).unwrap_or_default();
        let mut grants = database.grants.iter().filter(|grant| grant.connect);
        self.graph.roles[role].superuser
            || grants.any(|grant| {
                let is_public = grant.grantee.is_none();
                is_public
                    || grantee(self.graph, database, grant)
                        .is_some_and(|at| inherited.contains(&at))
            })
    }
}
