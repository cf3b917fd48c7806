//! Reads the servers: the entries of `servers`, or those of the environment.

use std::sync::Arc;

use super::connection::{ConnectionParams, OwnKeys};
use super::data_source::{self, DataSource};
use super::env::Environment;
use super::keys::Table as _;
use super::raw::{Block, RawConfig, RawServer};
use super::redact;
use super::tables::Entry;
use super::tenants::{budgets, databases, roles, series_limits};
use super::values::Reader;
use super::{Cadence, ServerConfig, host, labels, poolers, probes, storage};
use crate::policy::{Machine, Policy};

/// The settings of a server that has no own ones.
pub(super) struct Defaults {
    pub(super) policy: Policy,
    pub(super) cadence: Cadence,
    /// The top level has keys that are unknown or twice there.
    pub(super) misspelt: bool,
}

const SERVER: Entry = Entry {
    prefix: "servers",
    noun: "server",
    placeholder: "NAME",
    sample: "host",
    keys: RawServer::KEYS,
};

pub(super) fn servers(
    reader: &mut Reader,
    raw: RawConfig,
    mut defaults: Defaults,
    environment: &Environment,
) -> Vec<ServerConfig> {
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
        defaults.policy.expected.clear(); // a database with a budget for all servers need not exist on each of them
    }
    if given.is_empty() {
        return unnamed_servers(reader, &defaults, environment);
    }
    if let Some(variable) = data_source::variable(environment) {
        let got = "a variable beside servers, which override it";
        reader.warning(variable, got, "one of the two");
    }
    let entries = given.into_iter();
    let servers = entries.filter_map(|it| entry(reader, it, &defaults, environment));
    servers.collect()
}

/// The servers of the environment: that of `DATABASE_URL`, those of `DATA_SOURCE_*`, or that of libpq's variables.
fn unnamed_servers(
    reader: &mut Reader,
    defaults: &Defaults,
    environment: &Environment,
) -> Vec<ServerConfig> {
    let raw = RawServer::default;
    let url = environment.get("DATABASE_URL");
    let has_url = url.is_some_and(|url| !url.trim().is_empty());
    let Some(variable) = data_source::variable(environment).filter(|_| !has_url) else {
        if let Some(variable) = data_source::variable(environment) {
            let got = "a variable beside DATABASE_URL, which overrides it";
            reader.warning(variable, got, "one of the two");
        }
        return Vec::from_iter(server(
            reader,
            Origin::Variables,
            raw(),
            defaults,
            environment,
        ));
    };
    let mut servers: Vec<ServerConfig> = Vec::new();
    for source in data_source::servers(reader, environment) {
        let server = server(
            reader,
            Origin::DataSource(source),
            raw(),
            defaults,
            environment,
        );
        let Some(server) = server else { continue };
        if servers.iter().any(|other| other.name == server.name) {
            let got = format!("the server {} again", server.name);
            reader.warning(
                variable,
                got,
                "each server once: one session reads all its databases",
            );
        } else {
            servers.push(server);
        }
    }
    servers.sort_by(|one, other| one.name.cmp(&other.name));
    servers
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
    server(
        reader,
        Origin::Entry(name, prefix),
        raw,
        defaults,
        environment,
    )
}

/// What applies to all servers.
pub(super) fn shared_policy(reader: &mut Reader, raw: &mut RawConfig) -> Policy {
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

/// Where a server is configured.
enum Origin {
    /// An entry of `servers`: its name, and the path of its keys.
    Entry(String, String),
    DataSource(DataSource),
    /// `DATABASE_URL`, or libpq's variables.
    Variables,
}

fn server(
    reader: &mut Reader,
    origin: Origin,
    mut raw: RawServer,
    defaults: &Defaults,
    environment: &Environment,
) -> Option<ServerConfig> {
    let (name, prefix, source) = match origin {
        Origin::Entry(name, prefix) => (Some(name), prefix, None),
        Origin::DataSource(source) => (None, String::new(), Some(source)),
        Origin::Variables => (None, String::new(), None),
    };
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
    let poolers = poolers::read(
        reader,
        &format!("{prefix}.poolers"),
        std::mem::take(&mut raw.poolers),
    );
    let probes = probes::read(
        reader,
        &format!("{prefix}.probes"),
        std::mem::take(&mut raw.probes),
    );
    let host = host::read(reader, &prefix, &mut raw);
    let labels = labels::of_server(
        reader,
        &format!("{prefix}.labels"),
        std::mem::take(&mut raw.labels),
    );

    let own = OwnKeys {
        connection: raw.connection(),
        command: raw.command(),
        dsn: raw.dsn.take(),
    };
    let parameters = match source {
        Some(source) => ConnectionParams::of_data_source(source, environment),
        None => ConnectionParams::collect(reader, (prefix, misspelt), own, environment),
    };
    let target = parameters.target(reader, environment)?;
    let name = name.unwrap_or_else(|| format!("{}:{}", target.host, target.port));
    Some(ServerConfig {
        name,
        target,
        labels: Arc::new(labels),
        policy,
        cadence: defaults.cadence,
        storage,
        poolers,
        probes,
        host,
        backups: backups.unwrap_or_default(),
    })
}
