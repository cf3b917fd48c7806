//! The clients that wait in a pooler for a server connection: how many at most, and for how long together. Each poll counts
//! until the next one, so nothing between two scrapes is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use super::SERIES;
use crate::history::Peak;
use crate::sample::pooler::{Alias, Pool, PoolFigure, count};

/// The clients that wait for one database of PostgreSQL.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Queue {
    pub(crate) waiting: u32,
    /// The most that a poll of the window saw.
    pub(crate) peak: u32,
    /// Seconds that clients waited, summed up over the clients.
    pub(crate) seconds: f64,
    /// Connections that the pooler has to the database.
    pub(crate) servers: u32,
}

#[derive(Debug, Default)]
struct QueueHistory {
    queue: Queue,
    peak: Peak,
}

#[derive(Debug, Default)]
pub(super) struct Queues {
    last: Option<Duration>,
    /// At most [`SERIES`].
    databases: BTreeMap<String, QueueHistory>,
}

const SERVERS: [PoolFigure; 7] = [
    PoolFigure::ServersActive,
    PoolFigure::ServersActiveCancel,
    PoolFigure::ServersBeingCancelled,
    PoolFigure::ServersIdle,
    PoolFigure::ServersUsed,
    PoolFigure::ServersTested,
    PoolFigure::ServersLogin,
];

impl Queues {
    /// Records one poll. A database that is no longer behind the pooler is dropped.
    pub(super) fn record(
        &mut self,
        pools: &[Pool],
        aliases: &[&Alias],
        now: Duration,
        window: Duration,
    ) -> BTreeMap<String, Queue> {
        let last = self.last.replace(now);
        let since_last = last.map_or(0.0, |last| now.saturating_sub(last).as_secs_f64());
        let seen = counts(pools, aliases);
        self.databases.retain(|name, _| seen.contains_key(&**name));
        for (name, (waiting, servers)) in seen {
            if !self.databases.contains_key(name) && self.databases.len() >= SERIES {
                continue;
            }
            let history = self.databases.entry(name.to_owned()).or_default();
            history.peak.push(now, waiting, window);
            let queue = &mut history.queue;
            queue.seconds += f64::from(queue.waiting) * since_last;
            (queue.waiting, queue.servers) = (waiting, servers);
            queue.peak = history.peak.highest().unwrap_or(waiting);
        }
        let databases = self.databases.iter();
        databases
            .map(|(name, history)| (name.clone(), history.queue))
            .collect()
    }

    pub(super) fn mark_gap(&mut self) {
        self.last = None;
    }
}

/// Waiting clients and server connections of each database behind these entries.
fn counts<'a>(pools: &[Pool], aliases: &[&'a Alias]) -> BTreeMap<&'a str, (u32, u32)> {
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut datnames = BTreeMap::new();
    for alias in aliases {
        datnames.insert(&*alias.name, &*alias.datname);
        counts.entry(&alias.datname).or_default();
    }
    for pool in pools {
        let Some((waiting, servers)) = datnames
            .get(&*pool.alias)
            .and_then(|datname| counts.get_mut(datname))
        else {
            continue;
        };
        *waiting = waiting.saturating_add(pool.waiting().unwrap_or(0));
        let figures = SERVERS.iter().filter_map(|figure| pool.figure(*figure));
        *servers = servers.saturating_add(count(figures.sum()));
    }
    counts
}
