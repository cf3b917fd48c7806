//! The attached sources of a server: those that its configuration has, each with the reading that is published already.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::backups::BackupSource;
use super::container::ContainerSource;
use super::pooler::PoolerSource;
use super::probe::ProbeSource;
use super::source::Source;
use super::volume::VolumeSource;
use crate::config::ServerConfig;
use crate::health::Health;
use crate::state::{Attached, Attachment, Down};

/// `before` is what is published under the same configured names.
pub(super) fn attached(config: &ServerConfig, before: &Attached) -> Attached {
    let volumes = config.volumes().map(|volume| volume.volume);
    let poolers = config.poolers().map(|pooler| pooler.pooler);
    let probes = config.probes.keys().cloned();
    Attached {
        labels: Arc::clone(&config.labels),
        storage_size: config.storage.size,
        volumes: kept::<VolumeSource, _>(volumes, &before.volumes),
        poolers: kept::<PoolerSource, _>(poolers, &before.poolers),
        probes: kept::<ProbeSource, _>(probes, &before.probes),
        backups: config.backup_source().map(|_| {
            let before = before.backups.clone();
            before.unwrap_or_else(starting::<BackupSource, _>)
        }),
        container: config.container().map(|_| {
            let before = before.container.clone();
            before.unwrap_or_else(starting::<ContainerSource, _>)
        }),
    }
}

type Attachments<T> = BTreeMap<String, Arc<Attachment<T>>>;

/// A source that was not published before is `starting`.
fn kept<S: Source, T: Clone>(
    names: impl Iterator<Item = String>,
    before: &Attachments<T>,
) -> Attachments<T> {
    let attachment = |name: &String| before.get(name).cloned().unwrap_or_else(starting::<S, T>);
    names
        .map(|name| (name.clone(), attachment(&name)))
        .collect()
}

fn starting<S: Source, T: Clone>() -> Arc<Attachment<T>> {
    Arc::new(Attachment::new(Err(Down::Starting), Health::of(S::JOBS)))
}
