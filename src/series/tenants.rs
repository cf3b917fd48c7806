//! Which databases and roles are exported one by one: those that are watched and hold a series slot. The others are only
//! counted. The set is selected when the catalogue or the configuration has changed, and once a minute, because a slot may
//! have become free. Pure.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::limits::{self, ConnectionSlots, add};
use crate::policy::{Budget, Machine, Policy};
use crate::sample::{Activity, Catalogue, Database, Oid, Role, ServerInfo, Sessions};
use crate::series::slots::SeriesNames;

/// The label value for every database, role and `application_name` without a series slot. A database that is really named
/// so is summed up with them.
pub(crate) const OTHER: &str = "other";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tenant {
    pub(crate) row: Database,
    pub(crate) budget: Option<Arc<Budget>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TenantSet {
    pub(crate) info: Arc<ServerInfo>,
    /// Every database and role that the set was selected from.
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) slots: ConnectionSlots,
    pub(crate) machine: Machine,
    /// Lock modes without a lock are shown as 0.
    pub(crate) zero_locks: bool,
    /// The sum of the limits of all databases that are watched.
    pub(crate) committed: u64,
    /// The agent's own role is a superuser, which it need not be.
    pub(crate) superuser: bool,
    /// The agent's own role may use the reserved slots; None before PostgreSQL 16.
    pub(crate) uses_reserved_connections: Option<bool>,
    /// Databases that have a budget and do not exist.
    pub(crate) missing: Vec<String>,
    pub(crate) databases: Vec<Arc<Tenant>>,
    pub(crate) roles: Vec<Arc<Role>>,
    /// How many databases and roles are watched and have no series of their own.
    pub(crate) overflow: (usize, usize),
    /// The index in `databases` of each that is watched; None: it has no series of its own.
    database_index: HashMap<Oid, Option<usize>>,
    role_index: HashMap<Oid, Option<usize>>,
}

impl TenantSet {
    /// A database with a budget needs no slot, because the operator has named it. Free slots go to the databases and roles
    /// with the most sessions; among equals, to the lowest OID.
    pub(crate) fn select(
        activity: &Activity,
        info: &Arc<ServerInfo>,
        policy: &Policy,
        names: &mut SeriesNames,
        now: Duration,
    ) -> Self {
        let catalogue = &*activity.catalogue;
        let slots = ConnectionSlots::of(info, policy);
        let watched = catalogue.databases.iter();
        let watched: Vec<_> = watched.filter(|row| policy.watches(&row.name)).collect();
        assign_slots(activity, &watched, policy, names, now);

        let is_shown =
            |row: &&Database| policy.budget(&row.name).is_some() || names.databases.has(&row.name);
        let (databases, database_index) = indexed(watched.iter().copied(), |row| row.oid, is_shown);
        let has_slot = |role: &&Role| names.roles.has(&role.name);
        let (roles, role_index) = indexed(catalogue.roles.iter(), |role| role.oid, has_slot);
        // The catalogue is newer than `info`, which was read at the login.
        let own = catalogue.roles.iter().find(|role| role.oid == info.role);
        Self {
            info: Arc::clone(info),
            catalogue: Arc::clone(&activity.catalogue),
            slots,
            machine: policy.machine,
            zero_locks: policy.zero_locks,
            committed: limits::committed(watched.iter().copied(), slots),
            superuser: own.map_or(info.superuser, |role| role.superuser),
            uses_reserved_connections: uses_reserved_connections(own, info),
            missing: missing(&catalogue.databases, policy),
            overflow: (
                watched.len() - databases.len(),
                catalogue.logins.saturating_sub(roles.len()),
            ),
            databases: databases
                .into_iter()
                .map(|row| tenant(row, policy))
                .collect(),
            roles: roles.into_iter().cloned().map(Arc::new).collect(),
            database_index,
            role_index,
        }
    }

    /// True when the series of this name is the sum over all databases without series of their own.
    pub(crate) fn is_sum(&self, datname: &str) -> bool {
        datname == OTHER && self.overflow.0 > 0
    }

    /// The databases that are watched and can be dumped.
    pub(crate) fn to_back_up(&self) -> impl Iterator<Item = &str> {
        let rows = self.catalogue.databases.iter();
        let rows =
            rows.filter(|row| !row.is_invalid() && self.database_index.contains_key(&row.oid));
        rows.map(|row| &*row.name)
    }

    /// What is configured for a database that has series. `None` without a budget.
    pub(crate) fn budget(&self, datname: &str) -> Option<&Budget> {
        let mut databases = self.databases.iter();
        let tenant = databases.find(|tenant| tenant.row.name == datname)?;
        tenant.budget.as_deref()
    }

    /// The label value of a database in series; None: it is not watched.
    pub(crate) fn datname(&self, oid: Oid) -> Option<&str> {
        let index = self.database_index.get(&oid)?;
        Some(index.map_or(OTHER, |index| &self.databases[index].row.name))
    }

    /// Empty for a role that was dropped while it had sessions, and for processes without a role.
    pub(crate) fn usename(&self, group: &Sessions) -> &str {
        let index = group.role.and_then(|oid| self.role_index.get(&oid));
        index.map_or("", |index| {
            index.map_or(OTHER, |index| &self.roles[index].name)
        })
    }
}

fn assign_slots(
    activity: &Activity,
    watched: &[&Database],
    policy: &Policy,
    names: &mut SeriesNames,
    now: Duration,
) {
    let budgeted = |name: &str| policy.budget(name).is_some();
    let databases = watched.iter().map(|row| (row.oid, &*row.name));
    let order = busiest_first(
        databases.filter(|(_, name)| !budgeted(name)),
        &counts(&activity.sessions, |group| group.database),
    );
    names
        .databases
        .assign(now, policy.series_limits.databases, &order);
    names.retain_applications(budgeted);
    let roles = activity.catalogue.roles.iter();
    let order = busiest_first(
        roles.map(|row| (row.oid, &*row.name)),
        &counts(&activity.sessions, |group| group.role),
    );
    names.roles.assign(now, policy.series_limits.roles, &order);
}

fn tenant(row: &Database, policy: &Policy) -> Arc<Tenant> {
    Arc::new(Tenant {
        row: row.clone(),
        budget: policy.budget(&row.name).cloned(),
    })
}

/// The rows that are shown, and the index of each row among them.
fn indexed<'a, T>(
    rows: impl Iterator<Item = &'a T>,
    oid: fn(&T) -> Oid,
    is_shown: impl Fn(&&'a T) -> bool,
) -> (Vec<&'a T>, HashMap<Oid, Option<usize>>) {
    let (mut shown, mut indexes) = (Vec::new(), HashMap::new());
    for row in rows {
        let index = is_shown(&row).then_some(shown.len());
        indexes.insert(oid(row), index);
        if index.is_some() {
            shown.push(row);
        }
    }
    (shown, indexes)
}

/// Rows of roles have this privilege only where the server reserves slots for it.
fn uses_reserved_connections(own: Option<&Role>, info: &ServerInfo) -> Option<bool> {
    let at_login = info.uses_reserved_connections?;
    let own = own.filter(|_| info.reserved_connections > Some(0));
    Some(own.map_or(at_login, |role| role.uses_reserved_connections))
}

fn missing(databases: &[Database], policy: &Policy) -> Vec<String> {
    let exists = |name: &&String| databases.iter().any(|row| row.name == **name);
    policy
        .expected
        .iter()
        .filter(|name| !exists(name))
        .cloned()
        .collect()
}

fn counts(sessions: &[Sessions], of: fn(&Sessions) -> Option<Oid>) -> HashMap<Oid, u32> {
    let mut counts = HashMap::new();
    for group in sessions {
        if let Some(oid) = of(group) {
            add(counts.entry(oid).or_default(), group.count);
        }
    }
    counts
}

fn busiest_first<'a>(
    rows: impl Iterator<Item = (Oid, &'a str)>,
    counts: &HashMap<Oid, u32>,
) -> Vec<&'a str> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(oid, _)| (Reverse(counts.get(oid).copied().unwrap_or(0)), *oid));
    rows.into_iter().map(|(_, name)| name).collect()
}
