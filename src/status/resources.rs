//! What all databases share: each resource against its limit, the fullest first.

use serde::Serialize;

use super::PARTS;
use crate::findings::{Severity, Thresholds, bytes};
use crate::resources::ResourceKind;
use crate::sample::{Space, Volume};
use crate::snapshot::{ResourceView, Snapshot};
use crate::state::Server;
use crate::timeline::{Timeline, resource_name};

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
    /// The largest share in each of [`PARTS`] parts of the last 24 hours. None: the agent has no history of it.
    #[serde(skip)]
    pub(crate) day: Option<Vec<Option<f64>>>,
}

impl ResourceReport {
    /// For people: `storage (data)`. A volume may have any name.
    pub(crate) fn name(&self) -> String {
        let name = self.resource.replace('_', " ");
        match &self.volume {
            Some(volume) => format!("{name} ({volume})"),
            None => name,
        }
    }

    pub(crate) fn share(&self) -> f64 {
        self.used as f64 / self.limit.max(1) as f64
    }
}

/// What PostgreSQL tells, and the configured storage.
pub(crate) fn of_server(
    snapshot: &Snapshot,
    storage_size: Option<u64>,
    thresholds: Thresholds,
) -> Vec<ResourceReport> {
    let report = |view: &ResourceView| ResourceReport {
        resource: view.kind.label(),
        volume: None,
        status: thresholds.resource(view),
        used: view.used,
        limit: view.limit,
        datname: view.largest.clone(),
        amounts: view.amounts(),
        day: None,
    };
    let configured = snapshot.storage.total().zip(storage_size);
    let configured = configured.map(|(used, size)| storage(None, used, size, thresholds));
    let views = snapshot.resources.iter();
    views.map(report).chain(configured).collect()
}

/// The fullest first, each with its history. Volumes are there also while the server is down.
pub(super) fn of_published(
    server: &Server,
    thresholds: Thresholds,
    history: Option<(&Timeline, f64)>,
) -> Vec<ResourceReport> {
    let snapshot = server.snapshot();
    let attached = &server.attached;
    let shared = snapshot.map(|it| of_server(it, attached.storage_size, thresholds));
    let volumes = attached.spaces();
    let volumes = volumes.map(|(name, space)| of_space(name, space, thresholds));
    let mut all: Vec<_> = shared.into_iter().flatten().chain(volumes).collect();
    for report in &mut all {
        let name = resource_name(report.resource, report.volume.as_deref());
        report.day = history.and_then(|(timeline, now)| timeline.resource(&name, now, PARTS));
    }
    fullest_first(&mut all);
    all
}

pub(crate) fn of_volumes(
    volumes: &[Volume],
    thresholds: Thresholds,
) -> impl Iterator<Item = ResourceReport> {
    volumes.iter().filter_map(move |volume| {
        let space = volume.space.as_ref().ok()?;
        Some(of_space(&volume.name, space, thresholds))
    })
}

fn of_space(name: &str, space: &Space, thresholds: Thresholds) -> ResourceReport {
    let used = space.unavailable();
    storage(Some(name.to_owned()), used, space.capacity, thresholds)
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
        day: None,
    }
}

pub(crate) fn fullest_first(resources: &mut [ResourceReport]) {
    resources.sort_by(|a, b| b.share().total_cmp(&a.share()));
}
