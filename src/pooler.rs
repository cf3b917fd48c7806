//! A `PgBouncer` in front of a server: what it may open, which clients wait in it, and which of its names have series of their
//! own. Pure: `now` is the time since the poller began.

mod ceiling;
mod queue;
mod shown;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::sample::pooler::{Pool, PoolerAnswer, PoolerSettings};

use ceiling::ceilings;
pub(crate) use ceiling::{Ceiling, Ceilings};
pub(crate) use queue::Queue;
use queue::Queues;
use shown::Shown;

/// How many pools, and how many entries of `[databases]`, have series of their own. Clients choose the names of users, and with
/// an entry `*` those of databases.
pub(crate) const SERIES: usize = 200;

/// The name of what is summed up.
pub(crate) const OTHER: &str = "other";

/// The pooler as of its last poll.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PoolerView {
    /// The pools with series of their own, and the sum of the others as [`OTHER`].
    pub(crate) pools: Vec<Pool>,
    /// Pools in the sum, and entries of `[databases]` without series.
    pub(crate) overflow: (usize, usize),
    /// Only entries of `[databases]` that have series of their own.
    pub(crate) settings: Arc<PoolerSettings>,
    /// None: its entries lead to several servers, and `server_hosts` does not say which of them is this one.
    pub(crate) ceilings: Option<Ceilings>,
    /// The clients that wait, by database of PostgreSQL. Empty if `ceilings` is None.
    pub(crate) queues: BTreeMap<String, Queue>,
}

impl PoolerView {
    /// Used and limit of `max_client_conn`. None: unknown.
    pub(crate) fn clients(&self) -> Option<(i64, i64)> {
        let used = self.settings.count_of("used_clients")?;
        Some((used, self.settings.max_clients.filter(|limit| *limit > 0)?))
    }
}

/// What the polls of one pooler leave for the next.
#[derive(Debug, Default)]
pub(crate) struct PoolerTracker {
    settings: Arc<PoolerSettings>,
    queues: Queues,
    shown: Shown,
}

impl PoolerTracker {
    /// `server_hosts`: `host` or `host:port` of the entries that lead to this server; empty: all do.
    pub(crate) fn observe(
        &mut self,
        answer: PoolerAnswer,
        server_hosts: &[String],
        now: Duration,
        window: Duration,
    ) -> PoolerView {
        if let Some(settings) = answer.settings {
            self.settings = Arc::new(settings);
        }
        let settings = &self.settings;
        let mine = ceiling::of_server(&settings.aliases, server_hosts);
        let ceilings = mine
            .as_ref()
            .map(|aliases| ceilings(aliases, &answer.pools, settings));
        let mine = mine.unwrap_or_default();
        let shown = &mut self.shown;
        let overflow = shown.assign(&answer.pools, &settings.aliases, now);
        let queues = self.queues.record(&answer.pools, &mine, now, window);
        PoolerView {
            pools: self.shown.pools(answer.pools),
            overflow,
            settings: self.shown.settings(settings, now),
            ceilings,
            queues,
        }
    }

    /// An entry of `[databases]` that the last settings did not have.
    pub(crate) fn has_unknown_alias(&self, pools: &[Pool]) -> bool {
        let aliases = self.settings.aliases.iter();
        let known: HashSet<_> = aliases.map(|alias| &alias.name).collect();
        !pools.iter().all(|pool| known.contains(&pool.alias))
    }

    /// The time until the next poll is unknown.
    pub(crate) fn mark_gap(&mut self) {
        self.queues.mark_gap();
    }
}

#[cfg(test)]
mod tests;
