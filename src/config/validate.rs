//! Builds the configuration from the raw mirror. A problem does not stop the validation, so that all are reported.

use std::time::Duration;

use super::env::{self, Environment, Flag};
use super::problem::ConfigError;
use super::raw::{Block, RawConfig, RawLog, RawPoll, RawSizes, RawStats};
use super::servers::{Defaults, servers, shared_policy};
use super::values::Reader;
use super::yaml::Document;
use super::{Cadence, Config, backups, exporter, listener, misspelt, retention};
use crate::logging::LogFormat;
use crate::size_schedule;
use config::Value;
use serde::Deserialize;

pub(super) fn config(
    document: Document,
    environment: &Environment,
    flags: &[Flag<'_>],
) -> Result<Config, ConfigError> {
    let mut table = document.table;
    let mut reader = Reader {
        problems: document.repeated,
        origins: env::overlay(&mut table, environment, flags),
        warnings: [
            document.warnings,
            misspelt::warnings(environment),
            exporter::warnings(environment),
        ]
        .concat(),
        ..Reader::default()
    };
    let raw = RawConfig::deserialize(Value::from(table));
    let mut raw = raw.map_err(|_| ConfigError::Mirror)?;
    reader.unknown("", &raw);
    let misspelt = !reader.problems.is_empty();

    let web = listener::web(&mut reader, std::mem::take(&mut raw.web));
    let log = log(&mut reader, std::mem::take(&mut raw.log));
    let retention = retention::read(&mut reader, &mut raw);
    let receivers = reader.optional("", raw.notify.take(), &RawConfig::notify());

    let stats = reader.table("stats", std::mem::take(&mut raw.stats));
    let zero_locks = reader.value("stats", stats.zero_locks, &RawStats::zero_locks());
    let stats = reader.value("stats", stats.interval, &RawStats::interval());
    let cadence = cadence(&mut reader, &mut raw, stats);
    let mut policy = shared_policy(&mut reader, &mut raw);
    policy.zero_locks = zero_locks;
    let defaults = Defaults {
        policy,
        cadence,
        misspelt,
    };
    let servers = servers(&mut reader, raw, defaults, environment);
    if reader.problems.is_empty() {
        Ok(Config {
            listen_addresses: web.addresses,
            telemetry_path: web.metrics_path,
            log_level: log.0,
            has_page: web.has_page,
            external_url: web.external_url,
            receivers: receivers.unwrap_or_default(),
            retention,
            log_format: log.1,
            servers,
            warnings: reader.warnings,
            files: reader.files,
            named_volumes: reader.volumes,
        })
    } else {
        Err(ConfigError::Invalid(reader.problems))
    }
}

pub(super) const LEVELS: [(&str, tracing::Level); 4] = [
    ("debug", tracing::Level::DEBUG),
    ("info", tracing::Level::INFO),
    ("warn", tracing::Level::WARN),
    ("error", tracing::Level::ERROR),
];

pub(super) const FORMATS: [(&str, LogFormat); 3] = [
    ("text", LogFormat::Text),
    ("logfmt", LogFormat::Logfmt),
    ("json", LogFormat::Json),
];

fn log(reader: &mut Reader, block: Block<RawLog>) -> (tracing::Level, LogFormat) {
    let raw = reader.table("log", block);
    let level = reader.value("log", raw.level, &RawLog::level());
    (level, reader.value("log", raw.format, &RawLog::format()))
}

fn cadence(reader: &mut Reader, raw: &mut RawConfig, stats: Duration) -> Cadence {
    let poll = reader.table("poll", std::mem::take(&mut raw.poll));
    let cadence = Cadence {
        poll: reader.value("poll", poll.interval, &RawPoll::interval()),
        timeout: reader.value("poll", poll.timeout, &RawPoll::timeout()),
        window: reader.value("poll", poll.window, &RawPoll::window()),
        stats,
        max_time_fraction: reader.value(
            "poll",
            poll.max_time_fraction,
            &RawPoll::max_time_fraction(),
        ),
        sizes: size_cadence(reader, std::mem::take(&mut raw.sizes)),
        backups: backups::cadence(reader, std::mem::take(&mut raw.backups)),
    };
    if cadence.window < cadence.poll {
        let [window, poll] = [cadence.window, cadence.poll].map(humantime::format_duration);
        reader.problem(
            "poll.window",
            window.to_string(),
            format!("at least poll.interval, {poll}"),
        );
    }
    cadence
}

fn size_cadence(reader: &mut Reader, block: Block<RawSizes>) -> size_schedule::SizeTiming {
    let raw = reader.table("sizes", block);
    let fraction = RawSizes::max_time_fraction();
    size_schedule::SizeTiming {
        interval: reader.value("sizes", raw.interval, &RawSizes::interval()),
        max_time_fraction: reader.value("sizes", raw.max_time_fraction, &fraction),
    }
}
