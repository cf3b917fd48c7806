//! `web`: the address that the agent listens on. `pgcommons healthcheck` connects to the same address.

use config::Value;
use serde::Deserialize;

use super::env::{self, Environment, Flag, Table};
use super::problem::ConfigError;
use super::raw::{Block, RawConfig, RawWeb};
use super::redact::quoted;
use super::values::Reader;

/// Reads the listen address only. `pgcommons healthcheck` uses it: the running agent reports other problems.
pub(super) fn only_address(
    mut table: Table,
    environment: &Environment,
    flags: &[Flag<'_>],
) -> Result<String, ConfigError> {
    let mut reader = Reader {
        origins: env::overlay(&mut table, environment, flags),
        ..Reader::default()
    };
    let raw = RawConfig::deserialize(Value::from(table));
    let raw = raw.map_err(|_| ConfigError::Mirror)?;
    let address = address(&mut reader, raw.web);
    if reader.problems.is_empty() {
        Ok(address)
    } else {
        Err(ConfigError::Invalid(reader.problems))
    }
}

const WANT: &str = "host:port or :port, as in 127.0.0.1:19187";

pub(super) fn address(reader: &mut Reader, block: Block<RawWeb>) -> String {
    let web = reader.table("web", block);
    reader.unknown("web", &web.unknown, RawWeb::KEYS);
    let address = reader
        .text_like("web.listen_address", web.listen_address, WANT)
        .unwrap_or_else(|| ":19187".to_owned());
    check(reader, &address);
    address
}

fn check(reader: &mut Reader, address: &str) {
    let port = address
        .rsplit_once(':')
        .map(|(_, port)| port.parse::<u16>());
    if !matches!(port, Some(Ok(_))) {
        reader.problem(
            "web.listen_address",
            if address.contains('@') {
                quoted(address)
            } else {
                format!("{address:?}")
            },
            WANT,
        );
    }
}
