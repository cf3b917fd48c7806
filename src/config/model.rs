//! The values of a checked configuration: what the rest of the program reads.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::password::PasswordSource;
use super::problem::Problem;
use super::review::NamedFile;
use crate::policy::Policy;
use crate::size_schedule;

/// Everything that a run needs to know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// `web.listen_address`: host:port; without a host, every address of the machine.
    pub(crate) listen_address: String,
    /// `log.level`
    pub(crate) log_level: tracing::Level,
    /// By name, which is unique.
    pub(crate) servers: Vec<ServerConfig>,
    /// What is probably a mistake, though the configuration can be used.
    pub(crate) warnings: Vec<Problem>,
    pub(super) files: Vec<NamedFile>,
}

/// One PostgreSQL server to watch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerConfig {
    /// The label `server`; `host:port` unless configured.
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) policy: Policy,
    pub(crate) cadence: Cadence,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cadence {
    /// `poll.interval`: how often connections are counted.
    pub(crate) poll: Duration,
    /// `poll.timeout`: after this a poll has failed. The server gives up on the statement before.
    pub(crate) timeout: Duration,
    /// `poll.max_time_fraction`: the part of one core of the server that counting may take; less often, if it took more.
    pub(crate) max_time_fraction: f64,
    /// `poll.window`: how far back peaks reach.
    pub(crate) window: Duration,
    /// `stats.interval`: how often `pg_stat_database` and locks are read.
    pub(crate) stats: Duration,
    /// `sizes.interval` and `sizes.max_time_fraction`.
    pub(crate) sizes: size_schedule::SizeTiming,
}

impl Cadence {
    /// How late a poll may begin on a busy machine before the one before it is not current any more.
    pub(crate) fn grace(&self) -> Duration {
        self.timeout.min(Duration::from_secs(1))
    }
}

/// How to reach a server, in libpq's terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// A host name, an address, or the directory of a Unix socket.
    pub(crate) host: String,
    /// An address to connect to without looking the host up; the host is then only the name in the certificate.
    pub(crate) hostaddr: Option<IpAddr>,
    pub(crate) port: u16,
    pub(crate) user: String,
    /// The database that the session sits in: never a tenant's, unless so configured.
    pub(crate) dbname: String,
    pub(crate) password: PasswordSource,
    /// libpq's `options`; what keeps the session harmless comes after them.
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

/// With libpq's meanings (its table "SSL Mode Descriptions").
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
    /// The operating system's, unless a mode that does not verify has no need of any.
    System,
    File(PathBuf),
}

impl Target {
    pub(crate) fn is_socket(&self) -> bool {
        self.hostaddr.is_none() && self.host.starts_with('/')
    }
}
