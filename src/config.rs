//! The configuration as the rest of the program sees it: checked, complete, with no secret that could be printed. Made
//! from defaults, a YAML file and the environment, in this order; nothing here connects to anything.

mod connection;
mod dsn;
mod env;
mod listener;
mod password;
mod problem;
mod raw;
mod scan;
mod validate;
mod values;
mod web;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::config::{File, FileFormat, Source};

pub use env::Environment;
pub(crate) use env::Flag;
pub(crate) use password::{Login, PasswordError, PasswordSource};
pub(crate) use problem::{ConfigError, Problem};
pub(crate) use web::{ClientCerts, PasswordHash, Pem, PemKind, RateLimit, ServerTls, WebConfig};

use crate::policy::Policy;
use crate::sizes;

/// Everything that a run needs to know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// `web.listen_address`: host:port; without a host, every address of the machine.
    pub(crate) listen_address: String,
    /// `log.level`
    pub(crate) log_level: tracing::Level,
    /// By name, which is unique.
    pub(crate) servers: Vec<ServerConfig>,
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
    /// `poll.time_share`: the part of one core of the server that counting may take; less often, if it took more.
    pub(crate) share: f64,
    /// `poll.window`: how far back peaks reach.
    pub(crate) window: Duration,
    /// `stats.interval`: how often `pg_stat_database` and locks are read.
    pub(crate) stats: Duration,
    /// `sizes.interval` and `sizes.time_share`.
    pub(crate) sizes: sizes::Cadence,
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

impl Config {
    /// Reads a file, if there is one; the variables of the process come before it, and flags before these.
    pub(crate) fn load(
        path: Option<&Path>,
        environment: &Environment,
        flags: &[Flag<'_>],
    ) -> Result<Self, ConfigError> {
        let table = path.map(read).transpose()?.unwrap_or_default();
        validate::config(table, environment, flags)
    }

    /// Where an agent with this configuration listens.
    pub(crate) fn listen_address(
        path: Option<&Path>,
        environment: &Environment,
        flags: &[Flag<'_>],
    ) -> Result<String, ConfigError> {
        let table = path.map(read).transpose()?.unwrap_or_default();
        listener::alone(table, environment, flags)
    }
}

impl Target {
    pub(crate) fn is_socket(&self) -> bool {
        self.hostaddr.is_none() && self.host.starts_with('/')
    }
}

fn read(path: &Path) -> Result<env::Table, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: shown.clone(),
        source,
    })?;
    let text = text.trim_start_matches('\u{feff}'); // a byte order mark would be a part of the first key
    let refused = |message| ConfigError::Yaml {
        path: shown.clone(),
        message,
    };
    scan::scan(text).map_err(refused)?;
    // The parser's own words may show the text, which may be a connection string.
    let parsed = File::from_str(text, FileFormat::Yaml).collect();
    parsed.map_err(|_| refused("want a table of keys".to_owned()))
}

#[cfg(test)]
mod tests;
