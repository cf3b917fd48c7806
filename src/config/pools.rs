//! `budgets.DATABASE.pools`: the connection pools of the applications of a database.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use config::{Value, ValueKind};

use super::raw::Leaf;
use super::redact;
use super::values::Reader;
use crate::policy::Pool;

const KEYS: [&str; 5] = ["name", "size", "overflow", "instances", "surge"];
const WANT: &str = "a list of pools, as in [{name: web, size: 5, instances: 2}]";
const AT_MOST: u32 = 10_000;

pub(super) fn pools(reader: &mut Reader, key: &str, leaf: Leaf) -> Vec<Pool> {
    let Some(value) = leaf else { return Vec::new() };
    let ValueKind::Array(items) = value.kind else {
        reader.problem(key, redact::value(&value), WANT);
        return Vec::new();
    };
    let mut pools = Vec::new();
    for (n, item) in items.into_iter().enumerate() {
        let key = format!("{key}[{n}]");
        match item.kind {
            ValueKind::Table(table) => pools.push(pool(reader, &key, table.into_iter().collect())),
            _ => reader.problem(&key, redact::value(&item), "a table with a size"),
        }
    }
    pools
}

fn pool(reader: &mut Reader, key: &str, mut table: BTreeMap<String, Value>) -> Pool {
    let mut leaf = |name: &str| table.remove(name);
    let [name, size, overflow, instances, surge] = KEYS.map(&mut leaf);
    reader.unknown(key, &table, &KEYS);
    if size.is_none() {
        reader.problem(&format!("{key}.size"), "nothing", "the size of the pool");
    }
    let mut number = |name: &str, leaf: Leaf, range: RangeInclusive<u32>, default| {
        let given = reader.number(&format!("{key}.{name}"), leaf, range);
        given.unwrap_or(default)
    };
    Pool {
        size: number("size", size, 1..=AT_MOST, 1),
        overflow: number("overflow", overflow, 0..=AT_MOST, 0),
        instances: number("instances", instances, 0..=AT_MOST, 1),
        surge: number("surge", surge, 0..=AT_MOST, 0),
        name: reader.nonempty_text(&format!("{key}.name"), name, "text"),
    }
}
