//! `web`: the addresses that the agent listens on. `pgcommons healthcheck` connects to the first of them.

use std::net::{Ipv4Addr, Ipv6Addr};

use config::Value;
use serde::Deserialize;

use super::env::{self, Environment, Flag, Table};
use super::keys::Shape;
use super::problem::ConfigError;
use super::raw::{Block, RawConfig, RawWeb};
use super::redact::quoted;
use super::values::Reader;
use crate::web_client::Url;

/// Reads the listen addresses only. `pgcommons healthcheck` uses them: the running agent reports other problems.
pub(super) fn only_addresses(
    mut table: Table,
    environment: &Environment,
    flags: &[Flag<'_>],
) -> Result<Vec<String>, ConfigError> {
    let mut reader = Reader {
        origins: env::overlay(&mut table, environment, flags),
        ..Reader::default()
    };
    let raw = RawConfig::deserialize(Value::from(table));
    let raw = raw.map_err(|_| ConfigError::Mirror)?;
    let addresses = web(&mut reader, raw.web).addresses;
    if reader.problems.is_empty() {
        Ok(addresses)
    } else {
        Err(ConfigError::Invalid(reader.problems))
    }
}

/// `web`, validated.
pub(super) struct Web {
    pub(super) addresses: Vec<String>,
    pub(super) metrics_path: String,
    pub(super) has_page: bool,
    pub(super) external_url: Option<Url>,
}

pub(super) fn web(reader: &mut Reader, block: Block<RawWeb>) -> Web {
    let web = reader.table("web", block);
    Web {
        addresses: reader.value("web", web.listen_address, &RawWeb::listen_address()),
        metrics_path: reader.value("web", web.telemetry_path, &RawWeb::telemetry_path()),
        has_page: reader.value("web", web.page, &RawWeb::page()),
        external_url: reader.optional("web", web.external_url, &RawWeb::external_url()),
    }
}

/// The shape of `web.telemetry_path`.
pub(super) struct MetricsPath();

/// The other paths of the listener, except `/`.
const TAKEN: [&str; 6] = [
    "/probe",
    "/-/healthy",
    "/-/ready",
    "/api/v1/status",
    "/page.css",
    "/page.js",
];

impl Shape for MetricsPath {
    type Value = String;

    fn want(&self) -> String {
        "a path of letters, digits and /-._~, as in /metrics".to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<String> {
        let path = reader.text_like(key, value, &self.want())?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        if path.starts_with('/') && path.chars().all(is_plain) && !TAKEN.contains(&&*path) {
            return Some(path);
        }
        reader.problem(key, quoted(&path), self.want());
        None
    }
}

/// The shape of `web.listen_address`.
pub(super) struct Addresses();

impl Shape for Addresses {
    type Value = Vec<String>;

    fn want(&self) -> String {
        "host:port or :port, as in 127.0.0.1:19187 or [::1]:19187; several are separated by commas"
            .to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Vec<String>> {
        let text = reader.text_like(key, value, &self.want())?;
        let addresses = text.split([',', '\n']).map(str::trim);
        if addresses.clone().all(is_address) {
            return Some(addresses.map(str::to_owned).collect());
        }
        let got = if text.contains('@') {
            quoted(&text)
        } else {
            format!("{text:?}")
        };
        reader.problem(key, got, self.want());
        None
    }
}

/// Names are not resolved here.
fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else {
        return false;
    };
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_host = match in_brackets {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None if host.chars().all(|c| c.is_ascii_digit() || c == '.') => {
            host.is_empty() || host.parse::<Ipv4Addr>().is_ok()
        }
        None => host
            .chars()
            .all(|c| c.is_alphanumeric() || "-._".contains(c)),
    };
    is_host && port.parse::<u16>().is_ok()
}
