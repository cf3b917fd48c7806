//! What a poll and a page cost in allocations: budgets, which do not depend on the machine or on time.

use allocation_counter::measure;

use super::*;

/// Buffers of the page as it grows, and the unlike ones of a few series.
const PAGE: u64 = 60;
/// Of a poll that is looked at: names and labels, for each database with a session.
const SNAPSHOT_FOR_EACH_DATABASE: u64 = 12;
/// Of every poll, looked at or not: sums by database and role, and what is remembered of them.
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
    all.truncate(1); // the checkpointer, without which sessions are not all seen
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

/// Of each database everything is known.
fn slower(databases: u32) -> SlowReadings {
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
    let cadence = SizeTiming {
        interval: Duration::from_mins(1),
        max_time_fraction: 0.01,
    };
    sizes.measured(
        Duration::ZERO,
        &all,
        &answer,
        Duration::from_secs(1),
        cadence,
    );
    SlowReadings {
        readings: Readings {
            statistics: Some(Arc::new(
                all.iter().map(|&oid| (oid, Arc::new(of(oid)))).collect(),
            )),
            archiver: None,
        },
        sizes: Arc::new(sizes),
        ..SlowReadings::default()
    }
}

/// Allocations of the second poll, of looking at it, and of its page.
fn spent(databases: u32) -> [u64; 3] {
    let (mut memory, info, policy) = (PollTracker::default(), Arc::new(info()), policy());
    let (first, second) = (many(databases), many(databases));
    let second = Activity {
        catalogue: Arc::clone(&first.catalogue),
        ..second
    };
    let mut observe = |activity: Activity, second| {
        let moment = PollContext {
            info: &info,
            policy: &policy,
            now: Duration::from_secs(second),
            window: Duration::from_mins(2),
        };
        memory.observe(activity, moment)
    };
    drop(observe(first, 0));
    let (mut seen, mut shown) = (None, None);
    let poll = measure(|| seen = Some(observe(second, 1)));
    let seen = seen.expect("a poll");
    let slower = slower(databases);
    let snapshot = measure(|| shown = Some(Snapshot::of(&seen, &slower)));
    let server = showing("main", shown.expect("a snapshot"), Health::of(&JOBS));
    assert_eq!(server.databases().len(), databases as usize);
    let page = measure(|| {
        family::families(&[&server], &RELOAD, &mut std::io::sink()).expect("a sink takes all");
    });
    [poll, snapshot, page].map(|spent| spent.count_total)
}

#[test]
fn what_is_allocated_has_a_budget() {
    let ([poll, snapshot, page], [poll_of_many, snapshot_of_many, page_of_many]) =
        (spent(10), spent(500));
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
        each <= SNAPSHOT_FOR_EACH_DATABASE,
        "{each} allocations for each database that is looked at"
    );
}
