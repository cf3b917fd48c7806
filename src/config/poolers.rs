//! `servers.NAME.poolers`: the admin consoles of the poolers in front of a server.

use std::collections::BTreeMap;

use super::PoolerSettings;
use super::connection::{ConnectionParams, OwnKeys};
use super::env::Environment;
use super::keys::Table as _;
use super::raw::{Block, RawPooler};
use super::tables::Entry;
use super::values::Reader;

pub(super) fn read(
    reader: &mut Reader,
    prefix: &str,
    block: Block<BTreeMap<String, Block<RawPooler>>>,
) -> BTreeMap<String, PoolerSettings> {
    let entry = Entry {
        prefix,
        noun: "pooler",
        placeholder: "POOLER",
        sample: "host",
        keys: RawPooler::KEYS,
    };
    let want = format!("a table of poolers, as in {}", entry.example(entry.sample));
    let mut poolers = BTreeMap::new();
    for (name, block) in reader.table_like(prefix, block, &want) {
        if name.is_empty() {
            let want = format!("the name of a pooler, as in {}", entry.example("host"));
            reader.problem(prefix, "an empty name", want);
            continue;
        }
        let raw = reader.named_table(&entry, &name, block);
        let settings = pooler(reader, format!("{prefix}.{name}"), raw);
        poolers.extend(settings.map(|settings| (name, settings)));
    }
    poolers
}

fn pooler(reader: &mut Reader, prefix: String, mut raw: RawPooler) -> Option<PoolerSettings> {
    let problems = reader.problems.len();
    reader.unknown(&prefix, &raw);
    let interval = reader.value(&prefix, raw.interval.take(), &RawPooler::interval());
    let hosts = reader.optional(&prefix, raw.server_hosts.take(), &RawPooler::server_hosts());
    if raw.host.is_none() && raw.hostaddr.is_none() && reader.problems.len() == problems {
        let want = "a host name, an address, or the directory of a socket";
        reader.problem(&format!("{prefix}.host"), "nothing", want);
    }
    let misspelt = reader.problems.len() > problems;
    // The variables of libpq are for PostgreSQL.
    let environment = Environment::default();
    let own = OwnKeys {
        connection: raw.connection(),
        ..OwnKeys::default()
    };
    let parameters = ConnectionParams::collect(reader, (prefix, misspelt), own, &environment);
    Some(PoolerSettings {
        target: parameters.target(reader, &environment)?,
        interval,
        server_hosts: hosts.unwrap_or_default(),
    })
}
