//! `series_limits`, `databases`, `roles` and `budgets`: reads what the configuration says about tenants into the policy of a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use wildmatch::WildMatch;

use super::keys::Table as _;
use super::labels::labels;
use super::raw::{Block, RawBudget, RawDatabases, RawRoles, RawSeriesLimits};
use super::redact::quoted;
use super::tables::Entry;
use super::values::Reader;
use crate::policy::{Budget, Policy, SeriesLimits};

pub(super) fn series_limits(reader: &mut Reader, block: Block<RawSeriesLimits>) -> SeriesLimits {
    const TABLE: &str = "series_limits";
    let raw = reader.table(TABLE, block);
    let applications = RawSeriesLimits::application_names();
    SeriesLimits {
        databases: reader.value(TABLE, raw.databases, &RawSeriesLimits::databases()),
        roles: reader.value(TABLE, raw.roles, &RawSeriesLimits::roles()),
        application_names: reader.value(TABLE, raw.application_names, &applications),
    }
}

pub(super) fn databases(
    reader: &mut Reader,
    prefix: &str,
    block: Block<RawDatabases>,
    policy: &mut Policy,
) {
    let raw = reader.table(prefix, block);
    let patterns = |list: Vec<String>| list.iter().map(|pattern| WildMatch::new(pattern)).collect();
    let include = reader.optional(prefix, raw.include, &RawDatabases::include());
    let has_include = include.is_some();
    if let Some(include) = include {
        policy.include = patterns(include);
    }
    let exclude = reader.optional(prefix, raw.exclude, &RawDatabases::exclude());
    let has_exclude = exclude.is_some();
    if let Some(exclude) = exclude {
        policy.exclude = patterns(exclude);
    }
    if has_include {
        let key = format!("{prefix}.include");
        warn_of_patterns(reader, &key, &policy.include, &policy.exclude);
    }
    if has_exclude {
        let key = format!("{prefix}.exclude");
        warn_of_patterns(reader, &key, &policy.exclude, &[]);
    }
}

/// `roles.admin`
pub(super) fn roles(
    reader: &mut Reader,
    prefix: &str,
    block: Block<RawRoles>,
    policy: &mut Policy,
) {
    let raw = reader.table(prefix, block);
    if let Some(admins) = reader.optional(prefix, raw.admin, &RawRoles::admin()) {
        policy.admins = admins.into_iter().collect();
    }
}

/// Warns of patterns that can match no database name, and of patterns that `excluded` covers completely.
fn warn_of_patterns(
    reader: &mut Reader,
    key: &str,
    patterns: &[WildMatch],
    excluded: &[WildMatch],
) {
    for (n, pattern) in patterns.iter().enumerate() {
        let text = pattern.pattern();
        let least_bytes = text.bytes().filter(|byte| *byte != b'*').count();
        let excluding = excluded.iter().find(|excluding| covers(excluding, &text));
        let got = match excluding {
            _ if text.is_empty() => "an empty pattern".to_owned(),
            _ if least_bytes > MAX_NAME_BYTES => {
                format!("a pattern for more than {MAX_NAME_BYTES} bytes")
            }
            None => continue,
            Some(excluding) => {
                let excluding = quoted(&excluding.pattern());
                format!("{}, which is excluded by {excluding}", quoted(&text))
            }
        };
        let want = "a pattern that can match the name of a database";
        reader.warning(&format!("{key}[{n}]"), got, want);
    }
}

/// Whether `pattern` matches every name that `other` matches. False if that cannot be decided.
fn covers(pattern: &WildMatch, other: &str) -> bool {
    let is_exact = !(pattern.pattern().contains('?') && other.contains('*'));
    is_exact && pattern.matches(other)
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
        check_name(reader, prefix, &datname);
        let raw = reader.named_table(&entry, &datname, block);
        let prefix = format!("{prefix}.{datname}");
        let budget = budget(reader, &prefix, raw);
        policy.expected.insert(datname.clone());
        policy.budgets.insert(datname, Arc::new(budget));
    }
}

fn check_name(reader: &mut Reader, prefix: &str, datname: &str) {
    let want = "the name of a database";
    if datname.is_empty() {
        reader.problem(prefix, "an empty name", want);
    } else if datname.len() > MAX_NAME_BYTES {
        let got = format!("a name of more than {MAX_NAME_BYTES} bytes");
        reader.warning(&format!("{prefix}.{datname}"), got, want);
    }
}

fn budget(reader: &mut Reader, prefix: &str, raw: RawBudget) -> Budget {
    reader.unknown(prefix, &raw);
    let labels = labels(
        reader,
        &format!("{prefix}.labels"),
        raw.labels,
        &["server", "datname", "owner"],
    );
    Budget {
        connections: reader.optional(prefix, raw.connections, &RawBudget::connections()),
        size_bytes: reader.optional(prefix, raw.size, &RawBudget::size()),
        owner: reader.optional(prefix, raw.owner, &RawBudget::owner()),
        owner_role: reader.optional(prefix, raw.owner_role, &RawBudget::owner_role()),
        backup_max_age: reader.optional(prefix, raw.backup_max_age, &RawBudget::backup_max_age()),
        roles: reader
            .optional(prefix, raw.roles, &RawBudget::roles())
            .into_iter()
            .flatten()
            .collect(),
        pools: reader
            .optional(prefix, raw.pools, &RawBudget::pools())
            .unwrap_or_default(),
        labels,
    }
}

/// The maximum length of an identifier in PostgreSQL in bytes (`NAMEDATALEN` - 1).
pub(super) const MAX_NAME_BYTES: usize = 63;
