//! Tables for the counted time, and the peak compared with a plain maximum.

use proptest::prelude::*;

use super::*;

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

fn database(used: u32, headroom: u32) -> (Oid, Observed) {
    (1, observed(used, headroom))
}

/// Records one poll; the status of the database after it.
fn poll(history: &mut History, at: u64, (oid, seen): (Oid, Observed)) -> HistoryStatus {
    history.poll(seconds(at), WINDOW).database(oid, seen)
}

fn after(polls: &[(u64, (Oid, Observed))]) -> HistoryStatus {
    let mut history = History::default();
    let status = polls.iter().map(|&(at, seen)| poll(&mut history, at, seen));
    status.last().expect("a poll")
}

#[test]
fn a_burst_between_scrapes_stays_the_peak_until_the_window_has_passed() {
    let mut peak = Peak::default();
    for (at, value) in [(0, 2), (1, 42), (2, 2), (121, 3)] {
        peak.push(seconds(at), value, WINDOW);
    }
    assert_eq!(peak.highest(), Some(42));
    assert_eq!(peak.within(seconds(121), MINUTE), Some(3));
    peak.push(seconds(122), 3, WINDOW);
    assert_eq!(peak.highest(), Some(3));
}

/// A window that is shorter than a minute does not shorten the peak of the minute.
#[test]
fn the_peak_of_a_minute_does_not_depend_on_the_window() {
    let mut history = History::default();
    let window = seconds(1);
    let mut status = HistoryStatus::default();
    for (at, used) in [(0, 42), (30, 7), (59, 2), (61, 2)] {
        let mut poll = history.poll(seconds(at), window);
        status = poll.database(1, observed(used, 1));
    }
    assert_eq!((status.peak, status.minute_peak), (Some(2), Some(7)));
}

#[test]
fn time_at_zero_headroom_adds_up() {
    let status = after(&[
        (0, database(5, 0)),
        (1, database(5, 0)),
        (3, database(4, 1)),
        (9, database(4, 1)),
    ]);
    assert_eq!(status.exhausted, seconds(3));
}

#[test]
fn no_time_is_counted_across_a_gap() {
    let mut history = History::default();
    poll(&mut history, 0, database(5, 0));
    poll(&mut history, 1, database(5, 0));
    history.mark_gap();
    poll(&mut history, 60, database(5, 0));
    let status = poll(&mut history, 61, database(5, 0));
    assert_eq!(status.exhausted, seconds(2));
}

#[test]
fn a_dropped_database_is_forgotten() {
    let mut history = History::default();
    history.retain([(1, "a")].into_iter(), [].into_iter());
    poll(&mut history, 0, database(5, 0));
    history.retain([(1, "a")].into_iter(), [].into_iter());
    assert_eq!(poll(&mut history, 1, database(1, 4)).peak, Some(5));
    history.retain([(2, "a")].into_iter(), [(1, "a")].into_iter());
    assert_eq!(poll(&mut history, 2, database(1, 4)).peak, Some(1));
}

#[test]
fn a_renamed_database_starts_a_new_history() {
    let mut history = History::default();
    history.retain([(1, "blue")].into_iter(), [].into_iter());
    poll(&mut history, 0, database(5, 0));
    assert_eq!(poll(&mut history, 9, database(5, 0)).exhausted, seconds(9));
    history.retain([(1, "green")].into_iter(), [].into_iter());
    let renamed = poll(&mut history, 10, database(2, 3));
    assert_eq!((renamed.exhausted, renamed.peak), (Duration::ZERO, Some(2)));
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
