//! Attributes and memberships that reach beyond one database, and owners of several databases.

use std::collections::BTreeMap;

use super::graph::RoleSet;
use super::repair::{self, Repair};
use super::{Finding, Judge, Judgement, Kind, MAINTENANCE, Names, list};
use crate::sample::Oid;
use crate::sample::access::{Attribute, DatabaseAccess, RoleAccess};

/// The superuser that `initdb` creates (`BOOTSTRAP_SUPERUSERID`). It cannot be anything else.
const BOOTSTRAP_SUPERUSER: Oid = 10;

/// Roles of Amazon, Azure and Google that a customer cannot change.
const PROVIDER_ROLES: [&str; 7] = [
    "rdsadmin",
    "rdsrepladmin",
    "rdsproxyadmin",
    "azuresu",
    "cloudsqladmin",
    "cloudsqlagent",
    "cloudsqlreplica",
];

/// Groups whose members read, change or stop what belongs to other tenants. The last three are superusers in effect.
const ELEVATED_GROUPS: [&str; 10] = [
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
    "pg_signal_backend",
    "pg_maintain",
    "rds_superuser",
    "azure_pg_admin",
    "cloudsqlsuperuser",
];

/// These show the queries of all tenants. A role that belongs to no tenant is a monitor and may have them.
const MONITORING_GROUPS: [&str; 2] = ["pg_monitor", "pg_read_all_stats"];

impl Judge<'_> {
    /// Whether the configuration says that the role belongs to each of these databases.
    pub(super) fn is_declared(&self, role: &RoleAccess, databases: &[&DatabaseAccess]) -> bool {
        let policy = self.question.policy;
        let declares = |database: &&DatabaseAccess| {
            let budget = policy.budget(&database.name.shown);
            budget.is_some_and(|budget| budget.roles.contains(&role.name.shown))
        };
        databases.iter().all(declares)
    }

    /// Owners of several databases. A superuser has a finding for each of its databases instead.
    pub(super) fn owners(&self, judgement: &mut Judgement) {
        let mut owned: BTreeMap<Oid, Vec<&DatabaseAccess>> = BTreeMap::new();
        for database in self.databases().filter(|it| is_tenant_database(it)) {
            owned.entry(database.owner).or_default().push(database);
        }
        for (owner, databases) in owned.into_iter().filter(|(_, owned)| owned.len() > 1) {
            let Some(at) = self.graph.at(owner) else {
                continue;
            };
            let role = &self.graph.roles[at];
            if !role.superuser && !self.is_admin(role) && !self.is_declared(role, &databases) {
                judgement.findings.push(self.shared_owner(role, &databases));
            }
        }
    }

    fn shared_owner(&self, role: &RoleAccess, databases: &[&DatabaseAccess]) -> Finding {
        let (name, names) = (&role.name.shown, database_names(databases));
        Finding {
            kind: Kind::SharedOwner,
            datname: None,
            rolname: Some(name.clone()),
            text: format!(
                "role {name} owns {} databases: {}",
                names.total,
                list(&names)
            ),
            roles: Names::default(),
            repair: Repair::by_hand(
                "give each database an owner of its own: alter database ... owner to ... (pgcommons tenant-sql creates one)",
            ),
            breaks: self.question.access.sessions.as_ref().map(|_| Vec::new()),
        }
    }

    /// What the attributes of one role allow.
    pub(super) fn role(&self, at: usize) -> Vec<Finding> {
        let role = &self.graph.roles[at];
        let mut findings = Vec::new();
        if role.can_login && !self.is_admin(role) {
            if role.superuser && role.connection_limit >= 0 {
                findings.push(self.limit_not_enforced(role));
            }
            if !is_given(role) {
                findings.extend(self.elevated_role(at, role));
            }
        }
        findings
    }

    /// What the memberships of all roles allow. None: there are too many memberships to follow.
    pub(super) fn memberships(&self) -> Option<Vec<Finding>> {
        let (mut findings, mut steps) = (Vec::new(), 0);
        for at in self.graph.logins() {
            let role = &self.graph.roles[at];
            let is_exempt = self.is_admin(role) || is_given(role);
            if !is_exempt && !self.graph.groups(at).is_empty() {
                findings.extend(self.elevated_membership(at, role, &mut steps)?);
            }
        }
        Some(findings)
    }

    fn limit_not_enforced(&self, role: &RoleAccess) -> Finding {
        let (name, limit) = (&role.name.shown, role.connection_limit);
        let repair = repair::alter_role(&role.name, "nosuperuser");
        let mut repair = by_statement(repair);
        repair.decide = Some("the role may need what only a superuser may do".to_owned());
        Finding {
            kind: Kind::LimitNotEnforced,
            datname: None,
            rolname: Some(name.clone()),
            roles: Names::default(),
            text: format!(
                "the connection limit of {limit} of role {name} is not enforced, because it is a superuser"
            ),
            repair,
            breaks: self.broken(None, |_| false),
        }
    }

    fn elevated_role(&self, at: usize, role: &RoleAccess) -> Option<Finding> {
        let attributes = attributes(role);
        if attributes.is_empty() {
            return None;
        }
        let name = &role.name.shown;
        let off: Vec<_> = attributes
            .iter()
            .map(|it| format!("no{}", it.to_lowercase()))
            .collect();
        let mut repair = by_statement(repair::alter_role(&role.name, &off.join(" ")));
        repair.decide = Some(
            "the role may need it; if it is an administrator, declare it in roles.admin".to_owned(),
        );
        Some(Finding {
            kind: Kind::ElevatedRole,
            datname: None,
            rolname: Some(name.clone()),
            roles: Names::default(),
            text: format!("role {name} has {}", attributes.join(", ")),
            repair,
            breaks: self.broken(None, |role| role == at),
        })
    }

    fn elevated_membership(
        &self,
        at: usize,
        role: &RoleAccess,
        steps: &mut usize,
    ) -> Option<Vec<Finding>> {
        let is_tenant = self.belonging.tenants.contains(at);
        let elevated = |reached: usize, set: bool| {
            let group = &self.graph.roles[reached];
            let name = &*group.name.shown;
            ELEVATED_GROUPS.contains(&name)
                || (is_tenant && MONITORING_GROUPS.contains(&name))
                || (set && !attributes(group).is_empty())
        };
        let mut groups = RoleSet::empty(self.graph.roles.len());
        for reached in self.graph.reached(at, steps)? {
            if elevated(reached.role, reached.set) {
                groups.insert(reached.role);
            }
        }
        if groups.is_empty() {
            return Some(Vec::new());
        }
        let (name, names) = (&role.name.shown, self.names(&groups));
        Some(vec![Finding {
            kind: Kind::ElevatedMembership,
            datname: None,
            rolname: Some(name.clone()),
            text: format!("role {name} can use the privileges of {}", list(&names)),
            roles: names,
            repair: self.leave_all(at, &groups, steps)?,
            breaks: self.broken(None, |role| role == at),
        }])
    }

    /// Revokes the memberships that lead to these groups.
    fn leave_all(&self, at: usize, groups: &RoleSet, steps: &mut usize) -> Option<Repair> {
        let mut repair = Repair::by_hand(
            "the role may need it; if it is an administrator, declare it in roles.admin",
        );
        for edge in self.graph.groups(at) {
            let Some(group) = self.graph.at(edge.group) else {
                continue;
            };
            let mut reached = self.graph.reached(group, steps)?.into_iter();
            if groups.contains(group) || reached.any(|it| groups.contains(it.role)) {
                let (group, member) = (&self.graph.roles[group].name, &self.graph.roles[at].name);
                let grantor = self.role_name(edge.grantor);
                let revoke = repair::leave(group, member, grantor, self.question.major);
                repair.revokes.extend(revoke);
            }
        }
        Some(repair)
    }
}

/// A superuser that cannot be taken away.
fn is_given(role: &RoleAccess) -> bool {
    role.oid == BOOTSTRAP_SUPERUSER || PROVIDER_ROLES.contains(&&*role.name.shown)
}

/// The attributes that reach beyond one database. SUPERUSER includes the others.
fn attributes(role: &RoleAccess) -> Vec<&'static str> {
    if role.superuser {
        return vec!["SUPERUSER"];
    }
    let name = |attribute: &Attribute| match attribute {
        Attribute::CreateDatabase => "CREATEDB",
        Attribute::CreateRole => "CREATEROLE",
        Attribute::BypassRowSecurity => "BYPASSRLS",
        Attribute::Replication => "REPLICATION",
    };
    role.attributes.iter().map(name).collect()
}

/// Whether the database may belong to a tenant.
pub(super) fn is_tenant_database(database: &DatabaseAccess) -> bool {
    !database.is_template && database.name.shown != MAINTENANCE
}

fn by_statement(statement: Option<String>) -> Repair {
    statement.map_or_else(Repair::unnamed, |statement| Repair {
        revokes: vec![statement],
        ..Repair::default()
    })
}

pub(super) fn database_names(databases: &[&DatabaseAccess]) -> Names {
    let first = databases.iter().take(20);
    Names {
        first: first.map(|it| it.name.shown.clone()).collect(),
        total: databases.len(),
    }
}
