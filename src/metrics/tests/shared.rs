//! Readings about resources that databases share, for the golden pages.

use std::collections::HashMap;
use std::sync::Arc;

use crate::sample::Readings;
use crate::sample::readings::{
    DatabaseLocks, Locks, ModeCount, ReplicationSlot, ResourceLimits, Resources, TemporaryFiles,
    Wal, WalStatus,
};

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
        ..others
    }
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
