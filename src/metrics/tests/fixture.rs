//! A fixed state for the golden pages: one server that is up, one that is down.

use super::*;
use crate::sample::WaitClass;

pub(super) fn down() -> Server {
    let mut health = Health::of(&JOBS);
    health.connect_failed(ConnectFailure::TooManyConnections);
    let crashes = Crashes {
        total: 2,
        last: Some(1_699_999_000.5),
    };
    Server::new(
        "spare".into(),
        Err(Down::Connect(ConnectFailure::TooManyConnections)),
        health,
    )
    .with_crashes(crashes)
}

/// A small shared server: a database at its limit, one without a limit and with special characters in its name, one that
/// is being dropped.
pub(super) fn up(privileged: bool) -> Server {
    let mut health = Health::of(&JOBS);
    health.polled(0, Outcome::Ok, Duration::from_micros(1500), 1_700_000_100.0);
    health.polled(
        JOBS.len() - 1,
        Outcome::Timeout,
        Duration::from_secs(3),
        1_700_000_100.0,
    );
    health.set_interval(Duration::from_millis(1200));
    showing("main", snapshot(privileged), health)
        .with_attached(Arc::new(attached()))
        .with_tenants(Some(Arc::clone(&observed(privileged).1.tenants)))
}

fn attached() -> Attached {
    Attached {
        labels: Arc::new([("region".into(), "westeurope".into())].into()),
        storage_size: Some(128 << 30),
        volumes: volumes::volumes(),
        poolers: poolers::poolers(),
        probes: probes::probes(),
        backups: Some(Arc::new(backups::attachment())),
        container: Some(Arc::new(machine::attachment())),
    }
}

pub(super) fn showing(name: &str, snapshot: Snapshot, health: Health) -> Server {
    let shown = LazySnapshot::new(Box::new(|| snapshot));
    Server::new(name.into(), Ok(Arc::new(shown)), health)
}

/// Two polls.
fn observed(privileged: bool) -> (PollTracker, PolledState) {
    let (mut tracker, info) = (PollTracker::default(), Arc::new(info()));
    let mut observe = |polled: u64| {
        let context = PollContext {
            info: &info,
            policy: &policy(),
            now: Duration::from_secs(polled),
            window: Duration::from_mins(2),
        };
        tracker.observe(activity(privileged), context)
    };
    observe(0);
    let polled = observe(2);
    (tracker, polled)
}

pub(super) fn snapshot(privileged: bool) -> Snapshot {
    let (mut tracker, polled) = observed(privileged);
    let slow = SlowReadings {
        readings: Readings {
            statistics: Some(Arc::new(stats())),
            ..shared::readings(server_wide::readings(privileged))
        },
        isolation: Some(Arc::new(shared::isolation())),
        statements: Some(shared::statements(&mut tracker)),
        processes: privileged.then(|| machine::processes(&mut tracker)),
        sizes: Arc::new(sizes()),
        now: Duration::from_secs(2),
        wall_clock: 1_700_000_100.0,
    };
    Snapshot::of(&polled, &slow)
}

pub(super) fn info() -> ServerInfo {
    ServerInfo {
        version_num: 160_014,
        version: "PostgreSQL 16.14 on x86_64-pc-linux-gnu".into(),
        start_time: 1_699_000_000.5,
        checkpointer_start: None,
        read_at: 1_700_000_000.0,
        max_connections: 20,
        superuser_reserved_connections: 3,
        reserved_connections: Some(2),
        rds_reserved_connections: None,
        role: 13,
        superuser: false,
        uses_reserved_connections: Some(true),
    }
}

pub(super) fn activity(privileged: bool) -> Activity {
    let catalogue = Catalogue {
        databases: databases(),
        roles: roles(),
        logins: 3,
        ..Catalogue::default()
    };
    Activity {
        catalogue: Arc::new(catalogue),
        sessions: sessions(privileged),
        seconds: 0.001,
        ..Activity::default()
    }
}

pub(super) fn databases() -> Vec<Database> {
    let database = |oid: Oid, name: &str, connection_limit| Database {
        oid,
        name: name.into(),
        connection_limit,
        accepts_connections: true,
        owner: "postgres".into(),
    };
    vec![
        database(1, "shop", 4),
        database(2, "we\"ird\\na\nme", -1),
        database(3, "dropping", -2),
        database(4, "template1", -1),
    ]
}

pub(super) fn roles() -> Vec<Role> {
    let role = |oid, name: &str, connection_limit| Role {
        oid,
        name: name.into(),
        connection_limit,
        superuser: false,
        uses_reserved_connections: oid == 13,
    };
    vec![
        role(11, "shop", -1),
        role(12, "odd", 3),
        role(13, "pgcommons", 3),
    ]
}

pub(super) fn sessions(privileged: bool) -> Vec<Sessions> {
    let group =
        |database, role, application: &str, state: &'static str, count, oldest_transaction| {
            Sessions {
                database: Some(database),
                role: Some(role),
                application_name: application.into(),
                state: privileged.then_some(state),
                backend_type: privileged.then_some("client backend"),
                count,
                own: 0,
                wait: (state == "active").then_some(WaitClass::Lock),
                oldest_transaction,
                oldest_statement: (state == "active").then_some(1_700_000_099.25),
            }
        };
    let checkpointer = Sessions {
        database: None,
        role: None,
        backend_type: privileged.then_some("checkpointer"),
        state: None,
        ..group(0, 0, "", "", 1, None)
    };
    let ending_worker = Sessions {
        backend_type: None,
        ..group(1, 11, "web", "active", 1, None)
    };
    vec![
        checkpointer,
        ending_worker,
        group(1, 11, "web", "idle", 2, None),
        group(1, 11, "web", "active", 1, Some(0.5)),
        group(1, 11, "cron", "idle in transaction", 1, Some(33.25)),
        group(2, 12, "a", "idle", 1, None),
        group(2, 12, "b", "idle", 1, None),
        group(2, 13, "c", "idle", 3, None),
    ]
}

pub(super) fn policy() -> Policy {
    let shop = Budget {
        backup_max_age: Some(Duration::from_hours(4)),
        connections: Some(6),
        size_bytes: Some(1 << 30),
        owner: Some("alice".into()),
        labels: BTreeMap::from([
            ("team".into(), "web".into()),
            ("contact".into(), "a@example.org".into()),
        ]),
        pools: vec![Pool {
            name: None,
            size: 5,
            overflow: 1,
            instances: 2,
            surge: 1,
        }],
        ..Budget::default()
    };
    Policy {
        budgets: BTreeMap::from([("shop".into(), Arc::new(shop))]),
        series_limits: SeriesLimits {
            application_names: 2,
            ..SeriesLimits::default()
        },
        expected: ["shop".into(), "shoop".into()].into(),
        ..Policy::default()
    }
}

pub(super) fn sizes() -> SizeSchedule {
    let timing = SizeTiming {
        interval: Duration::from_mins(1),
        max_time_fraction: 0.01,
    };
    let mut sizes = SizeSchedule::default();
    sizes.track(Duration::ZERO, [1, 2].into_iter());
    let measured = |oid, size| SizeMeasurement {
        oid,
        size,
        seconds: 0.001,
    };
    let answer = [
        measured(1, Size::Bytes(8_000_000)),
        measured(2, Size::Forbidden),
    ];
    sizes.measured(
        Duration::ZERO,
        &[1, 2],
        &answer,
        Duration::from_mins(1),
        timing,
    );
    sizes
}

pub(super) fn stats() -> Stats {
    let row = DatabaseStats {
        oid: 1,
        numbackends: 5,
        xact_commit: 100,
        xact_rollback: 3,
        blks_read: 10,
        blks_hit: 990,
        tup_returned: 5000,
        tup_fetched: 4000,
        tup_inserted: 30,
        tup_updated: 20,
        tup_deleted: 10,
        conflicts: 0,
        temp_files: 1,
        temp_bytes: 4096,
        deadlocks: 0,
        blk_read_time: 0.0,
        blk_write_time: 0.0,
        stats_reset: None,
        active_time: Some(1500.0),
        sessions: Some(SessionCounts {
            sessions: 700,
            abandoned: 2,
            fatal: 30,
            killed: 1,
        }),
        frozen_xid_age: 1234,
        min_mxid_age: 5,
    };
    Stats::from([(1, Arc::new(row))])
}
