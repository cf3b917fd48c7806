//! Time that sessions worked, by what they waited for: the sessions that each poll sees, integrated over the time until the
//! next poll. What databases without series of their own do is one sum, which never falls when one of them gets its series.

use std::collections::HashMap;
use std::time::Duration;

use super::HistoryPoll;
use crate::sample::{Oid, WaitClass};

const CLASSES: usize = WaitClass::ALL.len();

/// Sessions that work, by what they wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WorkingSessions([u32; CLASSES]);

impl WorkingSessions {
    pub(crate) fn add(&mut self, wait: WaitClass, count: u32) {
        let sum = &mut self.0[wait as usize];
        *sum = sum.saturating_add(count);
    }

    pub(crate) fn of(&self, wait: WaitClass) -> u32 {
        self.0[wait as usize]
    }

    /// All but those that wait for their clients.
    pub(crate) fn active(&self) -> u32 {
        let classes = WaitClass::ALL.into_iter();
        let classes = classes.filter(|wait| *wait != WaitClass::Client);
        classes.fold(0, |sum, wait| sum.saturating_add(self.of(wait)))
    }
}

/// Seconds that sessions worked, by what they waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ActiveSeconds([f64; CLASSES]);

impl ActiveSeconds {
    pub(crate) fn of(&self, wait: WaitClass) -> f64 {
        self.0[wait as usize]
    }
}

/// What one poll sees.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Working {
    /// Everything, with databases that are not watched.
    pub(crate) server: WorkingSessions,
    /// The databases that are watched and have no series of their own.
    pub(crate) other: WorkingSessions,
    /// Only databases where a session works.
    pub(crate) databases: HashMap<Oid, WorkingSessions>,
}

/// The sums over all polls.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ActiveTimes {
    pub(crate) server: ActiveSeconds,
    pub(crate) other: ActiveSeconds,
    /// Only databases where a poll saw a session that worked.
    pub(crate) databases: HashMap<Oid, ActiveSeconds>,
}

/// What the last poll saw, and the sum up to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Integral {
    working: WorkingSessions,
    seconds: ActiveSeconds,
}

impl Integral {
    /// What the last poll saw counts until now.
    fn record(&mut self, since_last: Duration, working: WorkingSessions) -> ActiveSeconds {
        let since_last = since_last.as_secs_f64();
        for (sum, count) in self.seconds.0.iter_mut().zip(self.working.0) {
            *sum += f64::from(count) * since_last;
        }
        self.working = working;
        self.seconds
    }
}

impl HistoryPoll<'_> {
    /// Records every database that has a history.
    pub(crate) fn active(&mut self, seen: &Working) -> ActiveTimes {
        let (since_last, history) = (self.time.since_last, &mut *self.history);
        let mut databases = HashMap::new();
        for (oid, object) in &mut history.databases {
            let working = seen.databases.get(oid);
            if working.is_some() && object.active.is_none() {
                object.active = Some(Box::default());
            }
            if let Some(active) = &mut object.active {
                let working = working.copied().unwrap_or_default();
                databases.insert(*oid, active.record(since_last, working));
            }
        }
        ActiveTimes {
            server: history.active.record(since_last, seen.server),
            other: history.active_of_other.record(since_last, seen.other),
            databases,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::History;

    const WINDOW: Duration = Duration::from_mins(2);

    fn history() -> History {
        let mut history = History::default();
        history.retain([(1, "shop"), (2, "blog")].into_iter(), [].into_iter());
        history
    }

    fn working(databases: &[(Oid, WaitClass, u32)]) -> Working {
        let mut working = Working::default();
        for &(oid, wait, count) in databases {
            working.server.add(wait, count);
            let place = working.databases.entry(oid).or_default();
            place.add(wait, count);
        }
        working
    }

    fn poll(history: &mut History, at: u64, seen: &Working) -> ActiveTimes {
        let mut poll = history.poll(Duration::from_secs(at), WINDOW);
        poll.active(seen)
    }

    fn seconds(times: &ActiveTimes, oid: Oid, wait: WaitClass) -> Option<f64> {
        Some(times.databases.get(&oid)?.of(wait))
    }

    #[test]
    fn sessions_count_from_the_poll_that_sees_them_until_the_next() {
        let mut history = history();
        let busy = working(&[(1, WaitClass::Cpu, 4), (1, WaitClass::Lock, 1)]);
        let first = poll(&mut history, 10, &busy);
        assert_eq!(seconds(&first, 1, WaitClass::Cpu), Some(0.0));
        let second = poll(&mut history, 12, &working(&[(2, WaitClass::Io, 1)]));
        assert_eq!(seconds(&second, 1, WaitClass::Cpu), Some(8.0));
        assert_eq!(seconds(&second, 1, WaitClass::Lock), Some(2.0));
        assert_eq!(seconds(&second, 2, WaitClass::Io), Some(0.0));
        let third = poll(&mut history, 15, &Working::default());
        assert_eq!(seconds(&third, 1, WaitClass::Cpu), Some(8.0));
        assert_eq!(seconds(&third, 2, WaitClass::Io), Some(3.0));
        assert_eq!(Some(third.server.of(WaitClass::Cpu)), Some(8.0));
        assert_eq!(Some(third.server.of(WaitClass::Io)), Some(3.0));
        assert_eq!(seconds(&third, 3, WaitClass::Cpu), None);
    }

    #[test]
    fn a_gap_does_not_count_and_keeps_the_sums() {
        let mut history = history();
        let busy = working(&[(1, WaitClass::Cpu, 1)]);
        poll(&mut history, 10, &busy);
        poll(&mut history, 11, &busy);
        history.mark_gap();
        let after = poll(&mut history, 500, &busy);
        assert_eq!(seconds(&after, 1, WaitClass::Cpu), Some(1.0));
        let next = poll(&mut history, 501, &busy);
        assert_eq!(seconds(&next, 1, WaitClass::Cpu), Some(2.0));
    }

    #[test]
    fn a_database_that_was_renamed_begins_again() {
        let mut history = history();
        let busy = working(&[(1, WaitClass::Cpu, 1)]);
        poll(&mut history, 10, &busy);
        poll(&mut history, 11, &busy);
        history.retain([(1, "store")].into_iter(), [].into_iter());
        let renamed = poll(&mut history, 12, &busy);
        assert_eq!(seconds(&renamed, 1, WaitClass::Cpu), Some(0.0));
        assert_eq!(Some(renamed.server.of(WaitClass::Cpu)), Some(2.0));
    }

    /// The numbers of a server may be wrong.
    #[test]
    fn numbers_that_are_too_large_are_no_panic() {
        let mut most = WorkingSessions::default();
        for _ in 0..2 {
            most.add(WaitClass::Cpu, u32::MAX);
            most.add(WaitClass::Io, u32::MAX);
            most.add(WaitClass::Client, 1);
        }
        assert_eq!(most.active(), u32::MAX);
        let seen = Working {
            server: most,
            ..Working::default()
        };
        let mut history = history();
        for at in [0, u64::MAX / 2, u64::MAX / 2, 1] {
            let times = poll(&mut history, at, &seen);
            assert!(times.server.of(WaitClass::Cpu).is_finite());
        }
    }
}
