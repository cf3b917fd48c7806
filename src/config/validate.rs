//! Builds the configuration from the raw mirror. A problem does not stop the validation, so that all are reported.

use super::connection::ConnectionParams;
use super::env::{self, Environment, Flag};
use super::keys::Table as _;
use super::problem::ConfigError;
use super::raw::{Block, RawConfig, RawLog, RawPoll, RawServer, RawSizes, RawStats};
use super::redact;
use super::tables::Entry;
use super::tenants::{budgets, databases, roles, series_limits};
use super::values::Reader;
use super::yaml::Document;
use super::{Cadence, Config, ServerConfig, backups, listener, misspelt, retention, storage};
use crate::policy::{Machine, Policy};
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
        warnings: misspelt::warnings(environment),
        ..Reader::default()
    };
    let raw = RawConfig::deserialize(Value::from(table));
    let mut raw = raw.map_err(|_| ConfigError::Mirror)?;
    reader.unknown("", &raw);
    let misspelt = !reader.problems.is_empty();

    let (listen_address, has_page) = listener::read(&mut reader, std::mem::take(&mut raw.web));
    let retention = retention::read(&mut reader, &mut raw);
    let log = reader.table("log", std::mem::take(&mut raw.log));
    let log_level = reader.value("log", log.level, &RawLog::level());

    let cadence = cadence(&mut reader, &mut raw);
    let backup_bytes_per_second =
        backups::bytes_per_second(&mut reader, std::mem::take(&mut raw.backups));
    let servers = servers(&mut reader, raw, (cadence, misspelt), environment);
    if reader.problems.is_empty() {
        Ok(Config {
            listen_address,
            has_page,
            retention,
            log_level,
            backup_bytes_per_second,
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

fn cadence(reader: &mut Reader, raw: &mut RawConfig) -> Cadence {
    let stats = reader.table("stats", std::mem::take(&mut raw.stats));
    let poll = reader.table("poll", std::mem::take(&mut raw.poll));
    let cadence = Cadence {
        poll: reader.value("poll", poll.interval, &RawPoll::interval()),
        timeout: reader.value("poll", poll.timeout, &RawPoll::timeout()),
        window: reader.value("poll", poll.window, &RawPoll::window()),
        stats: reader.value("stats", stats.interval, &RawStats::interval()),
        max_time_fraction: reader.value(
            "poll",
            poll.max_time_fraction,
            &RawPoll::max_time_fraction(),
        ),
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
    let fraction = RawSizes::max_time_fraction();
    size_schedule::SizeTiming {
        interval: reader.value("sizes", raw.interval, &RawSizes::interval()),
        max_time_fraction: reader.value("sizes", raw.max_time_fraction, &fraction),
    }
}

/// The settings of a server that has no own ones.
struct Defaults {
    policy: Policy,
    cadence: Cadence,
    /// The top level has keys that are unknown or twice there.
    misspelt: bool,
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
    (cadence, misspelt): (Cadence, bool),
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
    let defaults = Defaults {
        policy,
        cadence,
        misspelt,
    };
    if given.is_empty() {
        let only = server(reader, None, RawServer::default(), &defaults, environment);
        return Vec::from_iter(only);
    }
    let entries = given.into_iter();
    let servers = entries.filter_map(|it| entry(reader, it, &defaults, environment));
    servers.collect()
}

/// A server with a name.
fn entry(
    reader: &mut Reader,
    (name, block): (String, Block<RawServer>),
    defaults: &Defaults,
    environment: &Environment,
) -> Option<ServerConfig> {
    let problems = reader.problems.len();
    check_name(reader, &name);
    let prefix = prefix(&name, &block);
    let raw = reader.named_table(&SERVER, &name, block);
    if reader.problems.len() > problems {
        return None;
    }
    server(reader, Some((name, prefix)), raw, defaults, environment)
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
    roles(reader, "roles", std::mem::take(&mut raw.roles), &mut policy);
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
    let got = match name {
        "" => "an empty name",
        _ if name.contains("://") => "a connection string in place of a name (not shown)",
        _ => return,
    };
    reader.problem("servers", got, "a table, as in servers.NAME.host");
}

fn machine(reader: &mut Reader, prefix: &str, raw: &mut RawServer) -> Machine {
    Machine {
        cores: reader.optional(prefix, raw.cores.take(), &RawServer::cores()),
        memory: reader.optional(prefix, raw.memory.take(), &RawServer::memory()),
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
    let problems = reader.problems.len();
    reader.unknown(&prefix, &raw);
    // At the top level, `server:` may have been meant to be `servers:`.
    let misspelt = defaults.misspelt && prefix.is_empty() || reader.problems.len() > problems;
    let mut policy = defaults.policy.clone();
    let limit = RawServer::connections_limit();
    policy.connections_limit = reader.optional(&prefix, raw.connections_limit.take(), &limit);
    policy.machine = machine(reader, &prefix, &mut raw);
    let backups = reader.optional(&prefix, raw.backups.take(), &RawServer::backups());
    databases(
        reader,
        &format!("{prefix}.databases"),
        std::mem::take(&mut raw.databases),
        &mut policy,
    );
    roles(
        reader,
        &format!("{prefix}.roles"),
        std::mem::take(&mut raw.roles),
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

    let target = ConnectionParams::collect(reader, (prefix, misspelt), &mut raw, environment)
        .target(reader, environment)?;
    let name = name.unwrap_or_else(|| format!("{}:{}", target.host, target.port));
    Some(ServerConfig {
        name,
        target,
        policy,
        cadence: defaults.cadence,
        storage,
        backups: backups.unwrap_or_default(),
    })
}
