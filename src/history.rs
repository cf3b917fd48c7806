//! What happened between two scrapes: the peak of the last polls and the time without headroom. Pure: `now` is the time
//! since the poller began, and every poll that got its data is told here once.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::sample::Oid;

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

/// The history of one server, database or role.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Track {
    /// Series go by name. A database or role that is renamed begins anew, because the series of its new name may have been
    /// those of another.
    name: String,
    peak: Peak,
    exhausted: Duration,
    was_exhausted: bool,
}

impl Track {
    fn observe(&mut self, at: &Moment, seen: Observed) -> Past {
        self.peak.push(at.now, seen.used, at.window);
        if self.was_exhausted {
            self.exhausted += at.since_last;
        }
        self.was_exhausted = seen.headroom == Some(0);
        Past {
            peak: self.peak.highest(),
            exhausted: self.exhausted,
        }
    }
}

/// When a poll was, against the one before it.
#[derive(Debug, Clone, Copy)]
struct Moment {
    now: Duration,
    since_last: Duration,
    window: Duration,
}

/// What the polls up to this one saw of the server, a database or a role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// The highest number of connections that a poll of the window saw.
    pub(crate) peak: Option<u32>,
    /// The time for which polls saw no headroom. A poll speaks for the time until the next one, and for none across a gap.
    pub(crate) exhausted: Duration,
}

/// The history of all polls of one server.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct History {
    last: Option<Duration>,
    server: Track,
    databases: HashMap<Oid, Track>,
    roles: HashMap<Oid, Track>,
}

impl History {
    /// A poll got its data.
    pub(crate) fn poll(&mut self, now: Duration, window: Duration) -> HistoryPoll<'_> {
        let last = self.last.replace(now);
        let moment = Moment {
            now,
            since_last: last.map_or(Duration::ZERO, |last| now.saturating_sub(last)),
            window,
        };
        HistoryPoll {
            history: self,
            moment,
        }
    }

    /// Forgets all databases and roles but these, and what was known of those that had another name.
    pub(crate) fn keep<'a>(
        &mut self,
        databases: impl Iterator<Item = (Oid, &'a str)>,
        roles: impl Iterator<Item = (Oid, &'a str)>,
    ) {
        keep(&mut self.databases, databases);
        keep(&mut self.roles, roles);
    }

    /// A poll failed, or the agent was stopped: nothing is known of the time until the next good poll, and none of it counts.
    pub(crate) fn gap(&mut self) {
        self.last = None;
    }
}

/// One poll, told of the server and of each database and role once.
pub(crate) struct HistoryPoll<'a> {
    history: &'a mut History,
    moment: Moment,
}

impl HistoryPoll<'_> {
    pub(crate) fn server(&mut self, seen: Observed) -> Past {
        self.history.server.observe(&self.moment, seen)
    }

    pub(crate) fn database(&mut self, oid: Oid, seen: Observed) -> Past {
        let track = self.history.databases.entry(oid).or_default();
        track.observe(&self.moment, seen)
    }

    pub(crate) fn role(&mut self, oid: Oid, seen: Observed) -> Past {
        let track = self.history.roles.entry(oid).or_default();
        track.observe(&self.moment, seen)
    }
}

fn keep<'a>(tracks: &mut HashMap<Oid, Track>, present: impl Iterator<Item = (Oid, &'a str)>) {
    let mut known = std::mem::take(tracks);
    for (oid, name) in present {
        let track = known.remove(&oid).filter(|track| track.name == name);
        let anew = || Track {
            name: name.to_owned(),
            ..Track::default()
        };
        tracks.insert(oid, track.unwrap_or_else(anew));
    }
}

#[cfg(test)]
mod tests;
