//! The sources that are attached to a server, each as its poller gets it.

use std::path::PathBuf;
use std::time::Duration;

use super::{BackupCadence, Target};
use crate::backups::BackupDirectory;
use crate::host::CgroupTree;

/// The control group of one server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ContainerConfig {
    /// The label `server`.
    pub(crate) server: String,
    pub(crate) tree: CgroupTree,
    pub(crate) interval: Duration,
    /// `poll.timeout`: a read that takes longer has failed.
    pub(crate) timeout: Duration,
}

/// One volume to measure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VolumeConfig {
    /// The label `server`.
    pub(crate) server: String,
    /// The label `volume`.
    pub(crate) volume: String,
    /// A directory on the volume; absolute.
    pub(crate) path: PathBuf,
    pub(crate) interval: Duration,
    /// `poll.timeout`: a measurement that takes longer has failed.
    pub(crate) timeout: Duration,
}

/// `servers.NAME.poolers.POOLER`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PoolerSettings {
    /// Its admin console.
    pub(crate) target: Target,
    pub(crate) interval: Duration,
    /// `host` or `host:port` of the entries that lead to the server; empty: all do.
    pub(crate) server_hosts: Vec<String>,
}

/// One pooler to poll.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PoolerConfig {
    /// The label `server`.
    pub(crate) server: String,
    /// The label `pooler`.
    pub(crate) pooler: String,
    pub(crate) target: Target,
    pub(crate) interval: Duration,
    pub(crate) server_hosts: Vec<String>,
    /// `poll.timeout`
    pub(crate) timeout: Duration,
    /// `poll.max_time_fraction`, of the one core that the pooler uses.
    pub(crate) max_time_fraction: f64,
    /// `poll.window`
    pub(crate) window: Duration,
}

/// The directories of backups of one server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BackupConfig {
    /// The label `server`.
    pub(crate) server: String,
    /// At least one.
    pub(crate) directories: Vec<BackupDirectory>,
    pub(crate) cadence: BackupCadence,
    /// `poll.timeout`: a listing that makes no progress for so long has failed.
    pub(crate) timeout: Duration,
}
