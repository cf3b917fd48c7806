//! Builds the configuration from the raw mirror. A problem does not stop the validation, so that all are reported.

use std::time::Duration;

use super::connection::ConnectionParams;
use super::env::{self, Environment, Flag};
use super::problem::ConfigError;
use super::raw::{Block, RawConfig, RawLog, RawPoll, RawServer, RawSizes, RawStats};
use super::redact;
use super::tables::Entry;
use super::tenants::{budgets, databases, series_limits};
use super::values::{Reader, one_of};
use super::yaml::Document;
use super::{Cadence, Config, ServerConfig, listener, misspelt, storage};
use crate::policy::{Machine, Policy};
use crate::size_schedule;
use config::Value;
use serde::Deserialize;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

pub(super) fn config(
    document: Document,
    environment: &Environment,
    flags: &[Flag<'_>],
) -> Result<Config, ConfigError> {
    let mut table = document.table;
    let mut reader = Reader {
        problems: document.repeated,
        origins: env::overlay(&mut table, environment, flags),
        warnings: misspelt::warnings(environment),
        ..Reader::default()
    };
    let raw = RawConfig::deserialize(Value::from(table));
    let mut raw = raw.map_err(|_| ConfigError::Mirror)?;
    reader.unknown("", &raw.unknown, RawConfig::KEYS);

    let listen_address = listener::address(&mut reader, std::mem::take(&mut raw.web));
    let log = reader.table("log", std::mem::take(&mut raw.log));
    reader.unknown("log", &log.unknown, RawLog::KEYS);
    let level = reader.text_like("log.level", log.level, &one_of(&LEVELS));
    let log_level = reader.choice("log.level", level, &LEVELS, tracing::Level::INFO);

    let cadence = cadence(&mut reader, &mut raw);
    let servers = servers(&mut reader, raw, cadence, environment);
    if reader.problems.is_empty() {
        Ok(Config {
            listen_address,
            log_level,
            servers,
            warnings: reader.warnings,
            files: reader.files,
            named_volumes: reader.volumes,
        })
    } else {
        Err(ConfigError::Invalid(reader.problems))
    }
}

const LEVELS: [(&str, tracing::Level); 4] = [
    ("debug", tracing::Level::DEBUG),
    ("info", tracing::Level::INFO),
    ("warn", tracing::Level::WARN),
    ("error", tracing::Level::ERROR),
];

fn cadence(reader: &mut Reader, raw: &mut RawConfig) -> Cadence {
    let stats = reader.table("stats", std::mem::take(&mut raw.stats));
    reader.unknown("stats", &stats.unknown, RawStats::KEYS);
    let poll = reader.table("poll", std::mem::take(&mut raw.poll));
    reader.unknown("poll", &poll.unknown, RawPoll::KEYS);
    let mut duration =
        |key, leaf, default, least, most| reader.duration(key, leaf, default, least..=most);
    let cadence = Cadence {
        poll: duration("poll.interval", poll.interval, SECOND, SECOND / 10, HOUR),
        timeout: duration(
            "poll.timeout",
            poll.timeout,
            3 * SECOND,
            SECOND / 10,
            60 * SECOND,
        ),
        window: duration("poll.window", poll.window, 120 * SECOND, SECOND, HOUR),
        stats: duration("stats.interval", stats.interval, 15 * SECOND, SECOND, HOUR),
        max_time_fraction: reader
            .number(
                "poll.max_time_fraction",
                poll.max_time_fraction,
                0.0001..=0.5,
            )
            .unwrap_or(0.005),
        sizes: size_cadence(reader, std::mem::take(&mut raw.sizes)),
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
    reader.unknown("sizes", &raw.unknown, RawSizes::KEYS);
    size_schedule::SizeTiming {
        interval: reader.duration(
            "sizes.interval",
            raw.interval,
            300 * SECOND,
            SECOND..=24 * HOUR,
        ),
        max_time_fraction: reader
            .number(
                "sizes.max_time_fraction",
                raw.max_time_fraction,
                0.0001..=0.5,
            )
            .unwrap_or(0.01),
    }
}

/// The settings of a server that has no own ones.
struct Defaults {
    policy: Policy,
    cadence: Cadence,
}

const SERVER: Entry = Entry {
    prefix: "servers",
    noun: "server",
    placeholder: "NAME",
    sample: "host",
    keys: RawServer::KEYS,
};

fn servers(
    reader: &mut Reader,
    mut raw: RawConfig,
    cadence: Cadence,
    environment: &Environment,
) -> Vec<ServerConfig> {
    let mut policy = shared_policy(reader, &mut raw);
    let problems = reader.problems.len();
    let want = format!(
        "a table of servers, as in {}",
        SERVER.example(SERVER.sample)
    );
    let given = reader.table_like("servers", raw.servers, &want);
    if reader.problems.len() > problems {
        return Vec::new();
    }
    if given.len() > 1 {
        policy.expected.clear(); // a database with a budget for all servers need not exist on each of them
    }
    let defaults = Defaults { policy, cadence };
    if given.is_empty() {
        let server = server(reader, None, RawServer::default(), &defaults, environment);
        return server.into_iter().collect();
    }
    let mut servers = Vec::new();
    for (name, block) in given {
        let problems = reader.problems.len();
        check_name(reader, &name);
        let prefix = prefix(&name, &block);
        let raw = reader.named_table(&SERVER, &name, block);
        if reader.problems.len() == problems {
            let named = Some((name, prefix));
            servers.extend(server(reader, named, raw, &defaults, environment));
        }
    }
    servers
}

/// What applies to all servers.
fn shared_policy(reader: &mut Reader, raw: &mut RawConfig) -> Policy {
    let mut policy = Policy {
        series_limits: series_limits(reader, std::mem::take(&mut raw.series_limits)),
        ..Policy::default()
    };
    databases(
        reader,
        "databases",
        std::mem::take(&mut raw.databases),
        &mut policy,
    );
    budgets(
        reader,
        "budgets",
        std::mem::take(&mut raw.budgets),
        &mut policy,
    );
    policy
}

/// A name without a table may be a password that a typing error made a key, and is not shown.
fn prefix<T>(name: &str, block: &Block<T>) -> String {
    let shown = match block {
        Block::Wrong(None) => redact::HIDDEN,
        Block::Given(_) | Block::Wrong(Some(_)) => name,
    };
    format!("servers.{shown}")
}

fn check_name(reader: &mut Reader, name: &str) {
    if name.is_empty() || name.contains("://") {
        let got = "a name that is empty or a connection string (not shown)";
        reader.problem("servers", got, "a short name");
    }
}

fn machine(reader: &mut Reader, prefix: &str, raw: &mut RawServer) -> Machine {
    let cores = format!("{prefix}.cores");
    Machine {
        cores: reader.number(&cores, raw.cores.take(), 0.01..=10_000.0),
        memory: reader.bytes(&format!("{prefix}.memory"), raw.memory.take()),
    }
}

fn server(
    reader: &mut Reader,
    named: Option<(String, String)>,
    mut raw: RawServer,
    defaults: &Defaults,
    environment: &Environment,
) -> Option<ServerConfig> {
    let (name, prefix) = named.unzip();
    let prefix = prefix.unwrap_or_default();
    reader.unknown(&prefix, &raw.unknown, RawServer::KEYS);
    let mut policy = defaults.policy.clone();
    let limit = format!("{prefix}.connections_limit");
    policy.connections_limit = reader.number(&limit, raw.connections_limit.take(), 1..=262_143);
    policy.machine = machine(reader, &prefix, &mut raw);
    databases(
        reader,
        &format!("{prefix}.databases"),
        std::mem::take(&mut raw.databases),
        &mut policy,
    );
    budgets(
        reader,
        &format!("{prefix}.budgets"),
        std::mem::take(&mut raw.budgets),
        &mut policy,
    );
    let storage = storage::read(
        reader,
        &format!("{prefix}.storage"),
        std::mem::take(&mut raw.storage),
    );

    let target = ConnectionParams::collect(reader, prefix, &mut raw, environment)?
        .target(reader, environment)?;
    let name = name.unwrap_or_else(|| format!("{}:{}", target.host, target.port));
    Some(ServerConfig {
        name,
        target,
        policy,
        cadence: defaults.cadence,
        storage,
    })
}
