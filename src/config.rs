//! The configuration: validated, complete, and with no secret that could be printed. Later layers override earlier ones:
//! defaults, a YAML file, environment variables, flags. No code here opens a connection.

mod backups;
mod command;
mod connection;
mod data_source;
mod dsn;
mod env;
mod exporter;
mod host;
mod keys;
mod labels;
mod listener;
mod misspelt;
mod model;
mod notify;
mod password;
mod poolers;
mod pools;
mod probes;
mod problem;
mod raw;
mod redact;
#[cfg(test)]
mod reference;
mod renamed;
mod retention;
mod review;
mod servers;
mod shapes;
mod storage;
mod tables;
mod tenants;
mod unknown;
mod validate;
mod values;
mod web;
mod yaml;
mod yaml_limits;

use std::path::Path;

pub(crate) use backups::PATTERN_RULES;
pub use env::Environment;
pub(crate) use env::Flag;
pub(crate) use exporter::ExporterFlag;
pub(crate) use model::{
    BackupCadence, BackupConfig, Cadence, ChannelBinding, Config, ContainerConfig, DATA_VOLUME,
    HostConfig, PoolerConfig, PoolerSettings, RootCert, ServerConfig, SslMode, StorageConfig,
    Target, Tls, VolumeConfig,
};
pub(crate) use password::{Login, PasswordCommand, PasswordError, PasswordSource};
pub(crate) use probes::{ProbeConfig, ProbesConfig, WorkspaceColumn};
pub(crate) use problem::{ConfigError, Problem};
pub(crate) use redact::{may_be_secret, path as shown_path};
pub(crate) use web::{ClientCerts, PasswordHash, Pem, PemKind, RateLimit, ServerTls, WebConfig};

use yaml::Document;

impl Config {
    /// Reads the file, if one is given. Variables override its keys, and flags override variables.
    pub(crate) fn load(
        path: Option<&Path>,
        environment: &Environment,
        flags: &[Flag<'_>],
    ) -> Result<Self, ConfigError> {
        validate::config(document(path, environment)?, environment, flags)
    }

    /// The listen addresses of this configuration. Problems outside `web` are not reported.
    pub(crate) fn listen_addresses(
        path: Option<&Path>,
        environment: &Environment,
        flags: &[Flag<'_>],
    ) -> Result<Vec<String>, ConfigError> {
        listener::only_addresses(document(path, environment)?.table, environment, flags)
    }
}

fn document(path: Option<&Path>, environment: &Environment) -> Result<Document, ConfigError> {
    let Some(path) = path else {
        return Ok(Document::default());
    };
    match read(path) {
        Ok(document) => Ok(exporter::without_auth_modules(document)),
        Err(error) => exporter::missing_file(path, error, environment),
    }
}

fn read(path: &Path) -> Result<Document, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: shown.clone(),
        source,
    })?;
    if text.contains('\0') {
        // The parser takes it for the end of the file.
        let message = "got a zero byte, want text".to_owned();
        return Err(ConfigError::Yaml {
            path: shown,
            message,
        });
    }
    let text = text.trim_start_matches('\u{feff}'); // a byte order mark would become part of the first key
    let parse_error = |message| ConfigError::Yaml {
        path: shown.clone(),
        message,
    };
    yaml::parse(text).map_err(parse_error)
}

#[cfg(test)]
mod tests;
