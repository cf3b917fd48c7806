//! The types of a validated configuration, which the rest of the program reads.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::password::PasswordSource;
use super::problem::Problem;
use super::review::{NamedFile, NamedVolume};
use crate::backups::BackupDirectory;
use crate::policy::Policy;
use crate::size_schedule;
use crate::timeline::Retention;

/// The configuration of one run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// `web.listen_address`: host:port; without a host, every address of the machine.
    pub(crate) listen_address: String,
    /// `web.page`: whether there are the live page and the API.
    pub(crate) has_page: bool,
    /// `history` and `state.dir`
    pub(crate) retention: Retention,
    /// `log.level`
    pub(crate) log_level: tracing::Level,
    /// `backups.max_bytes_per_second`: how fast backup files are read.
    pub(crate) backup_bytes_per_second: u64,
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
    pub(crate) policy: Policy,
    pub(crate) cadence: Cadence,
    /// `backups`: where the backups of its databases are.
    pub(crate) backups: Vec<BackupDirectory>,
    pub(crate) storage: StorageConfig,
}

impl ServerConfig {
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
