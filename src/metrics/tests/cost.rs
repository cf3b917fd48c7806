//! Budgets for the allocations of a poll and of a page. They do not depend on the machine or on time.

use allocation_counter::measure;

use super::*;
use crate::sample::readings::{DatabaseLocks, Locks, ModeCount};

/// A page: its growing buffers, and a few strings.
const PAGE: u64 = 60;
/// A snapshot, per database with a session: names and labels.
const SNAPSHOT_PER_DATABASE: u64 = 12;
/// Every poll, scraped or not: sums by database and role, and their history.
const POLL: u64 = 40;

fn many(databases: u32) -> Activity {
    let (database, session) = (super::databases().remove(0), sessions(true).remove(2));
    let catalogue = Catalogue {
        databases: (1..=databases)
            .map(|oid| Database {
                oid,
                name: format!("tenant_{oid:04}"),
                ..database.clone()
            })
            .collect(),
        roles: roles(),
        logins: 3,
        ..Catalogue::default()
    };
    let mut all = sessions(true);
    all.truncate(1); // the checkpointer, which shows that the role sees all sessions
    all.extend((1..=databases).map(|oid| Sessions {
        database: Some(oid),
        ..session.clone()
    }));
    Activity {
        catalogue: Arc::new(catalogue),
        sessions: all,
        ..activity(true)
    }
}

/// Statistics and sizes of every database.
fn slow_readings(databases: u32) -> SlowReadings {
    let (row, mut sizes) = (Arc::clone(&stats()[&1]), SizeSchedule::default());
    let of = |oid| DatabaseStats {
        oid,
        ..DatabaseStats::clone(&row)
    };
    let all: Vec<Oid> = (1..=databases).collect();
    let answer = all.iter().map(|&oid| SizeMeasurement {
        oid,
        size: Size::Bytes(8_000_000),
        seconds: 0.001,
    });
    let answer: Vec<_> = answer.collect();
    sizes.track(Duration::ZERO, all.iter().copied());
    let timing = SizeTiming {
        interval: Duration::from_mins(1),
        max_time_fraction: 0.01,
    };
    sizes.measured(
        Duration::ZERO,
        &all,
        &answer,
        Duration::from_secs(1),
        timing,
    );
    SlowReadings {
        readings: Readings {
            statistics: Some(Arc::new(
                all.iter().map(|&oid| (oid, Arc::new(of(oid)))).collect(),
            )),
            locks: Some(Arc::new(locks(&all))),
            settings: Some(many_settings()),
            ..shared::readings(Readings::default())
        },
        sizes: Arc::new(sizes),
        ..SlowReadings::default()
    }
}

/// A session in every database, with one lock.
fn locks(databases: &[Oid]) -> Locks {
    let one = DatabaseLocks {
        in_table: 1,
        modes: vec![ModeCount {
            mode: "accesssharelock".into(),
            count: 1,
        }],
    };
    Locks {
        in_table: databases.len() as u64,
        databases: databases.iter().map(|oid| (*oid, one.clone())).collect(),
    }
}

/// As many as a server of PostgreSQL 18 has.
fn many_settings() -> Arc<[Setting]> {
    let setting = |number| Setting {
        name: format!("setting_{number:03}_bytes").into(),
        value: 4096.0,
    };
    (0..290).map(setting).collect()
}

/// Allocations of the second poll, of its snapshot, and of its page.
fn allocations(databases: u32) -> [u64; 3] {
    let (mut tracker, info, policy) = (PollTracker::default(), Arc::new(info()), policy());
    let (first, second) = (many(databases), many(databases));
    let second = Activity {
        catalogue: Arc::clone(&first.catalogue),
        ..second
    };
    let mut observe = |activity: Activity, second| {
        let context = PollContext {
            info: &info,
            policy: &policy,
            now: Duration::from_secs(second),
            window: Duration::from_mins(2),
        };
        tracker.observe(activity, context)
    };
    drop(observe(first, 0));
    let (mut polled, mut shown) = (None, None);
    let poll = measure(|| polled = Some(observe(second, 1)));
    let polled = polled.expect("a poll");
    let slow = slow_readings(databases);
    let snapshot = measure(|| shown = Some(Snapshot::of(&polled, &slow)));
    let server = showing("main", shown.expect("a snapshot"), Health::of(&JOBS));
    assert_eq!(server.databases().len(), databases as usize);
    let page = measure(|| {
        family::families(&[&server], &AGENT, &mut std::io::sink()).expect("a sink cannot fail");
    });
    [poll, snapshot, page].map(|measured| measured.count_total)
}

#[test]
fn allocations_stay_within_their_budgets() {
    let ([poll, snapshot, page], [poll_of_many, snapshot_of_many, page_of_many]) =
        (allocations(10), allocations(500));
    assert!(page_of_many <= PAGE, "{page_of_many} allocations a page");
    assert!(
        page_of_many - page <= 24, // buffers that double
        "{page}, and {page_of_many} of 500 databases"
    );
    assert!(poll_of_many <= POLL, "{poll_of_many} allocations a poll");
    assert!(
        poll_of_many - poll <= 16,
        "{poll}, and {poll_of_many} of 500 databases"
    );
    let each = (snapshot_of_many - snapshot) / 490;
    assert!(
        each <= SNAPSHOT_PER_DATABASE,
        "{each} allocations per database of a snapshot"
    );
}
