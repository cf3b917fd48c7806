//! Warns of variables with one underscore instead of two, such as `PGCOMMONS_POLL_INTERVAL`: they set nothing.

use super::env::{Environment, PREFIX};
use super::problem::Problem;
use super::raw::{
    RawBackups, RawBudget, RawDatabases, RawLog, RawPoll, RawSeriesLimits, RawServer, RawSizes,
    RawStats, RawWeb,
};

const SECTIONS: [(&str, &[&str]); 8] = [
    ("web", RawWeb::KEYS),
    ("log", RawLog::KEYS),
    ("poll", RawPoll::KEYS),
    ("stats", RawStats::KEYS),
    ("sizes", RawSizes::KEYS),
    ("series_limits", RawSeriesLimits::KEYS),
    ("backups", RawBackups::KEYS),
    ("databases", RawDatabases::KEYS),
];
/// Tables whose entries are named by the operator, with the keys of an entry.
const NAMED: [(&str, &[&str]); 2] = [("servers", RawServer::KEYS), ("budgets", RawBudget::KEYS)];

/// One warning for each variable that resembles a key.
pub(super) fn warnings(environment: &Environment) -> Vec<Problem> {
    let misspelt = environment.keys().filter_map(|variable| {
        Some(Problem {
            key: variable.clone(),
            got: "a variable that sets nothing".to_owned(),
            want: intended(variable)?,
        })
    });
    misspelt.collect()
}

/// The variable that the operator probably meant.
fn intended(variable: &str) -> Option<String> {
    let rest = variable.strip_prefix("PGCOMMONS_")?;
    // Kubernetes sets such variables for a Service named pgcommons.
    if rest.starts_with('_') || rest.contains("SERVICE_") || rest.contains("PORT_") {
        return None;
    }
    let words = rest.replace("__", "_");
    let lower = words.to_ascii_lowercase();
    let below = |section: &str| lower.strip_prefix(section)?.strip_prefix('_');
    let plain = SECTIONS.iter().find_map(|(section, keys)| {
        let key = keys.iter().find(|key| below(section) == Some(key))?;
        Some(format!("{section}__{key}").to_uppercase())
    });
    let named = || {
        NAMED.iter().find_map(|(section, keys)| {
            let (length, key) = name_and_key(below(section)?, keys)?;
            let name = &words[section.len() + 1..][..length]; // in its original case
            let [section, key] = [section, key].map(str::to_uppercase);
            Some(format!("{section}__{name}__{key}"))
        })
    };
    Some(format!("{PREFIX}{}", plain.or_else(named)?))
}

/// The length of the name and the longest key that follows it.
fn name_and_key<'a>(rest: &str, keys: &[&'a str]) -> Option<(usize, &'a str)> {
    let found = keys.iter().filter_map(|key| {
        let name = rest.strip_suffix(key)?.strip_suffix('_')?;
        (!name.is_empty()).then_some((name.len(), *key))
    });
    found.min()
}
