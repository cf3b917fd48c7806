//! The configuration as the rest of the program sees it: checked, complete, with no secret that could be printed. Made
//! from defaults, a YAML file and the environment, in this order; nothing here connects to anything.

mod connection;
mod dsn;
mod env;
mod password;
mod problem;
mod raw;
mod validate;
mod values;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::config::{File, FileFormat, Source};

pub use env::Environment;
pub use password::{Login, PasswordError, PasswordSource};
pub use problem::{ConfigError, Problem};

use crate::policy::Policy;
use crate::sizes;

/// Everything that a run needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `web.listen_address`: host:port; without a host, every address of the machine.
    pub listen_address: String,
    /// `log.level`
    pub log_level: tracing::Level,
    /// By name, which is unique.
    pub servers: Vec<ServerConfig>,
}

/// One PostgreSQL server to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// The label `server`; `host:port` unless configured.
    pub name: String,
    pub target: Target,
    pub policy: Policy,
    pub cadence: Cadence,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cadence {
    /// `poll.interval`: how often connections are counted.
    pub poll: Duration,
    /// `poll.timeout`: after this a poll has failed. The server gives up on the statement before.
    pub timeout: Duration,
    /// `poll.window`: how far back peaks reach.
    pub window: Duration,
    /// `stats.interval`: how often `pg_stat_database` and locks are read.
    pub stats: Duration,
    /// `sizes.interval` and `sizes.time_share`.
    pub sizes: sizes::Cadence,
}

/// How to reach a server, in libpq's terms.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// A host name, an address, or the directory of a Unix socket.
    pub host: String,
    /// An address to connect to without looking the host up; the host is then only the name in the certificate.
    pub hostaddr: Option<IpAddr>,
    pub port: u16,
    pub user: String,
    /// The database that the session sits in: never a tenant's, unless so configured.
    pub dbname: String,
    pub password: PasswordSource,
    /// libpq's `options`; what keeps the session harmless comes after them.
    pub options: String,
    pub channel_binding: ChannelBinding,
    pub tls: Tls,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    Disable,
    Prefer,
    Require,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    pub mode: SslMode,
    pub root_cert: RootCert,
    /// Certificate chain and key of the client, PEM.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// With libpq's meanings (its table "SSL Mode Descriptions").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    Prefer,
    /// Encrypted; the certificate is verified only if a root certificate is configured.
    Require,
    VerifyCa,
    VerifyFull,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCert {
    /// The operating system's, unless a mode that does not verify has no need of any.
    System,
    File(PathBuf),
}

impl Config {
    /// Reads a file, if there is one, and the variables of the process.
    pub fn load(path: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let table = path.map(read).transpose()?.unwrap_or_default();
        validate::config(table, environment)
    }
}

impl Target {
    pub fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }
}

fn read(path: &Path) -> Result<env::Table, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: shown.clone(),
        source,
    })?;
    let parsed = File::from_str(&text, FileFormat::Yaml).collect();
    parsed.map_err(|error| ConfigError::Yaml {
        path: shown,
        message: one_line(&error.to_string()),
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
