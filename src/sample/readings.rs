//! The last answers of the slow jobs of a server: one field per job, `None` while it is unknown.

use std::collections::HashMap;
use std::sync::Arc;

use super::archive::ArchiveQueue;
use super::replication::Replication;
use super::server_stats::ServerStats;
use super::settings::Setting;
use super::{Oid, Stats};

/// Each job sets its field, and clears it when the job fails.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Readings {
    pub(crate) statistics: Option<Arc<Stats>>,
    pub(crate) locks: Option<Arc<Locks>>,
    pub(crate) archiver: Option<Archiver>,
    pub(crate) wal: Option<Wal>,
    pub(crate) temporary: Option<Arc<TemporaryFiles>>,
    /// The databases with sessions that others wait for. None also: no session waits for a lock.
    pub(crate) blocking: Option<Arc<HashMap<Oid, Blocking>>>,
    /// By name.
    pub(crate) slots: Option<Arc<[ReplicationSlot]>>,
    pub(crate) resources: Option<Arc<Resources>>,
    /// None also: nothing is archived, or the agent's role may not list the files.
    pub(crate) archive_queue: Option<ArchiveQueue>,
    pub(crate) server: Option<ServerStats>,
    pub(crate) replication: Option<Arc<Replication>>,
    /// By name.
    pub(crate) settings: Option<Arc<[Setting]>>,
}

/// The row of `pg_stat_archiver`; the counts are cumulative since its `stats_reset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Archiver {
    /// WAL files archived.
    pub(crate) archived_count: i64,
    /// Failed attempts to archive a WAL file.
    pub(crate) failed_count: i64,
    /// Seconds since the last WAL file was archived; None: none was archived.
    pub(crate) last_archive_age: Option<f64>,
}

/// The rows of `pg_locks`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Locks {
    /// Rows with an entry in the shared lock table (not `fastpath`), with those of no database.
    pub(crate) in_table: u64,
    pub(crate) databases: HashMap<Oid, DatabaseLocks>,
}

/// Locks on objects of one database. Locks on transactions and on shared objects belong to no database.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct DatabaseLocks {
    pub(crate) in_table: u64,
    pub(crate) modes: Vec<ModeCount>,
}

/// Locks held or awaited in one mode.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModeCount {
    /// In lower case, such as `accesssharelock`.
    pub(crate) mode: String,
    pub(crate) count: u64,
}

/// The segments in `pg_wal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wal {
    pub(crate) segments: u64,
    pub(crate) bytes: u64,
}

/// Bytes in temporary files that exist now, except those of parallel queries.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TemporaryFiles {
    /// The databases whose sessions have files open.
    pub(crate) databases: HashMap<Oid, u64>,
    /// Files that a crash has left.
    pub(crate) of_no_session: u64,
}

impl TemporaryFiles {
    pub(crate) fn total(&self) -> u64 {
        self.databases.values().sum::<u64>() + self.of_no_session
    }
}

/// The sessions of one database that others wait for and that do not wait themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Blocking {
    pub(crate) sessions: u64,
    /// Sessions of other databases that wait for one of them.
    pub(crate) waiting_elsewhere: u64,
}

/// One row of `pg_replication_slots`. Positions are bytes since the start of the WAL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReplicationSlot {
    pub(crate) name: String,
    pub(crate) is_logical: bool,
    /// The database of a logical slot.
    pub(crate) database: Option<Oid>,
    pub(crate) datname: Option<String>,
    pub(crate) is_active: bool,
    /// None: the slot was never used.
    pub(crate) wal_status: Option<WalStatus>,
    /// WAL since `restart_lsn`; 0 if the slot is lost or was never used.
    pub(crate) retained_bytes: u64,
    /// WAL that can be written before the slot is lost; negative: at the next checkpoint. None: `max_slot_wal_keep_size`
    /// is -1, or the slot is lost or was never used.
    pub(crate) safe_wal_bytes: Option<i64>,
    pub(crate) current_lsn: Option<f64>,
    /// None: a physical slot.
    pub(crate) confirmed_flush_lsn: Option<f64>,
}

/// `wal_status` of a replication slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WalStatus {
    Reserved,
    Extended,
    Unreserved,
    Lost,
    /// Not known to this version of the agent.
    Other,
}

impl WalStatus {
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "reserved" => Self::Reserved,
            "extended" => Self::Extended,
            "unreserved" => Self::Unreserved,
            "lost" => Self::Lost,
            _ => Self::Other,
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Extended => "extended",
            Self::Unreserved => "unreserved",
            Self::Lost => "lost",
            Self::Other => "other",
        }
    }
}

/// The settings that limit shared resources, and the prepared transactions of each database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resources {
    pub(crate) limits: ResourceLimits,
    pub(crate) prepared: Vec<(Oid, u64)>,
}

impl ResourceLimits {
    /// How many autovacuum workers may run.
    pub(crate) fn running_autovacuum_workers(&self) -> u64 {
        let slots = self.autovacuum_worker_slots.unwrap_or(u64::MAX);
        self.autovacuum_workers.min(slots)
    }
}

/// Settings, named as in PostgreSQL without `max_`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ResourceLimits {
    pub(crate) worker_processes: u64,
    pub(crate) parallel_workers: u64,
    pub(crate) logical_replication_workers: u64,
    pub(crate) autovacuum_workers: u64,
    /// Exists since PostgreSQL 18.
    pub(crate) autovacuum_worker_slots: Option<u64>,
    pub(crate) wal_senders: u64,
    pub(crate) replication_slots: u64,
    pub(crate) prepared_transactions: u64,
    pub(crate) locks_per_transaction: u64,
    /// `max_slot_wal_keep_size` in bytes; None: no limit.
    pub(crate) slot_wal_bytes: Option<u64>,
}
