//! Tables for the schedule, and a property: the maximum fraction of time is kept and every database is measured.

use proptest::prelude::*;

use super::*;

/// Longer than any batch.
const TOOK: Duration = Duration::from_hours(1);
const TIMING: SizeTiming = SizeTiming {
    interval: Duration::from_mins(1),
    max_time_fraction: 0.01,
};

fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

fn bytes(oid: Oid, seconds: f64) -> SizeMeasurement {
    SizeMeasurement {
        oid,
        size: Size::Bytes(u64::from(oid) * 1000),
        seconds,
    }
}

fn tracking(oids: &[Oid]) -> SizeSchedule {
    let mut sizes = SizeSchedule::default();
    sizes.track(Duration::ZERO, oids.iter().copied());
    sizes
}

#[test]
fn a_batch_is_followed_by_a_pause_in_proportion_to_its_cost() {
    let mut sizes = tracking(&[1, 2]);
    sizes.measured(Duration::ZERO, &[1], &[bytes(1, 0.02)], TOOK, TIMING);
    assert_eq!(sizes.next_batch(seconds(1.9)), [0; 0]);
    assert_eq!(sizes.next_batch(seconds(2.0)), [2]);
}

#[test]
fn a_size_is_measured_again_after_its_interval() {
    let mut sizes = tracking(&[1]);
    sizes.measured(Duration::ZERO, &[1], &[bytes(1, 0.0001)], TOOK, TIMING);
    assert_eq!(sizes.of(1), Ok(1000));
    assert_eq!(sizes.next_batch(seconds(59.0)), [0; 0]);
    assert_eq!(sizes.next_batch(seconds(60.0)), [1]);
}

#[test]
fn a_database_that_was_written_to_is_due_after_a_rest() {
    let mut sizes = tracking(&[1]);
    sizes.measured(Duration::ZERO, &[1], &[bytes(1, 0.0001)], TOOK, TIMING);
    sizes.written(1, seconds(3.0));
    sizes.written(2, seconds(3.0)); // not known
    assert_eq!(sizes.next_batch(seconds(2.9)), [0; 0]);
    assert_eq!(sizes.next_batch(seconds(3.0)), [1]);
}

#[test]
fn a_database_that_grows_is_measured_more_often() {
    let mut sizes = tracking(&[1]);
    let mut measure = |at: f64, bytes| {
        let answer = SizeMeasurement {
            oid: 1,
            size: Size::Bytes(bytes),
            seconds: 0.001,
        };
        sizes.measured(seconds(at), &[1], &[answer], TOOK, TIMING);
        let due = sizes.entries[&1].due;
        due.saturating_sub(seconds(at)).as_secs()
    };
    assert_eq!(measure(0.0, 1000), 60, "whether it changes is unknown");
    assert_eq!(measure(60.0, 1000), 60);
    assert_eq!(measure(120.0, 1001), 12);
    assert_eq!(measure(132.0, 1000), 12);
    assert_eq!(measure(144.0, 1000), 60);
}

#[test]
fn one_database_that_fails_does_not_fail_the_others() {
    let mut sizes = tracking(&[1, 2, 3]);
    assert_eq!(sizes.next_batch(Duration::ZERO), [1, 2, 3]);
    sizes.failed(
        Duration::ZERO,
        &[1, 2, 3],
        Duration::ZERO,
        UnknownSize::Error,
        TIMING,
    );
    assert_eq!(
        sizes.of(1),
        Err(UnknownSize::Pending),
        "which database failed is unknown"
    );
    assert_eq!(sizes.next_batch(Duration::ZERO), [1]);
    sizes.failed(
        Duration::ZERO,
        &[1],
        Duration::ZERO,
        UnknownSize::Error,
        TIMING,
    );
    assert_eq!(sizes.next_batch(Duration::ZERO), [2]);
    sizes.measured(Duration::ZERO, &[2], &[bytes(2, 0.001)], TOOK, TIMING);
    assert_eq!(
        (sizes.of(1), sizes.of(2)),
        (Err(UnknownSize::Error), Ok(2000))
    );
}

#[test]
fn a_database_that_times_out_is_retried_at_increasing_intervals() {
    let mut sizes = tracking(&[1]);
    let mut now = Duration::ZERO;
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert_eq!(sizes.next_batch(now), [1]);
        sizes.failed(now, &[1], seconds(0.1), UnknownSize::Timeout, TIMING);
        let due = sizes.entries[&1].due;
        waits.push(due.saturating_sub(now).as_secs());
        now = due;
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
}

#[test]
fn a_known_size_becomes_unknown_when_it_cannot_be_measured() {
    let mut sizes = tracking(&[1]);
    sizes.measured(Duration::ZERO, &[1], &[bytes(1, 0.001)], TOOK, TIMING);
    let forbidden = SizeMeasurement {
        size: Size::Forbidden,
        ..bytes(1, 0.0)
    };
    sizes.measured(seconds(60.0), &[1], &[forbidden], TOOK, TIMING);
    assert_eq!(sizes.of(1), Err(UnknownSize::Forbidden));
}

#[test]
fn dropped_databases_are_removed() {
    let mut sizes = tracking(&[1, 2, 3, 4]);
    let gone = SizeMeasurement {
        size: Size::Gone,
        ..bytes(1, 0.0)
    };
    sizes.measured(
        Duration::ZERO,
        &[1, 2, 3],
        &[gone, bytes(3, 0.001)],
        TOOK,
        TIMING,
    );
    // Database 4 was dropped before it was measured.
    sizes.track(seconds(1.0), [3].into_iter());
    assert_eq!(sizes.entries.keys().collect::<Vec<_>>(), [&3]);
}

#[test]
fn the_age_is_that_of_the_oldest_size() {
    let mut sizes = tracking(&[1, 2]);
    assert_eq!(sizes.oldest(seconds(1.0)), None);
    sizes.measured(seconds(1.0), &[1], &[bytes(1, 0.001)], TOOK, TIMING);
    sizes.measured(seconds(3.0), &[2], &[bytes(2, 0.001)], TOOK, TIMING);
    assert_eq!(sizes.oldest(seconds(4.0)), Some(seconds(3.0)));
}

proptest! {
    /// Whatever the databases cost, measuring stays within its fraction of time, and every database is measured.
    #[test]
    fn the_fraction_is_kept_and_every_database_is_measured(costs in prop::collection::vec(0.0001_f64..0.5, 1..60)) {
        let oids: Vec<Oid> = (1..).take(costs.len()).collect();
        let mut sizes = tracking(&oids);
        let (mut spent, mut turns) = (0.0, HashMap::new());
        let end = 4.0 * (costs.iter().sum::<f64>() / TIMING.max_time_fraction + 61.0 + costs.len() as f64);
        let mut now = 0.0;
        while now < end {
            let batch = sizes.next_batch(seconds(now));
            let answer: Vec<_> = batch.iter().map(|oid| bytes(*oid, costs[*oid as usize - 1])).collect();
            if !batch.is_empty() {
                spent += answer.iter().map(|measured| measured.seconds).sum::<f64>();
                for oid in &batch {
                    *turns.entry(*oid).or_insert(0) += 1;
                }
                sizes.measured(seconds(now), &batch, &answer, TOOK, TIMING);
            }
            now += 1.0;
        }
        let last_batch = 0.5 * BATCH_LENGTH as f64;
        prop_assert!(spent <= end * TIMING.max_time_fraction + last_batch, "{spent} of {end}");
        prop_assert!(oids.iter().all(|oid| turns.get(oid).is_some_and(|turns| *turns >= 2)), "{turns:?}");
    }
}

#[test]
fn a_shorter_interval_applies_at_once() {
    let mut sizes = tracking(&[1]);
    sizes.measured(Duration::ZERO, &[1], &[bytes(1, 0.0001)], TOOK, TIMING);
    sizes.limit_due(seconds(5.0));
    assert_eq!(sizes.next_batch(seconds(5.0)), [1]);
}

#[test]
fn a_clock_that_is_set_does_not_stop_measuring() {
    let mut sizes = tracking(&[1, 2]);
    for spent in [3600.0, -3600.0, 1e300, f64::INFINITY, f64::NAN] {
        let answer = bytes(1, spent);
        sizes.measured(Duration::ZERO, &[1], &[answer], seconds(0.01), TIMING);
        assert_eq!(sizes.next_batch(seconds(1.0)), [2], "{spent}");
    }
}
