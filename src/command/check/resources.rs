//! The table of resources that all databases share.

use serde::Serialize;

use super::poll::PolledServer;
use crate::findings::{Severity, Thresholds, bytes};
use crate::resources::ResourceKind;
use crate::sample::Volume;
use crate::snapshot::ResourceView;

/// Numbers are slots or ids, and bytes for `wal` and `storage`.
#[derive(Debug, Serialize)]
pub(crate) struct ResourceReport {
    pub(crate) resource: &'static str,
    /// For `storage` that was measured.
    pub(crate) volume: Option<String>,
    pub(crate) status: Severity,
    pub(crate) used: u64,
    pub(crate) limit: u64,
    /// The database that holds most of it.
    pub(crate) datname: Option<String>,
    /// Used and limit for people.
    #[serde(skip)]
    pub(crate) amounts: (String, String),
}

impl ResourceReport {
    pub(super) fn share(&self) -> f64 {
        self.used as f64 / self.limit.max(1) as f64
    }
}

/// What PostgreSQL tells, and the configured storage.
pub(super) fn of_server(polled: &PolledServer, thresholds: Thresholds) -> Vec<ResourceReport> {
    let report = |view: &ResourceView| ResourceReport {
        resource: view.kind.label(),
        volume: None,
        status: thresholds.resource(view),
        used: view.used,
        limit: view.limit,
        datname: view.largest.clone(),
        amounts: view.amounts(),
    };
    let configured = polled.snapshot.storage.total().zip(polled.storage_size);
    let configured = configured.map(|(used, size)| storage(None, used, size, thresholds));
    let views = polled.snapshot.resources.iter();
    views.map(report).chain(configured).collect()
}

pub(super) fn of_volumes(
    volumes: &[Volume],
    thresholds: Thresholds,
) -> impl Iterator<Item = ResourceReport> {
    volumes.iter().filter_map(move |volume| {
        let space = volume.space.as_ref().ok()?;
        let name = Some(volume.name.clone());
        let used = space.unavailable();
        Some(storage(name, used, space.capacity, thresholds))
    })
}

fn storage(
    volume: Option<String>,
    used: u64,
    limit: u64,
    thresholds: Thresholds,
) -> ResourceReport {
    ResourceReport {
        resource: ResourceKind::Storage.label(),
        volume,
        status: thresholds.available(limit.saturating_sub(used), limit),
        used,
        limit,
        datname: None,
        amounts: (bytes(used), bytes(limit)),
    }
}

pub(super) fn fullest_first(resources: &mut [ResourceReport]) {
    resources.sort_by(|a, b| b.share().total_cmp(&a.share()));
}
