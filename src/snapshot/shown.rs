//! Which databases and roles are shown one by one: those that have a seat. The rest is only counted.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Observation;
use super::sessions::{Grouped, grouped};
use crate::limits::add;
use crate::names::Names;
use crate::policy::Policy;
use crate::sample::{Activity, Oid, Sessions};

/// Names that have no series of their own in this poll.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Folded {
    pub(crate) databases: usize,
    pub(crate) roles: usize,
    /// Over all databases. None: the agent's role does not see all sessions, and no application is shown.
    pub(crate) applications: Option<usize>,
}

/// The databases and roles that were taken out of a sample.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    pub(super) databases: HashSet<Oid>,
    pub(super) roles: HashSet<Oid>,
}

/// Leaves in the sample what is shown one by one; sums up the sessions of the rest, if all of them are seen.
pub(super) fn fold(
    seen: &mut Observation<'_>,
    sees_all_sessions: bool,
    names: &mut Names,
) -> (Folded, Option<Grouped>) {
    let hidden = take_hidden(&mut seen.activity, seen.policy, names, seen.now);
    let seats = seen.policy.application_names;
    let grouped =
        sees_all_sessions.then(|| grouped(&seen.activity, &hidden, names, seats, seen.now));
    let folded = Folded {
        databases: hidden.databases.len(),
        roles: seen
            .activity
            .logins
            .saturating_sub(seen.activity.roles.len()),
        applications: grouped.as_ref().map(|grouped| grouped.folded),
    };
    (folded, grouped)
}

/// Takes out of the sample what has no seat. A database with a budget needs none: the operator has named it. Free seats go
/// to those with the most sessions, of equals to the oldest.
fn take_hidden(
    activity: &mut Activity,
    policy: &Policy,
    names: &mut Names,
    now: Duration,
) -> Hidden {
    let mut hidden = Hidden::default();
    let budgeted = |name: &str| policy.budget(name).is_some();

    let tenants = activity.databases.iter().map(|row| (row.oid, &*row.name));
    let order = busiest(
        tenants.filter(|(_, name)| !budgeted(name)),
        &counts(&activity.sessions, |group| group.database),
    );
    names.databases.fill(now, policy.databases, &order);
    activity.databases.retain(|row| {
        let shown = budgeted(&row.name) || names.databases.has(&row.name);
        shown || !hidden.databases.insert(row.oid)
    });
    names.keep_applications(budgeted);

    let logins = activity.roles.iter().map(|row| (row.oid, &*row.name));
    let order = busiest(logins, &counts(&activity.sessions, |group| group.role));
    names.roles.fill(now, policy.roles, &order);
    activity
        .roles
        .retain(|row| names.roles.has(&row.name) || !hidden.roles.insert(row.oid));
    hidden
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
