//! Measures the configured volumes of a server once, whether PostgreSQL answers or not.

use serde::Serialize;

use crate::config::{ServerConfig, VolumeConfig};
use crate::findings::{Severity, Thresholds, of_volume, worst_first};
use crate::logging::chain;
use crate::sample::Volume;
use crate::storage::VolumeMeter;

/// The keys of a volume in `check --json`. Null: unknown.
#[derive(Debug, Serialize)]
pub(crate) struct VolumeReport {
    pub(crate) volume: String,
    pub(crate) status: Severity,
    pub(crate) capacity_bytes: Option<u64>,
    pub(crate) available_bytes: Option<u64>,
    pub(crate) used_bytes: Option<u64>,
    pub(crate) inodes: Option<u64>,
    pub(crate) inodes_available: Option<u64>,
    /// Why the space is unknown.
    pub(crate) unknown: Option<String>,
}

/// Measures all volumes concurrently, each within `poll.timeout`.
pub(super) async fn measure(server: &ServerConfig) -> Vec<Volume> {
    futures_util::future::join_all(server.volumes().map(measure_one)).await
}

async fn measure_one(config: VolumeConfig) -> Volume {
    let mut meter = VolumeMeter::default();
    let space = meter.measure(&config.path, config.timeout).await;
    Volume {
        name: config.volume,
        space: space.map_err(|error| chain(&error)),
    }
}

pub(super) fn report(volume: &Volume, thresholds: Thresholds) -> VolumeReport {
    let space = volume.space.as_ref().ok();
    let inodes = space.and_then(|space| space.inodes);
    let mut findings = of_volume(volume, thresholds);
    worst_first(&mut findings);
    VolumeReport {
        volume: volume.name.clone(),
        status: findings
            .first()
            .map_or(Severity::Ok, |worst| worst.severity),
        capacity_bytes: space.map(|space| space.capacity),
        available_bytes: space.map(|space| space.available),
        used_bytes: space.map(|space| space.used),
        inodes: inodes.map(|inodes| inodes.capacity),
        inodes_available: inodes.map(|inodes| inodes.available),
        unknown: volume.space.as_ref().err().cloned(),
    }
}
