//! `activity`, `databases` and `budgets`: what the configuration says of tenants, into the policy of a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use wildmatch::WildMatch;

use super::raw::{Block, RawActivity, RawBudget, RawDatabases};
use super::shown::quoted;
use super::values::{Entry, Reader};
use crate::policy::{Budget, Policy};

pub(super) fn activity(reader: &mut Reader, block: Block<RawActivity>, policy: &mut Policy) {
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

pub(super) fn databases(
    reader: &mut Reader,
    prefix: &str,
    block: Block<RawDatabases>,
    policy: &mut Policy,
) {
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

pub(super) fn budgets(
    reader: &mut Reader,
    prefix: &str,
    block: Block<BTreeMap<String, Block<RawBudget>>>,
    policy: &mut Policy,
) {
    let entry = Entry {
        prefix,
        noun: "database",
        placeholder: "DATABASE",
        sample: "size",
        keys: RawBudget::KEYS,
    };
    let want = format!(
        "a table of databases, as in {}",
        entry.example(entry.sample)
    );
    for (datname, block) in reader.table_like(prefix, block, &want) {
        let raw = reader.named_table(&entry, &datname, block);
        let prefix = format!("{prefix}.{datname}");
        let budget = budget(reader, &prefix, raw);
        policy.expected.insert(datname.clone());
        policy.budgets.insert(datname, Arc::new(budget));
    }
}

fn budget(reader: &mut Reader, prefix: &str, raw: RawBudget) -> Budget {
    reader.unknown(prefix, &raw.unknown, RawBudget::KEYS);
    let mut labels = BTreeMap::new();
    let want = format!("a table of labels, as in {prefix}.labels.team");
    for (label, value) in reader.table_like(&format!("{prefix}.labels"), raw.labels, &want) {
        let key = format!("{prefix}.labels.{label}");
        if !is_label_name(&label) {
            reader.problem(
                &key,
                quoted(&label),
                "a label name, none of server, datname, owner, job, instance",
            );
        } else if let Some(value) = reader.text(&key, Some(value)) {
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
        owner: reader.filled(&format!("{prefix}.owner"), raw.owner, "text"),
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
