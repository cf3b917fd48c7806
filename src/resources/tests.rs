//! Each resource from made-up readings; `tests/agent/resources` drives each to its limit on a server.

use std::sync::Arc;

use super::*;
use crate::sample::DatabaseStats;
use crate::sample::readings::{DatabaseLocks, WalStatus};

/// The defaults of PostgreSQL 15.
const LIMITS: ResourceLimits = ResourceLimits {
    worker_processes: 8,
    parallel_workers: 8,
    logical_replication_workers: 4,
    autovacuum_workers: 3,
    autovacuum_worker_slots: None,
    wal_senders: 10,
    replication_slots: 10,
    prepared_transactions: 0,
    locks_per_transaction: 64,
    slot_wal_bytes: None,
};

fn readings(limits: ResourceLimits) -> Readings {
    let prepared = vec![(1, 2), (2, 1)];
    Readings {
        resources: Some(Arc::new(Resources { limits, prepared })),
        ..Readings::default()
    }
}

fn group(backend_type: &'static str, database: Option<Oid>, count: u32) -> Sessions {
    Sessions {
        database,
        role: None,
        application_name: String::new(),
        state: Some("active"),
        backend_type: Some(backend_type),
        count,
        own: 0,
        wait: None,
        oldest_transaction: None,
        oldest_statement: None,
    }
}

fn all(version_num: u32, sessions: Option<&[Sessions]>, readings: &Readings) -> Vec<Resource> {
    resources(Facts {
        version_num,
        max_connections: 20,
        sessions,
        readings,
    })
}

/// Used, limit, and the database that holds most with what it holds.
type Found = (u64, u64, Option<(Oid, u64)>);

fn find(resources: &[Resource], kind: ResourceKind) -> Option<Found> {
    let found = resources.iter().find(|resource| resource.kind == kind)?;
    Some((found.used, found.limit, found.largest()))
}

#[test]
fn processes_count_by_type_and_database() {
    let sessions = [
        group("client backend", Some(1), 9),
        group("autovacuum worker", Some(2), 3),
        group("parallel worker", Some(1), 4),
        group("logical replication launcher", None, 1),
        group("logical replication tablesync worker", Some(1), 1),
        group("background worker", None, 1),
        group("walsender", None, 2),
    ];
    let all = all(150_000, Some(&sessions), &readings(LIMITS));
    let find = |kind| find(&all, kind);
    assert_eq!(
        find(ResourceKind::AutovacuumWorkers),
        Some((3, 3, Some((2, 3))))
    );
    assert_eq!(
        find(ResourceKind::ParallelWorkers),
        Some((4, 8, Some((1, 4))))
    );
    assert_eq!(
        find(ResourceKind::WorkerProcesses),
        Some((7, 8, Some((1, 5))))
    );
    let logical = ResourceKind::LogicalReplicationWorkers;
    assert_eq!(find(logical), Some((1, 4, Some((1, 1)))));
    assert_eq!(find(ResourceKind::WalSenders), Some((2, 10, None)));
}

#[test]
fn a_partial_view_of_sessions_gives_no_counts_of_processes() {
    let all = all(150_000, None, &readings(LIMITS));
    assert_eq!(find(&all, ResourceKind::WalSenders), None);
}

#[test]
fn what_is_switched_off_is_no_resource() {
    let off = all(150_000, Some(&[]), &readings(LIMITS));
    assert_eq!(find(&off, ResourceKind::PreparedTransactions), None);
    let on = ResourceLimits {
        prepared_transactions: 3,
        ..LIMITS
    };
    let on = all(150_000, Some(&[]), &readings(on));
    let prepared = find(&on, ResourceKind::PreparedTransactions);
    assert_eq!(prepared, Some((3, 3, Some((1, 2)))));
}

/// The nominal sizes that were measured on servers with `max_connections` 20 and 100.
#[test]
fn the_lock_table_has_the_size_of_each_version() {
    assert_eq!(lock_table_size(150_000, 20, &LIMITS), 2_688);
    assert_eq!(lock_table_size(150_000, 100, &LIMITS), 7_808);
    let newer = ResourceLimits {
        autovacuum_worker_slots: Some(16),
        ..LIMITS
    };
    assert_eq!(lock_table_size(180_000, 20, &newer), 3_584);
}

#[test]
fn locks_of_no_database_take_entries_too() {
    let of_database = DatabaseLocks {
        in_table: 3_000,
        modes: Vec::new(),
    };
    let locks = Locks {
        in_table: 3_010,
        databases: HashMap::from([(7, of_database)]),
    };
    let readings = Readings {
        locks: Some(Arc::new(locks)),
        ..readings(LIMITS)
    };
    let all = all(150_000, Some(&[]), &readings);
    assert_eq!(
        find(&all, ResourceKind::LockTable),
        Some((3_010, 2_688, Some((7, 3_000))))
    );
}

#[test]
fn the_worst_slot_counts_against_the_wal_that_slots_may_keep() {
    let slot = |name: &str, database: Option<Oid>, retained_bytes| ReplicationSlot {
        name: name.into(),
        is_logical: database.is_some(),
        database,
        datname: None,
        is_active: false,
        wal_status: Some(WalStatus::Extended),
        retained_bytes,
        safe_wal_bytes: None,
        current_lsn: None,
        confirmed_flush_lsn: None,
    };
    let limits = ResourceLimits {
        slot_wal_bytes: Some(1_000),
        ..LIMITS
    };
    let slots = [
        slot("a", Some(1), 300),
        slot("b", Some(1), 500),
        slot("c", None, 700),
    ];
    let readings = Readings {
        slots: Some(Arc::from(slots)),
        ..readings(limits)
    };
    let all = all(150_000, Some(&[]), &readings);
    assert_eq!(
        find(&all, ResourceKind::Wal),
        Some((700, 1_000, Some((1, 500))))
    );
    let slots = find(&all, ResourceKind::ReplicationSlots);
    assert_eq!(slots, Some((3, 10, Some((1, 2)))));
}

#[test]
fn ids_run_out_where_the_server_stops_to_assign_them() {
    let row = |age| {
        let row = DatabaseStats {
            frozen_xid_age: age,
            min_mxid_age: 5,
            ..DatabaseStats::default()
        };
        Arc::new(row)
    };
    let readings = Readings {
        statistics: Some(Arc::new(Stats::from([
            (1, row(100)),
            (2, row(2_144_483_647)),
        ]))),
        ..Readings::default()
    };
    let stopped = all(140_000, None, &readings);
    let oldest = find(&stopped, ResourceKind::TransactionIds);
    assert_eq!(
        oldest,
        Some((2_144_483_647, 2_144_483_647, Some((2, 2_144_483_647))))
    );
    let older = all(130_000, None, &readings);
    assert_eq!(
        find(&older, ResourceKind::TransactionIds).map(|found| found.1),
        Some(2_146_483_647)
    );
}
