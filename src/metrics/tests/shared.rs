//! Readings about resources that databases share, for the golden pages.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::history::StatementTotals;
use crate::isolation::{Kind, Summary, UnmetRole};
use crate::sample::Readings;
use crate::sample::readings::{
    Blocking, DatabaseLocks, Locks, ModeCount, ReplicationSlot, ResourceLimits, Resources,
    TemporaryFiles, Wal, WalStatus,
};
use crate::sample::statements::{StatementRow, Statements};
use crate::tracker::PollTracker;

/// Adds them to others.
pub(super) fn readings(others: Readings) -> Readings {
    let prepared = vec![(1, 1)];
    Readings {
        locks: Some(Arc::new(locks())),
        wal: Some(Wal {
            segments: 4,
            bytes: 4 << 24,
        }),
        temporary: Some(Arc::new(TemporaryFiles {
            databases: HashMap::from([(1, 300 << 20)]),
            of_no_session: 8192,
        })),
        slots: Some(Arc::from(slots())),
        resources: Some(Arc::new(Resources {
            limits: limits(),
            prepared,
        })),
        blocking: Some(Arc::new(HashMap::from([(
            1,
            Blocking {
                sessions: 1,
                waiting_elsewhere: 2,
            },
        )]))),
        ..others
    }
}

/// The database `shop` wrote WAL between two readings.
pub(super) fn statements(tracker: &mut PollTracker) -> Arc<StatementTotals> {
    let reading = |figures| Statements {
        databases: vec![StatementRow {
            database: 1,
            figures,
        }],
        evictions: Some(3.0),
        reset_at: Some(1_699_000_000.0),
    };
    tracker.statements(reading([Some(1.0); _]));
    tracker.statements(reading([
        Some(3.5),
        Some(9.0),
        Some(8193.0),
        Some(1.0),
        Some(1.0),
    ]))
}

fn locks() -> Locks {
    let modes = vec![ModeCount {
        mode: "accesssharelock".into(),
        count: 2,
    }];
    Locks {
        in_table: 41,
        databases: HashMap::from([(
            1,
            DatabaseLocks {
                in_table: 40,
                modes,
            },
        )]),
    }
}

fn slots() -> [ReplicationSlot; 3] {
    let slot = |name: &str, status, retained_bytes| ReplicationSlot {
        name: name.into(),
        is_logical: false,
        database: None,
        datname: None,
        is_active: false,
        wal_status: status,
        retained_bytes,
        safe_wal_bytes: None,
        current_lsn: Some(300_000_000.0),
        confirmed_flush_lsn: None,
    };
    [
        ReplicationSlot {
            is_logical: true,
            database: Some(1),
            datname: Some("shop".into()),
            safe_wal_bytes: Some(-1024),
            confirmed_flush_lsn: Some(100_000_000.0),
            ..slot("cdc", Some(WalStatus::Unreserved), 200_000_000)
        },
        ReplicationSlot {
            is_active: true,
            ..slot("standby", Some(WalStatus::Reserved), 16)
        },
        slot("unused", None, 0),
    ]
}

fn limits() -> ResourceLimits {
    ResourceLimits {
        worker_processes: 8,
        parallel_workers: 8,
        logical_replication_workers: 4,
        autovacuum_workers: 3,
        autovacuum_worker_slots: None,
        wal_senders: 10,
        replication_slots: 10,
        prepared_transactions: 2,
        locks_per_transaction: 64,
        slot_wal_bytes: Some(200_000_000),
    }
}

/// A database that others may enter and in which a superuser works; the login of two databases; no check of TLS.
pub(super) fn isolation() -> Summary {
    let mut counts: BTreeMap<_, _> = Kind::of_server().map(|kind| (kind, 0)).collect();
    counts.remove(&Kind::CleartextSessions);
    for kind in [
        Kind::PublicConnect,
        Kind::SuperuserSessions,
        Kind::SharedLogin,
    ] {
        counts.insert(kind, 1);
    }
    let of = |name: &str, kinds: &[Kind]| (name.to_owned(), kinds.iter().copied().collect());
    Summary {
        counts,
        databases: [of("shop", &[Kind::PublicConnect, Kind::SuperuserSessions])].into(),
        roles: [of("shop", &[Kind::SharedLogin])].into(),
        unmet: Some(vec![UnmetRole {
            datname: "shop".to_owned(),
            rolname: "reader".to_owned(),
            exists: false,
        }]),
        foreign: [("shop".to_owned(), 3), ("postgres".to_owned(), 0)].into(),
    }
}
