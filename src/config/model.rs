//! The types of a validated configuration, which the rest of the program reads.

mod attached;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::password::PasswordSource;
use super::probes::ProbeSettings;
use super::problem::Problem;
use super::review::{NamedFile, NamedVolume};
use crate::backups::BackupDirectory;
use crate::host::CgroupTree;
use crate::logging::LogFormat;
use crate::notify::Receiver;
use crate::policy::Policy;
use crate::size_schedule;
use crate::timeline::Retention;
use crate::web_client::Url;
pub(crate) use attached::{
    BackupConfig, ContainerConfig, PoolerConfig, PoolerSettings, VolumeConfig,
};

/// The configuration of one run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// `web.listen_address`: each is host:port; without a host, every address of the machine.
    pub(crate) listen_addresses: Vec<String>,
    /// `web.telemetry_path`
    pub(crate) telemetry_path: String,
    /// `web.page`: whether there are the live page and the API.
    pub(crate) has_page: bool,
    /// `web.external_url`
    pub(crate) external_url: Option<Url>,
    /// `notify`
    pub(crate) receivers: Vec<Receiver>,
    /// `history` and `state.dir`
    pub(crate) retention: Retention,
    /// `log.level`
    pub(crate) log_level: tracing::Level,
    /// `log.format`
    pub(crate) log_format: LogFormat,
    /// Sorted by name; names are unique.
    pub(crate) servers: Vec<ServerConfig>,
    /// Probable mistakes in a configuration that is valid.
    pub(crate) warnings: Vec<Problem>,
    pub(super) files: Vec<NamedFile>,
    pub(super) named_volumes: Vec<NamedVolume>,
}

/// One PostgreSQL server to monitor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerConfig {
    /// The label `server`; `host:port` unless configured.
    pub(crate) name: String,
    pub(crate) target: Target,
    /// `labels`: of `pgcommons_server_info`.
    pub(crate) labels: Arc<BTreeMap<String, String>>,
    pub(crate) policy: Policy,
    pub(crate) cadence: Cadence,
    /// `backups`: where the backups of its databases are.
    pub(crate) backups: Vec<BackupDirectory>,
    pub(crate) storage: StorageConfig,
    /// `poolers`, by the label `pooler`.
    pub(crate) poolers: BTreeMap<String, PoolerSettings>,
    /// `probes`, by the label `datname`.
    pub(crate) probes: BTreeMap<String, ProbeSettings>,
    pub(crate) host: HostConfig,
}

impl ServerConfig {
    /// The poolers in front of the server, each a source of its own.
    pub(crate) fn poolers(&self) -> impl Iterator<Item = PoolerConfig> {
        let poolers = self.poolers.iter();
        poolers.map(|(pooler, settings)| PoolerConfig {
            server: self.name.clone(),
            pooler: pooler.clone(),
            target: settings.target.clone(),
            interval: settings.interval,
            server_hosts: settings.server_hosts.clone(),
            timeout: self.cadence.timeout,
            max_time_fraction: self.cadence.max_time_fraction,
            window: self.cadence.window,
        })
    }

    /// The volumes to measure. Each is a source of its own: one that hangs does not delay the others.
    pub(crate) fn volumes(&self) -> impl Iterator<Item = VolumeConfig> {
        let volumes = self.storage.volumes.iter();
        volumes.map(|(volume, path)| VolumeConfig {
            server: self.name.clone(),
            volume: volume.clone(),
            path: path.clone(),
            interval: self.storage.interval,
            timeout: self.cadence.timeout,
        })
    }

    /// The directories of backups, as one source. None: there are none.
    pub(crate) fn backup_source(&self) -> Option<BackupConfig> {
        (!self.backups.is_empty()).then(|| BackupConfig {
            server: self.name.clone(),
            directories: self.backups.clone(),
            cadence: self.cadence.backups,
            timeout: self.cadence.timeout,
        })
    }

    /// The control group to read, as a source of its own.
    pub(crate) fn container(&self) -> Option<ContainerConfig> {
        let tree = self.host.cgroup.clone()?;
        Some(ContainerConfig {
            server: self.name.clone(),
            tree,
            interval: self.cadence.stats.min(Duration::from_secs(5)),
            timeout: self.cadence.timeout,
        })
    }
}

/// `servers.NAME.machine`: what is read of the machine that PostgreSQL runs on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HostConfig {
    /// `processes`: read `/proc` for the CPU time and the memory of its processes.
    pub(crate) processes: bool,
    /// `cgroup`; None: its control group is not read.
    pub(crate) cgroup: Option<CgroupTree>,
}

impl HostConfig {
    /// Whether the agent must find the processes of PostgreSQL.
    pub(crate) fn is_used(&self) -> bool {
        self.processes || self.cgroup.is_some()
    }
}

/// `servers.NAME.storage`: the volumes of the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StorageConfig {
    /// `size`: the capacity of the volume `data` in bytes, where it cannot be measured.
    pub(crate) size: Option<u64>,
    /// The directories to measure, by the label `volume`: `path` as [`DATA_VOLUME`], and `volumes`.
    pub(crate) volumes: BTreeMap<String, PathBuf>,
    /// `interval`: how often each volume is measured.
    pub(crate) interval: Duration,
}

/// The label `volume` of `storage.path` and of `storage.size`.
pub(crate) const DATA_VOLUME: &str = "data";

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cadence {
    /// `poll.interval`: how often connections are counted.
    pub(crate) poll: Duration,
    /// `poll.timeout`: a poll that takes longer has failed. `statement_timeout` is shorter, so the server cancels first.
    pub(crate) timeout: Duration,
    /// `poll.max_time_fraction`: the maximum fraction of one core of the server that polls may use. Polls that would use
    /// more come less often.
    pub(crate) max_time_fraction: f64,
    /// `poll.window`: the window over which peaks are taken.
    pub(crate) window: Duration,
    /// `stats.interval`: how often `pg_stat_database` and `pg_locks` are read.
    pub(crate) stats: Duration,
    /// `sizes.interval` and `sizes.max_time_fraction`.
    pub(crate) sizes: size_schedule::SizeTiming,
    pub(crate) backups: BackupCadence,
}

/// `backups`
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BackupCadence {
    /// `interval`: how often the directories are listed.
    pub(crate) interval: Duration,
    /// `max_bytes_per_second`: how fast backup files are read.
    pub(crate) bytes_per_second: u64,
}

impl Cadence {
    /// How late the next poll may start on a busy machine before the data of the last one is stale.
    pub(crate) fn grace(&self) -> Duration {
        self.timeout.min(Duration::from_secs(1))
    }
}

/// How to reach a server, in libpq's terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// A host name, an address, or the directory of a Unix socket.
    pub(crate) host: String,
    /// An address to connect to without a DNS lookup; `host` is then used only to verify the certificate.
    pub(crate) hostaddr: Option<IpAddr>,
    pub(crate) port: u16,
    pub(crate) user: String,
    /// The database to connect to; by default `postgres`, not a tenant's database.
    pub(crate) dbname: String,
    pub(crate) password: PasswordSource,
    /// libpq's `options`. The agent appends its own settings, so that these options cannot override them.
    pub(crate) options: String,
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) tls: Tls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChannelBinding {
    Disable,
    Prefer,
    Require,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    pub(crate) mode: SslMode,
    pub(crate) root_cert: RootCert,
    /// Certificate chain and key of the client, PEM.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
}

/// libpq's `sslmode` (PostgreSQL documentation, table "SSL Mode Descriptions").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SslMode {
    Disable,
    Prefer,
    /// Encrypted; the certificate is verified only if a root certificate is configured.
    Require,
    VerifyCa,
    VerifyFull,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RootCert {
    /// The operating system's certificates; not loaded if the mode does not verify.
    System,
    File(PathBuf),
}

impl Target {
    pub(crate) fn is_socket(&self) -> bool {
        self.hostaddr.is_none() && self.host.starts_with('/')
    }
}
