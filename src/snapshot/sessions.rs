//! Sessions as series show them: a bounded number of applications of each database, and the rest in one sum.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::shown::Hidden;
use crate::limits::add;
use crate::names::{Names, Seats};
use crate::sample::{Activity, Database, Oid, Role, Sessions};

/// The label that stands for every database, role and `application_name` without a seat. One that is called so is summed up
/// with them.
pub(crate) const OTHER: &str = "other";

/// What tells the series of sessions apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey {
    pub(crate) datname: String,
    pub(crate) usename: String,
    pub(crate) application_name: String,
    pub(crate) state: String,
    pub(crate) backend_type: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct SessionTotal {
    pub(crate) count: u32,
    pub(crate) oldest_transaction: Option<f64>,
}

/// The sessions of the databases watched.
#[derive(Debug, Default)]
pub(super) struct Grouped {
    pub(super) totals: BTreeMap<SessionKey, SessionTotal>,
    /// Sessions that wait for a lock, by database.
    pub(super) blocked: HashMap<Oid, u32>,
    /// Applications that have no series of their own.
    pub(super) folded: usize,
}

/// Sums up what has no seat; free seats of a database go to the applications with the most sessions in it.
pub(super) fn grouped(
    activity: &Activity,
    hidden: &Hidden,
    names: &mut Names,
    seats: usize,
    now: Duration,
) -> Grouped {
    let labels = Labels::of(activity, hidden);
    let mut by_database: BTreeMap<&str, Vec<&Sessions>> = BTreeMap::new();
    let mut grouped = Grouped::default();
    for group in &activity.sessions {
        if let Some(oid) = group.database
            && let Some(datname) = labels.databases.get(&oid)
            && group.backend_type.is_some()
        {
            by_database.entry(datname).or_default().push(group);
            add(grouped.blocked.entry(oid).or_default(), group.blocked);
        }
    }
    let nobody = Seats::default();
    for (datname, groups) in by_database {
        let present = busiest(&groups);
        let seated = if datname == OTHER && !hidden.databases.is_empty() {
            &nobody
        } else {
            names.applications(datname).fill(now, seats, &present)
        };
        grouped.folded += present.iter().filter(|name| !seated.has(name)).count();
        for group in groups {
            grouped.add(group, datname, labels.usename(group), seated);
        }
    }
    grouped
}

impl Grouped {
    fn add(&mut self, group: &Sessions, datname: &str, usename: &str, seated: &Seats) {
        let name = group.application_name.as_str();
        let key = SessionKey {
            datname: datname.to_owned(),
            usename: usename.to_owned(),
            application_name: if seated.has(name) { name } else { OTHER }.to_owned(),
            state: group.state.clone().unwrap_or_default(),
            backend_type: group.backend_type.clone().unwrap_or_default(),
        };
        let total = self.totals.entry(key).or_default();
        add(&mut total.count, group.count);
        total.oldest_transaction = [total.oldest_transaction, group.oldest_transaction]
            .into_iter()
            .flatten()
            .reduce(f64::max);
    }
}

/// What databases and roles are called in series.
struct Labels<'a> {
    databases: HashMap<Oid, &'a str>,
    roles: HashMap<Oid, &'a str>,
}

impl<'a> Labels<'a> {
    fn of(activity: &'a Activity, hidden: &Hidden) -> Self {
        let other = |oid: &Oid| (*oid, OTHER);
        let database = |row: &'a Database| (row.oid, &*row.name);
        let role = |row: &'a Role| (row.oid, &*row.name);
        let databases = activity.databases.iter().map(database);
        let roles = activity.roles.iter().map(role);
        Self {
            databases: databases
                .chain(hidden.databases.iter().map(other))
                .collect(),
            roles: roles.chain(hidden.roles.iter().map(other)).collect(),
        }
    }

    /// Empty for a role that was dropped under its sessions, and for processes that belong to none.
    fn usename(&self, group: &Sessions) -> &'a str {
        let name = group.role.and_then(|oid| self.roles.get(&oid));
        name.copied().unwrap_or_default()
    }
}

fn busiest<'a>(groups: &[&'a Sessions]) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for group in groups {
        add(
            counts.entry(&group.application_name).or_default(),
            group.count,
        );
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(_, count)| Reverse(count));
    counts.into_iter().map(|(name, _)| name).collect()
}
