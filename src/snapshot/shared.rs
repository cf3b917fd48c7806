//! What databases hold of the resources that all of them share: temporary files, WAL that replication slots keep, workers,
//! entries of the lock table.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::resources::{self, Facts, ResourceKind, StorageParts};
use crate::sample::Oid;
use crate::sample::readings::{ReplicationSlot, TemporaryFiles};
use crate::series::tenants::TenantSet;
use crate::tracker::PolledState;

use super::SlowReadings;

/// A resource, with names in place of object identifiers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResourceView {
    pub(crate) kind: ResourceKind,
    pub(crate) used: u64,
    pub(crate) limit: u64,
    /// What each watched database holds, if it holds any. Databases without series of their own are summed up as `other`;
    /// for ids and WAL, of which each database has its own maximum, they are left out.
    pub(crate) held: BTreeMap<String, u64>,
    /// The watched database that holds most.
    pub(crate) largest: Option<String>,
}

impl ResourceView {
    pub(crate) fn ratio(&self) -> f64 {
        self.used as f64 / self.limit as f64
    }
}

pub(super) fn storage_parts(slow: &SlowReadings) -> StorageParts {
    let readings = &slow.readings;
    StorageParts {
        databases: slow.sizes.total(),
        wal: readings.wal.map(|wal| wal.bytes),
        temporary: readings.temporary.as_ref().map(|files| files.total()),
    }
}

/// `memory` is the worst case in bytes.
pub(super) fn resources(
    polled: &PolledState,
    slow: &SlowReadings,
    memory: Option<u64>,
) -> Vec<ResourceView> {
    let tenants = &*polled.tenants;
    let all = resources::resources(facts(polled, slow)).into_iter();
    let all = all.map(|resource| {
        let named = resource.held.iter().filter(|(_, used)| **used > 0);
        let named = named.map(|(oid, used)| (*oid, *used));
        let largest = resource.largest().and_then(|(oid, _)| tenants.datname(oid));
        ResourceView {
            kind: resource.kind,
            used: resource.used,
            limit: resource.limit,
            largest: largest.map(str::to_owned),
            held: if resource.kind.has_slots() {
                summed(tenants, named)
            } else {
                own(tenants, named)
            },
        }
    });
    let memory = of_memory(memory, tenants.machine.memory);
    let all = connections(polled).into_iter().chain(all);
    all.chain(memory).collect()
}

fn facts<'a>(polled: &'a PolledState, slow: &'a SlowReadings) -> Facts<'a> {
    let info = &polled.tenants.info;
    Facts {
        version_num: info.version_num,
        max_connections: info.max_connections,
        sessions: polled.sees_all_sessions().then_some(&*polled.sessions),
        readings: &slow.readings,
    }
}

/// Bytes.
pub(super) fn memory_worst_case(polled: &PolledState, slow: &SlowReadings) -> Option<u64> {
    resources::memory_worst_case(facts(polled, slow))
}

fn of_memory(used: Option<u64>, limit: Option<u64>) -> Option<ResourceView> {
    Some(ResourceView {
        kind: ResourceKind::Memory,
        used: used?,
        limit: limit?,
        held: BTreeMap::new(),
        largest: None,
    })
}

/// The databases' connections are not repeated here.
fn connections(polled: &PolledState) -> Option<ResourceView> {
    let limit = u64::from(polled.tenants.slots.ordinary);
    let used = polled.server.as_ref()?.limits.used;
    let held = polled.databases.iter();
    let held = held.filter_map(|(tenant, status)| Some((status.as_ref()?.limits.used, tenant)));
    let largest = held.max_by_key(|(used, tenant)| (*used, Reverse(tenant.row.oid)));
    (limit > 0).then(|| ResourceView {
        kind: ResourceKind::Connections,
        used: u64::from(used),
        limit,
        held: BTreeMap::new(),
        largest: largest.map(|(_, tenant)| tenant.row.name.clone()),
    })
}

/// Bytes in temporary files: 0 for a database without any, `""` for files that a crash has left.
pub(super) fn temporary(
    tenants: &TenantSet,
    files: Option<&TemporaryFiles>,
) -> Option<BTreeMap<String, u64>> {
    let files = files?;
    let mut all = summed(tenants, files.databases.iter().map(|(oid, of)| (*oid, *of)));
    for tenant in &tenants.databases {
        all.entry(tenant.row.name.clone()).or_default();
    }
    if files.of_no_session > 0 {
        all.insert(String::new(), files.of_no_session);
    }
    Some(all)
}

/// The most WAL that one slot of each database keeps.
pub(super) fn retained(
    tenants: &TenantSet,
    slots: Option<&[ReplicationSlot]>,
) -> BTreeMap<String, u64> {
    let slots = slots.into_iter().flatten();
    own(
        tenants,
        slots.filter_map(|slot| Some((slot.database?, slot.retained_bytes))),
    )
}

/// The sum for each label value of a database.
fn summed(tenants: &TenantSet, held: impl Iterator<Item = (Oid, u64)>) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for (oid, used) in held {
        if let Some(datname) = tenants.datname(oid) {
            *all.entry(datname.to_owned()).or_default() += used;
        }
    }
    all
}

/// The maximum for each database that has series of its own.
fn own(tenants: &TenantSet, held: impl Iterator<Item = (Oid, u64)>) -> BTreeMap<String, u64> {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for (oid, used) in held {
        let datname = tenants.datname(oid);
        if let Some(datname) = datname.filter(|name| !tenants.is_sum(name)) {
            let most = all.entry(datname.to_owned()).or_default();
            *most = used.max(*most);
        }
    }
    all
}
