//! The finite resources of a server: how much of each is used, how much there is, and which databases hold it. Pure.
//!
//! Sources: the expressions of `MaxBackends` (`InitializeMaxBackends`) and `NLOCKENTS` for the lock table, `SetTransactionIdLimit`
//! and `SetMultiXactIdLimit` for the ids, and the setting of the same name for each other limit.

mod memory;
mod storage;

use std::collections::HashMap;

use crate::sample::readings::{Locks, ReplicationSlot, ResourceLimits, Resources};
use crate::sample::{Oid, Readings, Sessions, Stats};

pub(crate) use memory::{setting_bytes, worst_case as memory_worst_case};
pub(crate) use storage::{Storage, StorageParts};

/// The label `resource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ResourceKind {
    Connections,
    Storage,
    /// WAL that the worst replication slot keeps, against `max_slot_wal_keep_size`.
    Wal,
    TransactionIds,
    MultixactIds,
    AutovacuumWorkers,
    ParallelWorkers,
    WorkerProcesses,
    LogicalReplicationWorkers,
    WalSenders,
    ReplicationSlots,
    PreparedTransactions,
    /// Its nominal size; PostgreSQL fails when all free shared memory is used up too, at 1.6 to 1.9 times that.
    LockTable,
    /// What the settings admit against what is configured.
    Memory,
}

impl ResourceKind {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Storage => "storage",
            Self::Wal => "wal",
            Self::TransactionIds => "transaction_ids",
            Self::MultixactIds => "multixact_ids",
            Self::AutovacuumWorkers => "autovacuum_workers",
            Self::ParallelWorkers => "parallel_workers",
            Self::WorkerProcesses => "worker_processes",
            Self::LogicalReplicationWorkers => "logical_replication_workers",
            Self::WalSenders => "wal_senders",
            Self::ReplicationSlots => "replication_slots",
            Self::PreparedTransactions => "prepared_transactions",
            Self::LockTable => "lock_table",
            Self::Memory => "memory",
        }
    }

    /// Whether it is counted in slots: not in bytes, and not in ids.
    pub(crate) fn has_slots(self) -> bool {
        !matches!(
            self,
            Self::Storage | Self::Wal | Self::TransactionIds | Self::MultixactIds | Self::Memory
        )
    }
}

/// One resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resource {
    pub(crate) kind: ResourceKind,
    pub(crate) used: u64,
    /// Above 0.
    pub(crate) limit: u64,
    /// What each database holds. The rest belongs to no database, or PostgreSQL does not tell.
    pub(crate) held: HashMap<Oid, u64>,
}

impl Resource {
    /// None: the limit is 0, so the resource is switched off.
    fn new(kind: ResourceKind, used: u64, limit: u64, held: HashMap<Oid, u64>) -> Option<Self> {
        (limit > 0).then_some(Self {
            kind,
            used,
            limit,
            held,
        })
    }

    /// The database that holds most, and how much.
    pub(crate) fn largest(&self) -> Option<(Oid, u64)> {
        let held = self.held.iter().filter(|(_, used)| **used > 0);
        let held = held.map(|(oid, used)| (*oid, *used));
        held.max_by_key(|(oid, used)| (*used, std::cmp::Reverse(*oid)))
    }
}

/// What the resources are computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) version_num: u32,
    pub(crate) max_connections: u32,
    /// None: the agent's role does not see all sessions.
    pub(crate) sessions: Option<&'a [Sessions]>,
    pub(crate) readings: &'a Readings,
}

/// Every resource except connections, storage and memory whose use and limit are known.
pub(crate) fn resources(facts: Facts<'_>) -> Vec<Resource> {
    let readings = facts.readings;
    let mut all = Vec::new();
    if let Some(stats) = &readings.statistics {
        all.extend(ids(stats, facts.version_num));
    }
    let Some(resources) = readings.resources.as_deref() else {
        return all;
    };
    let limits = &resources.limits;
    if let Some(sessions) = facts.sessions {
        all.extend(processes(sessions, limits));
    }
    if let Some(slots) = &readings.slots {
        all.extend(replication_slots(slots, limits));
    }
    all.extend(prepared_transactions(resources));
    if let Some(locks) = &readings.locks {
        let limit = lock_table_size(facts.version_num, facts.max_connections, limits);
        all.extend(lock_table(locks, limit));
    }
    all
}

/// The server stops assigning transaction ids this many before the oldest one would be in the future: 3,000,000 since
/// PostgreSQL 14, 1,000,000 before.
fn ids(stats: &Stats, version_num: u32) -> impl Iterator<Item = Resource> {
    const WRAPAROUND: u64 = (1 << 31) - 1;
    let (transactions, multixacts) = if version_num >= 140_000 {
        (3_000_000, 3_000_000)
    } else {
        (1_000_000, 100)
    };
    let ages = |age: fn(&crate::sample::DatabaseStats) -> i32| -> HashMap<Oid, u64> {
        let age = |row| u64::try_from(age(row)).unwrap_or(0);
        stats.iter().map(|(oid, row)| (*oid, age(row))).collect()
    };
    let oldest = |kind, held: HashMap<Oid, u64>, reserve| {
        let used = held.values().max().copied()?;
        Resource::new(kind, used, WRAPAROUND - reserve, held)
    };
    let all = [
        oldest(
            ResourceKind::TransactionIds,
            ages(|row| row.frozen_xid_age),
            transactions,
        ),
        oldest(
            ResourceKind::MultixactIds,
            ages(|row| row.min_mxid_age),
            multixacts,
        ),
    ];
    all.into_iter().flatten()
}

/// Whether a backend type takes a slot of a resource.
type IsCounted = fn(&str) -> bool;

/// Processes by type. Types that the agent does not know are workers of extensions, which take a worker process each.
fn processes(sessions: &[Sessions], limits: &ResourceLimits) -> impl Iterator<Item = Resource> {
    let kinds: [(ResourceKind, u64, IsCounted); 5] = [
        (
            ResourceKind::AutovacuumWorkers,
            limits.running_autovacuum_workers(),
            |kind| kind == "autovacuum worker",
        ),
        (
            ResourceKind::ParallelWorkers,
            limits.parallel_workers.min(limits.worker_processes),
            |kind| kind == "parallel worker",
        ),
        (
            ResourceKind::WorkerProcesses,
            limits.worker_processes,
            is_worker_process,
        ),
        (
            ResourceKind::LogicalReplicationWorkers,
            limits
                .logical_replication_workers
                .min(limits.worker_processes),
            is_logical_replication_worker,
        ),
        (ResourceKind::WalSenders, limits.wal_senders, |kind| {
            kind == "walsender"
        }),
    ];
    let mut all = Vec::with_capacity(kinds.len());
    for (kind, limit, is_counted) in kinds {
        let (mut used, mut held) = (0, HashMap::new());
        let groups = sessions.iter();
        for group in groups.filter(|group| group.backend_type.is_some_and(is_counted)) {
            used += u64::from(group.count);
            if let Some(database) = group.database {
                *held.entry(database).or_default() += u64::from(group.count);
            }
        }
        all.extend(Resource::new(kind, used, limit, held));
    }
    all.into_iter()
}

fn is_logical_replication_worker(backend_type: &str) -> bool {
    backend_type.starts_with("logical replication ") && backend_type.ends_with(" worker")
}

fn is_worker_process(backend_type: &str) -> bool {
    is_logical_replication_worker(backend_type)
        || matches!(
            backend_type,
            "parallel worker" | "logical replication launcher" | "background worker"
        )
}

fn replication_slots(
    slots: &[ReplicationSlot],
    limits: &ResourceLimits,
) -> impl Iterator<Item = Resource> {
    let (mut count, mut retained) = (HashMap::new(), HashMap::<Oid, u64>::new());
    for slot in slots {
        if let Some(database) = slot.database {
            *count.entry(database).or_default() += 1;
            let most = retained.entry(database).or_default();
            *most = slot.retained_bytes.max(*most);
        }
    }
    let number = slots.len() as u64;
    let slots_used = Resource::new(
        ResourceKind::ReplicationSlots,
        number,
        limits.replication_slots,
        count,
    );
    let most = slots.iter().map(|slot| slot.retained_bytes).max();
    let wal = limits
        .slot_wal_bytes
        .and_then(|limit| Resource::new(ResourceKind::Wal, most.unwrap_or(0), limit, retained));
    slots_used.into_iter().chain(wal)
}

fn prepared_transactions(resources: &Resources) -> Option<Resource> {
    let held: HashMap<Oid, u64> = resources.prepared.iter().copied().collect();
    let (used, limit) = (held.values().sum(), resources.limits.prepared_transactions);
    Resource::new(ResourceKind::PreparedTransactions, used, limit, held)
}

fn lock_table(locks: &Locks, limit: u64) -> Option<Resource> {
    let held = locks.databases.iter();
    let held = held.map(|(oid, of_database)| (*oid, of_database.in_table));
    Resource::new(
        ResourceKind::LockTable,
        locks.in_table,
        limit,
        held.collect(),
    )
}

/// `max_locks_per_transaction` for each backend and each prepared transaction. The autovacuum launcher counts too, and since 18
/// the worker that synchronises slots.
fn lock_table_size(version_num: u32, max_connections: u32, limits: &ResourceLimits) -> u64 {
    let special = if version_num >= 180_000 { 2 } else { 1 };
    let autovacuum = limits
        .autovacuum_worker_slots
        .unwrap_or(limits.autovacuum_workers);
    let backends = u64::from(max_connections)
        + autovacuum
        + special
        + limits.worker_processes
        + limits.wal_senders;
    limits
        .locks_per_transaction
        .saturating_mul(backends + limits.prepared_transactions)
}

#[cfg(test)]
mod tests;
