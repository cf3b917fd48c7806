//! What happened between two scrapes: the peak of the last polls, the time without headroom, logins refused. Pure: `now`
//! is the time since the poller began, and every poll that got its data is told here once.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::sample::{Oid, Stats};

/// The highest of the values of a sliding window. Keeps only values that may yet become the highest, so a steady
/// value costs one entry whatever the length of the window.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Peak {
    falling: VecDeque<(Duration, u32)>,
}

impl Peak {
    pub(crate) fn push(&mut self, now: Duration, value: u32, window: Duration) {
        while self
            .falling
            .back()
            .is_some_and(|&(_, earlier)| earlier <= value)
        {
            self.falling.pop_back();
        }
        self.falling.push_back((now, value));
        while self
            .falling
            .front()
            .is_some_and(|&(at, _)| now.saturating_sub(at) > window)
        {
            self.falling.pop_front();
        }
    }

    pub(crate) fn highest(&self) -> Option<u32> {
        self.falling.front().map(|&(_, value)| value)
    }
}

/// What one poll saw of the server, a database or a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) used: u32,
    /// None: nobody can connect, so nothing can be exhausted either.
    pub(crate) headroom: Option<u32>,
}

/// The memory of one server, database or role.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Track {
    peak: Peak,
    exhausted: Duration,
    was_exhausted: bool,
    refusals: Refusals,
}

impl Track {
    /// The highest number of connections that a poll of the window saw.
    pub(crate) fn peak(&self) -> Option<u32> {
        self.peak.highest()
    }

    /// The time for which polls saw no headroom. A poll speaks for the time until the next one, and for none across a gap.
    pub(crate) fn exhausted(&self) -> Duration {
        self.exhausted
    }

    /// Logins refused at the database's limit.
    pub(crate) fn refusals(&self) -> Option<u64> {
        self.refusals.total
    }

    fn observe(&mut self, at: &Moment, seen: Observed) {
        self.peak.push(at.now, seen.used, at.window);
        if self.was_exhausted {
            self.exhausted += at.since_last;
        }
        self.was_exhausted = seen.headroom == Some(0);
    }
}

/// Logins that PostgreSQL refused at a database's limit. `sessions_fatal` also grows for other reasons, so its growth
/// counts only while the database was seen at its limit, in the poll of the reading before or any since.
#[derive(Debug, Clone, Default, PartialEq)]
struct Refusals {
    total: Option<u64>,
    last: Option<i64>,
    is_at_limit: bool,
    was_at_limit: bool,
}

impl Refusals {
    fn observe(&mut self, at_limit: bool) {
        self.is_at_limit = at_limit;
        self.was_at_limit |= at_limit;
    }

    fn read(&mut self, sessions_fatal: i64) {
        let grown = self
            .last
            .map_or(0, |last| sessions_fatal.saturating_sub(last));
        let total = self.total.get_or_insert(0);
        if self.was_at_limit {
            *total += u64::try_from(grown).unwrap_or(0); // negative: the statistics were reset
        }
        self.last = Some(sessions_fatal);
        self.was_at_limit = self.is_at_limit;
    }
}

/// When a poll was, against the one before it.
#[derive(Debug, Clone, Copy)]
struct Moment {
    now: Duration,
    since_last: Duration,
    window: Duration,
}

/// What one poll saw of a database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DatabaseSeen {
    pub(crate) oid: Oid,
    pub(crate) observed: Observed,
    pub(crate) sessions_fatal: Option<i64>,
    /// At the limit of the catalogue, which is the one whose refusals are counted.
    pub(crate) at_limit: bool,
}

/// The memory of all polls of one server. Databases and roles that a poll no longer sees are forgotten.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct History {
    last: Option<Duration>,
    server: Track,
    databases: HashMap<Oid, Track>,
    roles: HashMap<Oid, Track>,
}

impl History {
    /// A poll got its data.
    pub(crate) fn observe(
        &mut self,
        now: Duration,
        window: Duration,
        server: Observed,
        databases: &[DatabaseSeen],
        roles: &[(Oid, Observed)],
    ) {
        let since_last = self
            .last
            .map_or(Duration::ZERO, |last| now.saturating_sub(last));
        let moment = Moment {
            now,
            since_last,
            window,
        };
        self.server.observe(&moment, server);
        keep(&mut self.databases, databases.iter().map(|seen| seen.oid));
        for seen in databases {
            let track = self.databases.entry(seen.oid).or_default();
            track.observe(&moment, seen.observed);
            track.refusals.observe(seen.at_limit);
            if let Some(sessions_fatal) = seen.sessions_fatal {
                track.refusals.read(sessions_fatal);
            }
        }
        keep(&mut self.roles, roles.iter().map(|&(oid, _)| oid));
        for &(oid, seen) in roles {
            self.roles.entry(oid).or_default().observe(&moment, seen);
        }
        self.last = Some(now);
    }

    /// Statistics came, which on some versions have what a poll has on others.
    pub(crate) fn read(&mut self, stats: &Stats) {
        for (oid, track) in &mut self.databases {
            if let Some(sessions_fatal) = stats.get(oid).and_then(|row| row.sessions_fatal) {
                track.refusals.read(sessions_fatal);
            }
        }
    }

    /// A poll failed: what happens until the next good one is known to nobody, and is counted for nobody.
    pub(crate) fn gap(&mut self) {
        self.last = None;
        for track in self.databases.values_mut() {
            track.refusals.last = None;
        }
    }

    pub(crate) fn server(&self) -> &Track {
        &self.server
    }

    pub(crate) fn database(&self, oid: Oid) -> Option<&Track> {
        self.databases.get(&oid)
    }

    pub(crate) fn role(&self, oid: Oid) -> Option<&Track> {
        self.roles.get(&oid)
    }
}

fn keep(tracks: &mut HashMap<Oid, Track>, seen: impl Iterator<Item = Oid>) {
    let seen: std::collections::HashSet<Oid> = seen.collect();
    tracks.retain(|oid, _| seen.contains(oid));
}

#[cfg(test)]
mod tests;
