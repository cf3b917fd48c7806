//! Which databases and roles are shown one by one: those that are watched and have a seat. The rest is only counted. Drawn
//! up when the catalogue or the configuration has changed, and each minute, for a seat may have become free. Pure.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::limits::{self, Slots, add};
use crate::policy::{Budget, Policy};
use crate::sample::{Activity, Database, Oid, Role, ServerInfo, Sessions};
use crate::series::slots::Names;

/// The label that stands for every database, role and `application_name` without a seat. One that is called so is summed up
/// with them.
pub(crate) const OTHER: &str = "other";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tenant {
    pub(crate) row: Database,
    pub(crate) budget: Option<Arc<Budget>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TenantSet {
    pub(crate) info: Arc<ServerInfo>,
    pub(crate) slots: Slots,
    /// The sum of the limits of all databases that are watched.
    pub(crate) committed: u64,
    /// The agent's own role is a superuser, which it need not be.
    pub(crate) superuser: bool,
    /// It may use the reserved slots; None before PostgreSQL 16.
    pub(crate) uses_reserved_connections: Option<bool>,
    /// Databases that have a budget and are not there.
    pub(crate) missing: Vec<String>,
    pub(crate) databases: Vec<Arc<Tenant>>,
    pub(crate) roles: Vec<Arc<Role>>,
    /// Databases and roles that are watched and have no series of their own.
    pub(crate) folded: (usize, usize),
    /// The place of each that is watched; None: it has no series of its own.
    databases_at: HashMap<Oid, Option<usize>>,
    roles_at: HashMap<Oid, Option<usize>>,
}

impl TenantSet {
    /// A database with a budget needs no seat: the operator has named it. Free seats go to those with the most sessions,
    /// of equals to the oldest.
    pub(crate) fn draw_up(
        activity: &Activity,
        info: &Arc<ServerInfo>,
        policy: &Policy,
        names: &mut Names,
        now: Duration,
    ) -> Self {
        let catalogue = &*activity.catalogue;
        let slots = Slots::of(info, policy);
        let watched = catalogue.databases.iter();
        let watched: Vec<_> = watched.filter(|row| policy.watches(&row.name)).collect();
        let budgeted = |name: &str| policy.budget(name).is_some();

        let tenants = watched.iter().map(|row| (row.oid, &*row.name));
        let order = busiest(
            tenants.filter(|(_, name)| !budgeted(name)),
            &counts(&activity.sessions, |group| group.database),
        );
        names
            .databases
            .fill(now, policy.series_limits.databases, &order);
        names.keep_applications(budgeted);
        let logins = catalogue.roles.iter().map(|row| (row.oid, &*row.name));
        let order = busiest(logins, &counts(&activity.sessions, |group| group.role));
        names.roles.fill(now, policy.series_limits.roles, &order);

        let shown = |row: &&Database| budgeted(&row.name) || names.databases.has(&row.name);
        let (databases, databases_at) = placed(watched.iter().copied(), |row| row.oid, shown);
        let has_seat = |role: &&Role| names.roles.has(&role.name);
        let (roles, roles_at) = placed(catalogue.roles.iter(), |role| role.oid, has_seat);
        // As of now, which is later than the login.
        let own = catalogue.roles.iter().find(|role| role.oid == info.role);
        Self {
            info: Arc::clone(info),
            slots,
            committed: limits::committed(watched.iter().copied(), slots),
            superuser: own.map_or(info.superuser, |role| role.superuser),
            uses_reserved_connections: uses_reserved_connections(own, info),
            missing: missing(&catalogue.databases, policy),
            folded: (
                watched.len() - databases.len(),
                catalogue.logins.saturating_sub(roles.len()),
            ),
            databases: databases
                .into_iter()
                .map(|row| Arc::new(tenant(row, policy)))
                .collect(),
            roles: roles.into_iter().cloned().map(Arc::new).collect(),
            databases_at,
            roles_at,
        }
    }

    /// A series of this name is that of all databases which have none.
    pub(crate) fn is_sum(&self, datname: &str) -> bool {
        datname == OTHER && self.folded.0 > 0
    }

    /// What a database is called in series; None: it is not watched.
    pub(crate) fn datname(&self, oid: Oid) -> Option<&str> {
        let at = self.databases_at.get(&oid)?;
        Some(at.map_or(OTHER, |at| &self.databases[at].row.name))
    }

    /// Empty for a role that was dropped under its sessions, and for processes that belong to none.
    pub(crate) fn usename(&self, group: &Sessions) -> &str {
        let at = group.role.and_then(|oid| self.roles_at.get(&oid));
        at.map_or("", |at| at.map_or(OTHER, |at| &self.roles[at].name))
    }
}

fn tenant(row: &Database, policy: &Policy) -> Tenant {
    Tenant {
        row: row.clone(),
        budget: policy.budget(&row.name).cloned(),
    }
}

/// Those that are shown, and where each is among them.
fn placed<'a, T>(
    rows: impl Iterator<Item = &'a T>,
    oid: fn(&T) -> Oid,
    is_shown: impl Fn(&&'a T) -> bool,
) -> (Vec<&'a T>, HashMap<Oid, Option<usize>>) {
    let (mut shown, mut places) = (Vec::new(), HashMap::new());
    for row in rows {
        let place = is_shown(&row).then_some(shown.len());
        places.insert(oid(row), place);
        if place.is_some() {
            shown.push(row);
        }
    }
    (shown, places)
}

/// Rows of roles know it only where there are slots to reserve.
fn uses_reserved_connections(own: Option<&Role>, info: &ServerInfo) -> Option<bool> {
    let at_login = info.uses_reserved_connections?;
    let own = own.filter(|_| info.reserved_connections > Some(0));
    Some(own.map_or(at_login, |role| role.uses_reserved_connections))
}

fn missing(databases: &[Database], policy: &Policy) -> Vec<String> {
    let there = |name: &&String| databases.iter().any(|row| row.name == **name);
    policy
        .expected
        .iter()
        .filter(|name| !there(name))
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

fn busiest<'a>(
    rows: impl Iterator<Item = (Oid, &'a str)>,
    counts: &HashMap<Oid, u32>,
) -> Vec<&'a str> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(oid, _)| (Reverse(counts.get(oid).copied().unwrap_or(0)), *oid));
    rows.into_iter().map(|(_, name)| name).collect()
}
