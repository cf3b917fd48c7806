//! Tables for what is counted when, and the peak against a plain maximum.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::sample::DatabaseStats;

const WINDOW: Duration = Duration::from_mins(2);

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn observed(used: u32, headroom: u32) -> Observed {
    Observed {
        used,
        headroom: Some(headroom),
    }
}

fn database(used: u32, headroom: u32, sessions_fatal: i64) -> DatabaseSeen {
    DatabaseSeen {
        oid: 1,
        observed: observed(used, headroom),
        sessions_fatal: Some(sessions_fatal),
        at_limit: headroom == 0,
    }
}

/// One poll, and what is remembered of the database after it.
fn poll(history: &mut History, at: u64, seen: DatabaseSeen) -> Remembered {
    let (databases, roles) = ([seen].into_iter(), std::iter::empty());
    let past = history.observe(seconds(at), WINDOW, observed(1, 9), databases, roles);
    past.databases[0]
}

fn after(polls: &[(u64, DatabaseSeen)]) -> Remembered {
    let mut history = History::default();
    let past = polls.iter().map(|&(at, seen)| poll(&mut history, at, seen));
    past.last().expect("a poll")
}

#[test]
fn a_burst_between_scrapes_stays_the_peak_until_the_window_has_passed() {
    let mut peak = Peak::default();
    for (at, value) in [(0, 2), (1, 42), (2, 2), (121, 3)] {
        peak.push(seconds(at), value, WINDOW);
    }
    assert_eq!(peak.highest(), Some(42));
    peak.push(seconds(122), 3, WINDOW);
    assert_eq!(peak.highest(), Some(3));
}

#[test]
fn time_at_zero_headroom_adds_up() {
    let past = after(&[
        (0, database(5, 0, 0)),
        (1, database(5, 0, 0)),
        (3, database(4, 1, 0)),
        (9, database(4, 1, 0)),
    ]);
    assert_eq!(past.exhausted, seconds(3));
}

#[test]
fn no_time_is_counted_across_a_gap() {
    let mut history = History::default();
    poll(&mut history, 0, database(5, 0, 0));
    poll(&mut history, 1, database(5, 0, 0));
    history.gap();
    poll(&mut history, 60, database(5, 0, 0));
    let past = poll(&mut history, 61, database(5, 0, 0));
    assert_eq!(past.exhausted, seconds(2));
}

/// The process was stopped, and so was nothing else.
#[test]
fn a_poll_speaks_for_a_while_and_not_for_longer() {
    let exhausted = |silence| {
        let mut history = History::default();
        poll(&mut history, 0, database(5, 0, 3));
        history.outlive(seconds(silence), seconds(13));
        let past = poll(&mut history, silence, database(5, 0, 9));
        (past.exhausted, past.refusals)
    };
    assert_eq!(exhausted(13), (seconds(13), Some(6)));
    assert_eq!(exhausted(14), (Duration::ZERO, Some(0)));
}

#[test]
fn refusals_are_fatal_sessions_at_the_limit() {
    let refusals = |polls: &[(u64, DatabaseSeen)]| after(polls).refusals;
    assert_eq!(
        refusals(&[(0, database(5, 0, 100))]),
        Some(0),
        "the first reading is the baseline"
    );
    assert_eq!(
        refusals(&[
            (0, database(4, 1, 0)),
            (1, database(5, 0, 3)),
            (2, database(4, 1, 5))
        ]),
        Some(5)
    );
    assert_eq!(
        refusals(&[(0, database(4, 1, 0)), (1, database(4, 1, 7))]),
        Some(0),
        "not at its limit"
    );
    assert_eq!(
        refusals(&[(0, database(5, 0, 9)), (1, database(5, 0, 0))]),
        Some(0),
        "statistics reset"
    );
}

/// The counter comes now and then, and limits are seen in between.
#[test]
fn refusals_that_come_with_the_statistics_are_those_at_a_limit_since_the_last() {
    let mut history = History::default();
    let poll_of = poll;
    let poll = |history: &mut History, at, headroom| {
        let seen = DatabaseSeen {
            sessions_fatal: None,
            ..database(5 - headroom, headroom, 0)
        };
        poll_of(history, at, seen);
    };
    let total = |history: &History| history.databases[&1].refusals.total;
    poll(&mut history, 0, 1);
    assert_eq!(total(&history), None);
    history.read(&statistics(100));
    assert_eq!(
        total(&history),
        Some(0),
        "the first reading is the baseline"
    );
    for (at, headroom) in [(1, 1), (2, 0), (3, 1)] {
        poll(&mut history, at, headroom);
    }
    history.read(&statistics(103));
    assert_eq!(total(&history), Some(3), "at the limit in one poll since");
    poll(&mut history, 4, 1);
    history.read(&statistics(108));
    assert_eq!(total(&history), Some(3), "not at its limit since");
    poll(&mut history, 5, 0);
    history.read(&statistics(109));
    poll(&mut history, 6, 1);
    history.read(&statistics(111));
    assert_eq!(total(&history), Some(6), "at its limit when last read");
}

fn statistics(sessions_fatal: i64) -> Stats {
    let row = DatabaseStats {
        oid: 1,
        numbackends: 0,
        xact_commit: 0,
        xact_rollback: 0,
        blks_read: 0,
        blks_hit: 0,
        tup_returned: 0,
        tup_fetched: 0,
        tup_inserted: 0,
        tup_updated: 0,
        tup_deleted: 0,
        conflicts: 0,
        temp_files: 0,
        temp_bytes: 0,
        deadlocks: 0,
        blk_read_time: 0.0,
        blk_write_time: 0.0,
        stats_reset: None,
        active_time: None,
        sessions_fatal: Some(sessions_fatal),
        frozen_xid_age: 0,
        min_mxid_age: 0,
        locks: Vec::new(),
    };
    Stats::from([(1, Arc::new(row))])
}

#[test]
fn a_dropped_database_is_forgotten() {
    let mut history = History::default();
    poll(&mut history, 0, database(5, 0, 0));
    history.keep([1].into_iter(), [].into_iter());
    assert_eq!(poll(&mut history, 1, database(1, 4, 0)).peak, Some(5));
    history.keep([2].into_iter(), [1].into_iter());
    assert_eq!(poll(&mut history, 2, database(1, 4, 0)).peak, Some(1));
}

proptest! {
    #[test]
    fn peak_is_the_maximum_of_the_window(values in prop::collection::vec((1_u64..50, 0_u32..100), 1..80)) {
        let mut peak = Peak::default();
        let mut all: Vec<(Duration, u32)> = Vec::new();
        let mut now = Duration::ZERO;
        for (step, value) in values {
            now += seconds(step);
            peak.push(now, value, WINDOW);
            all.push((now, value));
            let highest = all.iter().filter(|(at, _)| now.checked_sub(*at).unwrap() <= WINDOW).map(|&(_, value)| value).max();
            prop_assert_eq!(peak.highest(), highest);
        }
    }
}
