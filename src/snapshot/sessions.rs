//! Sessions as series show them: a limited number of applications per database, and one sum for the rest. The agent's own
//! session is left out.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::history::WorkingSessions;
use crate::limits::add;
use crate::sample::{Oid, Sessions};
use crate::series::tenants::OTHER;
use crate::tracker::PolledState;

/// The labels of a series of sessions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey {
    pub(crate) datname: String,
    pub(crate) usename: String,
    pub(crate) application_name: String,
    pub(crate) state: &'static str,
    pub(crate) backend_type: &'static str,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct SessionTotal {
    pub(crate) count: u32,
    pub(crate) oldest_transaction: Option<f64>,
    /// When the statement began that has run longest, in seconds since the epoch.
    pub(crate) oldest_statement: Option<f64>,
    /// Those that work, by what they wait for.
    pub(crate) working: WorkingSessions,
}

/// The sessions of the watched databases.
#[derive(Debug, Default)]
pub(super) struct Grouped {
    pub(super) totals: BTreeMap<SessionKey, SessionTotal>,
    /// Sessions that wait for a lock, by database.
    blocked: HashMap<Oid, u32>,
    /// How many applications have no series of their own.
    pub(super) overflow: usize,
}

/// Groups sessions by their labels; names without a series slot become [`OTHER`].
pub(super) fn grouped(polled: &PolledState) -> Grouped {
    let (tenants, mut grouped, mut overflow) =
        (&*polled.tenants, Grouped::default(), HashSet::new());
    for group in polled.sessions.iter().filter(|group| group.others() > 0) {
        let (Some(oid), Some(_)) = (group.database, &group.backend_type) else {
            continue;
        };
        let Some(datname) = tenants.datname(oid) else {
            continue;
        };
        add(grouped.blocked.entry(oid).or_default(), group.blocked());
        let name = &*group.application_name;
        let has_slot = !tenants.is_sum(datname) && polled.names.has_application(datname, name);
        if !has_slot {
            overflow.insert((datname, name));
        }
        let name = if has_slot { name } else { OTHER };
        grouped.add(group, datname, tenants.usename(group), name);
    }
    grouped.overflow = overflow.len();
    grouped
}

impl Grouped {
    /// How many sessions of a database wait for a lock.
    pub(super) fn blocked_in(&self, database: Oid) -> u32 {
        self.blocked.get(&database).copied().unwrap_or(0)
    }

    fn add(&mut self, group: &Sessions, datname: &str, usename: &str, application_name: &str) {
        let key = SessionKey {
            datname: datname.to_owned(),
            usename: usename.to_owned(),
            application_name: application_name.to_owned(),
            state: group.state.unwrap_or_default(),
            backend_type: group.backend_type.unwrap_or_default(),
        };
        let total = self.totals.entry(key).or_default();
        add(&mut total.count, group.others());
        total.oldest_transaction = [total.oldest_transaction, group.oldest_transaction]
            .into_iter()
            .flatten()
            .reduce(f64::max);
        total.oldest_statement = [total.oldest_statement, group.oldest_statement]
            .into_iter()
            .flatten()
            .reduce(f64::min);
        if let Some(wait) = group.wait {
            total.working.add(wait, group.count);
        }
    }
}
