//! What happened between two scrapes: the peak of the recent polls, the time without headroom, and the time that sessions worked. Every successful poll is
//! recorded here once. Pure: `now` is the time since the poller began.

mod active;
mod processes;
mod statements;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::sample::Oid;

use active::Integral;
pub(crate) use active::{ActiveSeconds, ActiveTimes, Working, WorkingSessions};
pub(crate) use processes::{DatabaseProcesses, ProcessHistory, ProcessTotals};
pub(crate) use statements::{Place, StatementHistory, StatementTotals};

const MINUTE: Duration = Duration::from_mins(1);

/// The maximum over a sliding window. Keeps only values that may still become the maximum, so a steady value costs one
/// entry, however long the window is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Peak {
    candidates: VecDeque<(Duration, u32)>,
}

impl Peak {
    pub(crate) fn push(&mut self, now: Duration, value: u32, window: Duration) {
        while self
            .candidates
            .back()
            .is_some_and(|&(_, earlier)| earlier <= value)
        {
            self.candidates.pop_back();
        }
        self.candidates.push_back((now, value));
        while self
            .candidates
            .front()
            .is_some_and(|&(at, _)| now.saturating_sub(at) > window)
        {
            self.candidates.pop_front();
        }
    }

    /// The highest value of the window of the last push.
    pub(crate) fn highest(&self) -> Option<u32> {
        self.candidates.front().map(|&(_, value)| value)
    }

    /// The highest value of the last `window`, which is at most the one of the last push.
    pub(crate) fn within(&self, now: Duration, window: Duration) -> Option<u32> {
        let mut candidates = self.candidates.iter();
        let recent = candidates.find(|(at, _)| now.saturating_sub(*at) <= window);
        recent.map(|&(_, value)| value)
    }
}

/// What one poll saw of the server, a database or a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) used: u32,
    /// None: no login is possible whatever the limits are, so nothing can be exhausted.
    pub(crate) headroom: Option<u32>,
}

/// The history of one server, database or role.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ObjectHistory {
    /// Series go by name. A database or role that is renamed starts a new history, because the series of its new name may
    /// have been those of another.
    name: String,
    peak: Peak,
    exhausted: Duration,
    was_exhausted: bool,
    /// None: no poll saw a session that worked. Not used for roles.
    active: Option<Box<Integral>>,
}

impl ObjectHistory {
    fn record(&mut self, time: &PollTime, seen: Observed) -> HistoryStatus {
        self.peak.push(time.now, seen.used, time.window.max(MINUTE));
        if self.was_exhausted {
            self.exhausted += time.since_last;
        }
        self.was_exhausted = seen.headroom == Some(0);
        HistoryStatus {
            peak: self.peak.within(time.now, time.window),
            minute_peak: self.peak.within(time.now, MINUTE),
            exhausted: self.exhausted,
        }
    }
}

/// When a poll ended, and how long after the one before it.
#[derive(Debug, Clone, Copy)]
struct PollTime {
    now: Duration,
    since_last: Duration,
    window: Duration,
}

/// What the polls up to this one saw of the server, a database or a role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HistoryStatus {
    /// The most connections that a poll of the window saw.
    pub(crate) peak: Option<u32>,
    /// The most connections that a poll of the last minute saw.
    pub(crate) minute_peak: Option<u32>,
    /// The time for which polls saw no headroom. A poll counts until the next one, and not across a gap.
    pub(crate) exhausted: Duration,
}

/// The history of all polls of one server.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct History {
    last: Option<Duration>,
    server: ObjectHistory,
    databases: HashMap<Oid, ObjectHistory>,
    roles: HashMap<Oid, ObjectHistory>,
    /// For the server as a whole.
    active: Integral,
    /// For all databases without series of their own.
    active_of_other: Integral,
}

impl History {
    /// Begins the record of a successful poll.
    pub(crate) fn poll(&mut self, now: Duration, window: Duration) -> HistoryPoll<'_> {
        let last = self.last.replace(now);
        let time = PollTime {
            now,
            since_last: last.map_or(Duration::ZERO, |last| now.saturating_sub(last)),
            window,
        };
        HistoryPoll {
            history: self,
            time,
        }
    }

    /// Drops the history of all databases and roles but these, and of those that had another name.
    pub(crate) fn retain<'a>(
        &mut self,
        databases: impl Iterator<Item = (Oid, &'a str)>,
        roles: impl Iterator<Item = (Oid, &'a str)>,
    ) {
        retain(&mut self.databases, databases);
        retain(&mut self.roles, roles);
    }

    /// A poll failed, or the agent was stopped: the time until the next successful poll is unknown and does not count.
    pub(crate) fn mark_gap(&mut self) {
        self.last = None;
    }
}

/// One poll. Records the server and each database and role once.
pub(crate) struct HistoryPoll<'a> {
    history: &'a mut History,
    time: PollTime,
}

impl HistoryPoll<'_> {
    pub(crate) fn server(&mut self, seen: Observed) -> HistoryStatus {
        self.history.server.record(&self.time, seen)
    }

    pub(crate) fn database(&mut self, oid: Oid, seen: Observed) -> HistoryStatus {
        let object = self.history.databases.entry(oid).or_default();
        object.record(&self.time, seen)
    }

    pub(crate) fn role(&mut self, oid: Oid, seen: Observed) -> HistoryStatus {
        let object = self.history.roles.entry(oid).or_default();
        object.record(&self.time, seen)
    }
}

fn retain<'a>(
    objects: &mut HashMap<Oid, ObjectHistory>,
    present: impl Iterator<Item = (Oid, &'a str)>,
) {
    let mut known = std::mem::take(objects);
    for (oid, name) in present {
        let object = known.remove(&oid).filter(|object| object.name == name);
        let new = || ObjectHistory {
            name: name.to_owned(),
            ..ObjectHistory::default()
        };
        objects.insert(oid, object.unwrap_or_else(new));
    }
}

#[cfg(test)]
mod tests;
