//! The configuration as the rest of the program sees it: checked, complete, with no secret that could be printed. Made
//! from defaults, a YAML file and the environment, in this order; nothing here connects to anything.

mod connection;
mod dsn;
mod env;
mod listener;
mod misspelt;
mod model;
mod password;
mod problem;
mod raw;
mod renamed;
mod review;
mod scan;
mod shown;
mod tables;
mod tenants;
mod tree;
mod validate;
mod values;
mod web;

use std::path::Path;

pub use env::Environment;
pub(crate) use env::Flag;
pub(crate) use model::{
    Cadence, ChannelBinding, Config, RootCert, ServerConfig, SslMode, Target, Tls,
};
pub(crate) use password::{Login, PasswordError, PasswordSource};
pub(crate) use problem::{ConfigError, Problem};
pub(crate) use web::{ClientCerts, PasswordHash, Pem, PemKind, RateLimit, ServerTls, WebConfig};

use tree::Document;

impl Config {
    /// Reads a file, if there is one; the variables of the process come before it, and flags before these.
    pub(crate) fn load(
        path: Option<&Path>,
        environment: &Environment,
        flags: &[Flag<'_>],
    ) -> Result<Self, ConfigError> {
        let document = path.map(read).transpose()?.unwrap_or_default();
        validate::config(document, environment, flags)
    }

    /// Where an agent with this configuration listens.
    pub(crate) fn listen_address(
        path: Option<&Path>,
        environment: &Environment,
        flags: &[Flag<'_>],
    ) -> Result<String, ConfigError> {
        let document = path.map(read).transpose()?.unwrap_or_default();
        listener::alone(document.table, environment, flags)
    }
}

fn read(path: &Path) -> Result<Document, ConfigError> {
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
    tree::read(text).map_err(refused)
}

#[cfg(test)]
mod tests;
