//! Which login roles belong to which database. PostgreSQL has no notion of it, so it is concluded: a role belongs to the databases
//! that it owns and to those for which the configuration declares it. Without these, it belongs to the only database of a
//! superuser on which it has CREATE itself, which GRANT ALL gives to the application. Any other role with the privileges of an
//! owner, or with a privilege on a database, belongs to it if this is its only database. A role with privileges on several
//! belongs to none of them. What PUBLIC may do concludes nothing.

use super::graph::{Graph, RoleSet};
use super::{MAINTENANCE, Question, watched};
use crate::sample::access::{DatabaseAccess, Grant};

/// The roles whose members read the statistics of all databases.
const MONITORING: [&str; 2] = ["pg_monitor", "pg_read_all_stats"];

pub(super) struct Belonging {
    /// For each role the number of databases with which it has something to do.
    ties: Vec<u32>,
    /// For each role the number of databases that it owns or is declared for.
    owned: Vec<u32>,
    /// For each role the number of databases of superusers on which it has CREATE itself.
    created: Vec<u32>,
    /// Roles that belong to a database of a tenant.
    pub(super) tenants: RoleSet,
    /// Login roles that have something to do with no database.
    pub(super) homeless: RoleSet,
    /// Roles with the privileges of `pg_monitor` that belong to no tenant.
    pub(super) monitors: RoleSet,
}

/// Login roles without superusers, for one database.
pub(super) struct DatabaseRoles {
    pub(super) own: RoleSet,
    /// May connect without PUBLIC.
    pub(super) connect: RoleSet,
    /// May create temporary tables without PUBLIC.
    pub(super) temporary: RoleSet,
}

impl Belonging {
    pub(super) fn of(question: Question<'_>, graph: &Graph<'_>) -> Self {
        let empty = || RoleSet::empty(graph.roles.len());
        let mut belonging = Self {
            ties: vec![0; graph.roles.len()],
            owned: vec![0; graph.roles.len()],
            created: vec![0; graph.roles.len()],
            tenants: empty(),
            homeless: empty(),
            monitors: empty(),
        };
        let databases = || watched(question).filter(|it| !it.is_template);
        for database in databases() {
            for role in tied(question, graph, database).iter() {
                belonging.ties[role] += 1;
            }
            for role in owners(question, graph, database).iter() {
                belonging.owned[role] += 1;
            }
            for role in creators(graph, database).iter() {
                belonging.created[role] += 1;
            }
        }
        for database in databases().filter(|it| it.name.shown != MAINTENANCE) {
            for role in belonging.own(question, graph, database).iter() {
                belonging.tenants.insert(role);
            }
        }
        let monitoring = graph.roles.iter().enumerate();
        for (at, _) in monitoring.filter(|(_, it)| MONITORING.contains(&&*it.name.shown)) {
            for heir in graph.heirs(at) {
                if !belonging.tenants.contains(*heir) {
                    belonging.monitors.insert(*heir);
                }
            }
        }
        for login in graph.logins() {
            let role = &graph.roles[login];
            let is_known = question.policy.admins.contains(&role.name.shown)
                || role.oid == question.own_role
                || belonging.monitors.contains(login);
            if belonging.ties[login] == 0 && !is_known {
                belonging.homeless.insert(login);
            }
        }
        belonging
    }

    pub(super) fn database(
        &self,
        question: Question<'_>,
        graph: &Graph<'_>,
        database: &DatabaseAccess,
    ) -> DatabaseRoles {
        let mut own = self.own(question, graph, database);
        if database.name.shown == question.own_database {
            let own_role = graph
                .at(question.own_role)
                .filter(|at| graph.is_ordinary_login(*at));
            for at in self.monitors.iter().chain(own_role) {
                own.insert(at);
            }
        }
        for admin in question
            .policy
            .admins
            .iter()
            .filter_map(|name| graph.named(name))
        {
            if graph.is_ordinary_login(admin) {
                own.insert(admin);
            }
        }
        DatabaseRoles {
            own,
            connect: granted(graph, database, |grant| grant.connect),
            temporary: granted(graph, database, |grant| grant.temporary),
        }
    }

    fn own(&self, question: Question<'_>, graph: &Graph<'_>, database: &DatabaseAccess) -> RoleSet {
        let mut own = owners(question, graph, database);
        if database.is_template {
            return own;
        }
        for role in creators(graph, database).iter() {
            if self.owned[role] == 0 && self.created[role] == 1 {
                own.insert(role);
            }
        }
        for role in tied(question, graph, database).iter() {
            if self.ties[role] == 1 {
                own.insert(role);
            }
        }
        own
    }
}

/// The owner, and the roles for which the configuration declares the database.
fn owners(question: Question<'_>, graph: &Graph<'_>, database: &DatabaseAccess) -> RoleSet {
    let mut owners = declared(question, graph, database);
    let owner = graph.at(database.owner);
    if let Some(owner) = owner.filter(|at| graph.is_ordinary_login(*at)) {
        owners.insert(owner);
    }
    owners
}

/// The login roles that have CREATE themselves on a database that a superuser owns.
fn creators(graph: &Graph<'_>, database: &DatabaseAccess) -> RoleSet {
    let mut creators = RoleSet::empty(graph.roles.len());
    let owner = graph.at(database.owner);
    if owner.is_some_and(|owner| graph.roles[owner].superuser) {
        let creating = database.grants.iter().filter(|grant| grant.create);
        let roles = creating.filter_map(|grant| graph.at(grant.grantee?));
        for role in roles.filter(|at| graph.is_ordinary_login(*at)) {
            creators.insert(role);
        }
    }
    creators
}

/// The login roles that have something to do with a database: by ownership, a privilege, or the configuration.
fn tied(question: Question<'_>, graph: &Graph<'_>, database: &DatabaseAccess) -> RoleSet {
    let mut tied = declared(question, graph, database);
    let grantees = granted(graph, database, |grant| grant.connect || grant.create);
    let owner = graph.at(database.owner);
    let owners = owner
        .into_iter()
        .flat_map(|owner| graph.heirs(owner).iter().copied());
    for role in grantees.iter().chain(owners) {
        tied.insert(role);
    }
    tied
}

fn declared(question: Question<'_>, graph: &Graph<'_>, database: &DatabaseAccess) -> RoleSet {
    let mut declared = RoleSet::empty(graph.roles.len());
    let Some(budget) = question.policy.budget(&database.name.shown) else {
        return declared;
    };
    let names = budget.roles.iter().chain(&budget.owner_role);
    let roles = names.filter_map(|name| graph.named(name));
    for heir in roles.flat_map(|role| graph.heirs(role)) {
        declared.insert(*heir);
    }
    declared
}

/// The login roles to which a grant applies, directly or by inheritance, without PUBLIC.
fn granted(
    graph: &Graph<'_>,
    database: &DatabaseAccess,
    counts: impl Fn(&Grant) -> bool,
) -> RoleSet {
    let mut granted = RoleSet::empty(graph.roles.len());
    for grant in database.grants.iter().filter(|grant| counts(grant)) {
        for heir in grantee(graph, database, grant).map_or(&[][..], |at| graph.heirs(at)) {
            granted.insert(*heir);
        }
    }
    granted
}

/// The role that a grant applies to; None for PUBLIC. The only member of `pg_database_owner` is the owner of the database.
pub(super) fn grantee(
    graph: &Graph<'_>,
    database: &DatabaseAccess,
    grant: &Grant,
) -> Option<usize> {
    let at = graph.at(grant.grantee?)?;
    if graph.roles[at].name.shown == "pg_database_owner" {
        return graph.at(database.owner);
    }
    Some(at)
}
