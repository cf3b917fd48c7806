//! Sessions of each database as series show them: a bounded number of applications, and the rest in one sum.

use std::collections::{BTreeMap, HashMap};

use crate::sample::{Activity, Oid, Sessions};

/// The label that stands for every `application_name` beyond the configured number of them.
pub(crate) const OTHER: &str = "other";

/// What tells the series of one database's sessions apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey {
    pub(crate) usename: String,
    pub(crate) application_name: String,
    pub(crate) state: String,
    pub(crate) backend_type: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct SessionTotal {
    pub(crate) count: u32,
    pub(crate) blocked: u32,
    pub(crate) oldest_transaction: Option<f64>,
}

/// Sessions of each database, with at most `names` applications told apart in it: those with the most sessions.
pub(super) fn grouped(
    activity: &Activity,
    names: usize,
) -> HashMap<Oid, BTreeMap<SessionKey, SessionTotal>> {
    let roles: HashMap<Oid, &str> = activity
        .roles
        .iter()
        .map(|role| (role.oid, role.name.as_str()))
        .collect();
    let mut by_database: HashMap<Oid, Vec<&Sessions>> = HashMap::new();
    for group in &activity.sessions {
        if let Some(oid) = group.database
            && group.backend_type.is_some()
        {
            by_database.entry(oid).or_default().push(group);
        }
    }
    by_database
        .into_iter()
        .map(|(oid, groups)| (oid, fold(&groups, &roles, names)))
        .collect()
}

fn fold(
    groups: &[&Sessions],
    roles: &HashMap<Oid, &str>,
    names: usize,
) -> BTreeMap<SessionKey, SessionTotal> {
    let kept = busiest(groups, names);
    let mut totals: BTreeMap<SessionKey, SessionTotal> = BTreeMap::new();
    for group in groups {
        let name = group.application_name.as_str();
        let key = SessionKey {
            usename: group
                .role
                .and_then(|oid| roles.get(&oid))
                .copied()
                .unwrap_or_default()
                .to_owned(),
            application_name: if kept.contains(&name) { name } else { OTHER }.to_owned(),
            state: group.state.clone().unwrap_or_default(),
            backend_type: group.backend_type.clone().unwrap_or_default(),
        };
        let total = totals.entry(key).or_default();
        total.count += group.count;
        total.blocked += group.blocked;
        total.oldest_transaction = [total.oldest_transaction, group.oldest_transaction]
            .into_iter()
            .flatten()
            .reduce(f64::max);
    }
    totals
}

fn busiest<'a>(groups: &[&'a Sessions], names: usize) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for group in groups {
        *counts.entry(&group.application_name).or_default() += group.count;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    counts
        .into_iter()
        .take(names)
        .map(|(name, _)| name)
        .collect()
}
