//! `budgets.DATABASE.pools`: the connection pools of the applications of a database.

use config::{Value, ValueKind};
use serde::Deserialize as _;

use super::keys::Shape;
use super::raw::RawPool;
use super::redact;
use super::values::Reader;
use crate::policy::Pool;

/// A list of pools.
pub(super) struct Pools();

impl Shape for Pools {
    type Value = Vec<Pool>;

    fn want(&self) -> String {
        "a list of pools, as in [{name: web, size: 5, instances: 2}]".to_owned()
    }

    #[cfg(test)]
    fn has_variable(&self) -> bool {
        false
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Vec<Pool>> {
        let ValueKind::Array(items) = value.kind else {
            reader.problem(key, redact::value(&value), self.want());
            return None;
        };
        let mut pools = Vec::new();
        for (n, item) in items.into_iter().enumerate() {
            let key = format!("{key}[{n}]");
            let shown = redact::value(&item);
            match item.kind {
                ValueKind::Table(_) => pools.extend(pool(reader, &key, item)),
                _ => reader.problem(&key, shown, "a table with a size"),
            }
        }
        Some(pools)
    }
}

fn pool(reader: &mut Reader, table: &str, item: Value) -> Option<Pool> {
    let raw = RawPool::deserialize(item).ok()?; // a table of any values
    reader.unknown(table, &raw);
    if raw.size.is_none() {
        reader.problem(&format!("{table}.size"), "nothing", "the size of the pool");
    }
    let size = reader.optional(table, raw.size, &RawPool::size());
    Some(Pool {
        name: reader.optional(table, raw.name, &RawPool::name()),
        size: size.unwrap_or(1),
        overflow: reader.value(table, raw.overflow, &RawPool::overflow()),
        instances: reader.value(table, raw.instances, &RawPool::instances()),
        surge: reader.value(table, raw.surge, &RawPool::surge()),
    })
}
