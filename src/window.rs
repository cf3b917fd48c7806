//! What happened between two scrapes: the peak of the last polls, the time without headroom, logins refused. Pure: `now`
//! is the time since the poller began, and every poll that got its data is told here once.

use std::collections::{HashMap, HashSet, VecDeque};
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
    fn observe(&mut self, at: &Moment, seen: Observed) -> Remembered {
        self.peak.push(at.now, seen.used, at.window);
        if self.was_exhausted {
            self.exhausted += at.since_last;
        }
        self.was_exhausted = seen.headroom == Some(0);
        Remembered {
            peak: self.peak.highest(),
            exhausted: self.exhausted,
            refusals: self.refusals.total,
        }
    }
}

/// Logins that PostgreSQL refused at a database's limit. `sessions_fatal` also grows for other reasons, so its growth
/// counts only while the database was seen at its limit, in the poll of the reading before or any since. It comes with the
/// statistics, and since PostgreSQL 15 with every poll while the database is at half of its limit or above.
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
    /// None: it was not read, or is not there to be read.
    pub(crate) sessions_fatal: Option<i64>,
    /// At the limit of the catalogue, which is the one whose refusals are counted.
    pub(crate) at_limit: bool,
}

/// What is known of the time before a poll: of the server, and of databases and roles in the order in which they were told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Past {
    pub(crate) server: Remembered,
    pub(crate) databases: Vec<Remembered>,
    pub(crate) roles: Vec<Remembered>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// The highest number of connections that a poll of the window saw.
    pub(crate) peak: Option<u32>,
    /// The time for which polls saw no headroom. A poll speaks for the time until the next one, and for none across a gap.
    pub(crate) exhausted: Duration,
    /// Logins refused at the database's limit.
    pub(crate) refusals: Option<u64>,
}

/// The memory of all polls of one server.
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
        databases: impl Iterator<Item = DatabaseSeen>,
        roles: impl Iterator<Item = (Oid, Observed)>,
    ) -> Past {
        let since_last = self
            .last
            .map_or(Duration::ZERO, |last| now.saturating_sub(last));
        let moment = Moment {
            now,
            since_last,
            window,
        };
        self.last = Some(now);
        let database = |seen: DatabaseSeen| {
            let track = self.databases.entry(seen.oid).or_default();
            track.refusals.observe(seen.at_limit);
            if let Some(sessions_fatal) = seen.sessions_fatal {
                track.refusals.read(sessions_fatal);
            }
            track.observe(&moment, seen.observed)
        };
        let role = |(oid, seen)| {
            let track = self.roles.entry(oid).or_default();
            track.observe(&moment, seen)
        };
        Past {
            server: self.server.observe(&moment, server),
            databases: databases.map(database).collect(),
            roles: roles.map(role).collect(),
        }
    }

    /// Forgets all databases and roles but these.
    pub(crate) fn keep(
        &mut self,
        databases: impl Iterator<Item = Oid>,
        roles: impl Iterator<Item = Oid>,
    ) {
        let (databases, roles): (HashSet<Oid>, HashSet<Oid>) =
            (databases.collect(), roles.collect());
        self.databases.retain(|oid, _| databases.contains(oid));
        self.roles.retain(|oid, _| roles.contains(oid));
    }

    /// Statistics came, which have the counter of refused logins too.
    pub(crate) fn read(&mut self, stats: &Stats) {
        for (oid, track) in &mut self.databases {
            if let Some(sessions_fatal) = stats.get(oid).and_then(|row| row.sessions_fatal) {
                track.refusals.read(sessions_fatal);
            }
        }
    }

    /// The last poll was so long ago that the process must have been stopped: of the time since, nobody has seen anything.
    pub(crate) fn outlive(&mut self, now: Duration, validity: Duration) {
        if self.last.is_some_and(|last| now > last + validity) {
            self.gap();
        }
    }

    /// A poll failed: what happens until the next good one is known to nobody, and is counted for nobody.
    pub(crate) fn gap(&mut self) {
        self.last = None;
        for track in self.databases.values_mut() {
            track.refusals.last = None;
        }
    }
}

#[cfg(test)]
mod tests;
