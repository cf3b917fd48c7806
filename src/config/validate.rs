//! From the raw mirror to the configuration. Goes through everything, whatever is wrong before it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use config::Value;
use serde::Deserialize;
use wildmatch::WildMatch;

use super::connection::Source;
use super::env::{self, Environment, Flag, Table};
use super::problem::ConfigError;
use super::raw::{
    Block, RawActivity, RawBudget, RawConfig, RawDatabases, RawLog, RawPoll, RawServer, RawSizes,
    RawStats,
};
use super::values::{Reader, quoted};
use super::{Cadence, Config, ServerConfig, listener};
use crate::policy::{Budget, Policy};
use crate::size_schedule;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

pub(super) fn config(
    mut table: Table,
    environment: &Environment,
    flags: &[Flag<'_>],
) -> Result<Config, ConfigError> {
    let mut reader = Reader {
        origins: env::overlay(&mut table, environment, flags),
        ..Reader::default()
    };
    let raw = RawConfig::deserialize(Value::from(table));
    let mut raw = raw.map_err(|error| ConfigError::Mirror(error.to_string()))?;
    reader.unknown("", &raw.unknown, RawConfig::KEYS);

    let listen_address = listener::address(&mut reader, std::mem::take(&mut raw.web));
    let log = reader.table("log", std::mem::take(&mut raw.log));
    reader.unknown("log", &log.unknown, RawLog::KEYS);
    let level = reader.text("log.level", log.level);
    let log_level = reader.choice("log.level", level, &LEVELS, tracing::Level::INFO);

    let cadence = cadence(&mut reader, &mut raw);
    let servers = servers(&mut reader, raw, cadence, environment);
    if reader.problems.is_empty() {
        Ok(Config {
            listen_address,
            log_level,
            servers,
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
        share: reader
            .number("poll.time_share", poll.time_share, 0.0001..=0.5)
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

fn size_cadence(reader: &mut Reader, block: Block<RawSizes>) -> size_schedule::Cadence {
    let raw = reader.table("sizes", block);
    reader.unknown("sizes", &raw.unknown, RawSizes::KEYS);
    size_schedule::Cadence {
        interval: reader.duration(
            "sizes.interval",
            raw.interval,
            300 * SECOND,
            SECOND..=24 * HOUR,
        ),
        share: reader
            .number("sizes.time_share", raw.time_share, 0.0001..=0.5)
            .unwrap_or(0.01),
    }
}

/// What every server has unless it says otherwise.
struct Defaults {
    policy: Policy,
    cadence: Cadence,
}

fn servers(
    reader: &mut Reader,
    mut raw: RawConfig,
    cadence: Cadence,
    environment: &Environment,
) -> Vec<ServerConfig> {
    let mut policy = Policy::default();
    activity(reader, std::mem::take(&mut raw.activity), &mut policy);
    databases(reader, "databases", raw.databases, &mut policy);
    budgets(reader, "budgets", raw.budgets, &mut policy);
    let given = reader.table("servers", raw.servers);
    if given.len() > 1 {
        policy.expected.clear(); // a budget for all servers need not have its database on each
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
        let raw = reader.table(&format!("servers.{name}"), block);
        if reader.problems.len() == problems {
            servers.extend(server(reader, Some(name), raw, &defaults, environment));
        }
    }
    servers
}

fn activity(reader: &mut Reader, block: Block<RawActivity>, policy: &mut Policy) {
    let raw = reader.table("activity", block);
    reader.unknown("activity", &raw.unknown, RawActivity::KEYS);
    let mut seats = |key: &str, leaf, range, seats: &mut usize| {
        if let Some(number) = reader.number(&format!("activity.{key}"), leaf, range) {
            *seats = number;
        }
    };
    seats(
        "databases",
        raw.databases,
        1..=100_000,
        &mut policy.databases,
    );
    seats("roles", raw.roles, 1..=100_000, &mut policy.roles);
    let names = &mut policy.application_names;
    seats("application_names", raw.application_names, 0..=1000, names);
}

fn check_name(reader: &mut Reader, name: &str) {
    if name.is_empty() || name.contains("://") {
        let got = "a name that is empty or a connection string (not shown)";
        reader.problem("servers", got, "a short name");
    }
}

fn databases(reader: &mut Reader, prefix: &str, block: Block<RawDatabases>, policy: &mut Policy) {
    let raw = reader.table(prefix, block);
    reader.unknown(prefix, &raw.unknown, RawDatabases::KEYS);
    let patterns = |list: Vec<String>| list.iter().map(|pattern| WildMatch::new(pattern)).collect();
    if let Some(include) = reader.list(&format!("{prefix}.include"), raw.include) {
        policy.include = patterns(include);
    }
    if let Some(exclude) = reader.list(&format!("{prefix}.exclude"), raw.exclude) {
        policy.exclude = patterns(exclude);
    }
}

fn budgets(
    reader: &mut Reader,
    prefix: &str,
    block: Block<BTreeMap<String, Block<RawBudget>>>,
    policy: &mut Policy,
) {
    for (datname, block) in reader.table(prefix, block) {
        let prefix = format!("{prefix}.{datname}");
        let raw = reader.table(&prefix, block);
        let budget = budget(reader, &prefix, raw);
        policy.expected.insert(datname.clone());
        policy.budgets.insert(datname, Arc::new(budget));
    }
}

fn budget(reader: &mut Reader, prefix: &str, raw: RawBudget) -> Budget {
    reader.unknown(prefix, &raw.unknown, RawBudget::KEYS);
    let mut labels = BTreeMap::new();
    for (label, value) in reader.table(&format!("{prefix}.labels"), raw.labels) {
        let key = format!("{prefix}.labels.{label}");
        if !is_label_name(&label) {
            reader.problem(
                &key,
                quoted(&label),
                "a label name, none of server, datname, owner, job, instance",
            );
        } else if let Some(value) = reader.text(&key, value) {
            labels.insert(label, value);
        }
    }
    Budget {
        connections: reader.number(
            &format!("{prefix}.connections"),
            raw.connections,
            1..=262_143,
        ),
        size_bytes: reader.bytes(&format!("{prefix}.size"), raw.size),
        owner: reader.text(&format!("{prefix}.owner"), raw.owner),
        labels,
    }
}

/// A label of Prometheus that is ours to give: not one that the series has already.
fn is_label_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|rest| rest.is_ascii_alphanumeric() || rest == '_')
        && !name.starts_with("__")
        && !["server", "datname", "owner", "job", "instance"].contains(&name)
}

fn server(
    reader: &mut Reader,
    name: Option<String>,
    mut raw: RawServer,
    defaults: &Defaults,
    environment: &Environment,
) -> Option<ServerConfig> {
    let prefix = name
        .as_ref()
        .map_or_else(String::new, |name| format!("servers.{name}"));
    reader.unknown(&prefix, &raw.unknown, RawServer::KEYS);
    let mut policy = defaults.policy.clone();
    let limit = format!("{prefix}.connections_limit");
    policy.connections_limit = reader.number(&limit, raw.connections_limit.take(), 1..=262_143);
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

    let target =
        Source::collect(reader, prefix, &mut raw, environment)?.target(reader, environment)?;
    let name = name.unwrap_or_else(|| format!("{}:{}", target.host, target.port));
    Some(ServerConfig {
        name,
        target,
        policy,
        cadence: defaults.cadence,
    })
}
