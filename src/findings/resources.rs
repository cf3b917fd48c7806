//! Resources that all databases share, and what keeps or fills them: replication slots, temporary files.

use super::severity::{Severity, Thresholds};
use super::{Concern, Finding, Scope, bytes, remedy};
use crate::resources::ResourceKind;
use crate::sample::readings::{ReplicationSlot, WalStatus};
use crate::snapshot::{ResourceView, Snapshot};

/// The alerting rules use the same figures (`pgcommons:threshold:slot_wal_bytes`, `:temporary_bytes`).
const SLOT_WAL: u64 = 1 << 30;
const TEMPORARY: u64 = 5 << 30;

/// Shares of the ids that PostgreSQL can assign (`pgcommons:threshold:transaction_id_age`).
const IDS: Thresholds = Thresholds {
    warning: 1.2e9 / 2.144e9,
    critical: 1.7e9 / 2.144e9,
};
/// The nominal size is exceeded by 1.6 to 1.9 times before PostgreSQL fails.
const LOCK_TABLE: Thresholds = Thresholds {
    warning: 1.0,
    critical: 1.4,
};

pub(super) fn findings(snapshot: &Snapshot, thresholds: Thresholds) -> Vec<Finding> {
    let resources = snapshot.resources.iter();
    let mut findings: Vec<_> = resources
        .filter_map(|resource| of_resource(resource, thresholds))
        .collect();
    let slots = snapshot.readings.slots.as_deref();
    findings.extend(slots.into_iter().flatten().filter_map(of_slot));
    for (datname, size) in snapshot.temporary.iter().flatten() {
        findings.extend(of_temporary(datname, *size));
    }
    findings
}

impl Thresholds {
    /// Pools of which a full one only makes work wait are never a finding: they are full at times on any busy server. A pool
    /// that refuses is one when it is full. Settings that admit more memory than there is are usual, and an advice of the alerts.
    pub(crate) fn resource(self, resource: &ResourceView) -> Severity {
        let ratio = resource.ratio();
        match resource.kind {
            ResourceKind::Connections | ResourceKind::Storage | ResourceKind::Wal => {
                self.share(ratio)
            }
            ResourceKind::TransactionIds | ResourceKind::MultixactIds => IDS.share(ratio),
            ResourceKind::LockTable => LOCK_TABLE.share(ratio),
            ResourceKind::AutovacuumWorkers
            | ResourceKind::ParallelWorkers
            | ResourceKind::Memory => Severity::Ok,
            ResourceKind::WorkerProcesses
            | ResourceKind::LogicalReplicationWorkers
            | ResourceKind::WalSenders
            | ResourceKind::ReplicationSlots
            | ResourceKind::PreparedTransactions => {
                if ratio >= 1.0 {
                    Severity::Warning
                } else {
                    Severity::Ok
                }
            }
        }
    }
}

/// Connections have a finding of their own.
fn of_resource(resource: &ResourceView, thresholds: Thresholds) -> Option<Finding> {
    let what = match resource.kind {
        ResourceKind::Connections | ResourceKind::Storage | ResourceKind::Memory => return None,
        ResourceKind::Wal => "WAL that one replication slot may keep",
        ResourceKind::TransactionIds => "transaction ids",
        ResourceKind::MultixactIds => "multixact ids",
        ResourceKind::AutovacuumWorkers => "autovacuum workers",
        ResourceKind::ParallelWorkers => "parallel workers",
        ResourceKind::WorkerProcesses => "worker processes",
        ResourceKind::LogicalReplicationWorkers => "logical replication workers",
        ResourceKind::WalSenders => "walsenders",
        ResourceKind::ReplicationSlots => "replication slots",
        ResourceKind::PreparedTransactions => "prepared transactions",
        ResourceKind::LockTable => "entries of the lock table",
    };
    let (used, limit) = resource.amounts();
    let most = resource.largest.as_ref();
    let most = most.map_or_else(String::new, |datname| format!(", database {datname} most"));
    let text = format!("the server uses {used} of {limit} {what}{most}");
    let severity = thresholds.resource(resource);
    let finding = Finding::server(severity, Concern::Resource, text);
    let finding = finding.with_part("resource", resource.kind.label());
    Some(match remedy::of_resource(resource.kind) {
        Some(remedy) => finding.with_remedy(remedy),
        None => finding,
    })
}

impl ResourceView {
    /// Used and limit as text, in bytes where it is measured in bytes.
    pub(crate) fn amounts(&self) -> (String, String) {
        match self.kind {
            ResourceKind::Storage | ResourceKind::Wal | ResourceKind::Memory => {
                (bytes(self.used), bytes(self.limit))
            }
            _ => (self.used.to_string(), self.limit.to_string()),
        }
    }
}

fn of_slot(slot: &ReplicationSlot) -> Option<Finding> {
    let name = &slot.name;
    let (severity, what) = match slot.wal_status {
        Some(WalStatus::Lost) => (
            Severity::Warning,
            "is lost: its client must be set up again".to_owned(),
        ),
        Some(WalStatus::Unreserved) => (
            Severity::Critical,
            "will be lost at the next checkpoint".to_owned(),
        ),
        _ if !slot.is_active && slot.retained_bytes >= SLOT_WAL => (
            Severity::Warning,
            format!(
                "is not in use and keeps {} of WAL",
                bytes(slot.retained_bytes)
            ),
        ),
        _ => return None,
    };
    let finding = if let Some(datname) = &slot.datname {
        let text = format!("replication slot {name} of database {datname} {what}");
        Finding::of(Scope::Database, datname, severity, Concern::Wal, text)
    } else {
        let text = format!("replication slot {name} {what}");
        Finding::server(severity, Concern::Wal, text)
    };
    let finding = finding.with_part("slot_name", name);
    Some(finding.with_remedy(remedy::SLOTS))
}

fn of_temporary(datname: &str, size: u64) -> Option<Finding> {
    if size < TEMPORARY {
        return None;
    }
    let size = bytes(size);
    let (severity, concern) = (Severity::Warning, Concern::Storage);
    if datname.is_empty() {
        let text = format!("a crash has left {size} in temporary files; a restart removes them");
        return Some(Finding::server(severity, concern, text));
    }
    let text = format!("database {datname} has {size} in open temporary files");
    let finding = Finding::of(Scope::Database, datname, severity, concern, text);
    Some(finding.with_remedy(remedy::queries_of_database(datname)))
}
