//! The configuration: validated, complete, and with no secret that could be printed. Later layers override earlier ones:
//! defaults, a YAML file, environment variables, flags. No code here opens a connection.

mod backups;
mod connection;
mod dsn;
mod env;
mod keys;
mod listener;
mod misspelt;
mod model;
mod password;
mod pools;
mod problem;
mod raw;
mod redact;
#[cfg(test)]
mod reference;
mod renamed;
mod retention;
mod review;
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
pub(crate) use model::{
    Cadence, ChannelBinding, Config, DATA_VOLUME, RootCert, ServerConfig, SslMode, StorageConfig,
    Target, Tls, VolumeConfig,
};
pub(crate) use password::{Login, PasswordError, PasswordSource};
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
        let document = path.map(read).transpose()?.unwrap_or_default();
        validate::config(document, environment, flags)
    }

    /// The listen address of this configuration. Problems outside `web` are not reported.
    pub(crate) fn listen_address(
        path: Option<&Path>,
        environment: &Environment,
        flags: &[Flag<'_>],
    ) -> Result<String, ConfigError> {
        let document = path.map(read).transpose()?.unwrap_or_default();
        listener::only_address(document.table, environment, flags)
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
