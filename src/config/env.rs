//! The environment as a layer of the configuration: `PGCOMMONS__POLL__INTERVAL=1s` sets `poll.interval`. The caller passes
//! the variables: no code here reads the process environment.

use std::borrow::Cow;
use std::collections::BTreeMap;

use config::{Value, ValueKind};

use super::exporter;

/// Environment variables; `main` reads them once.
pub type Environment = BTreeMap<String, String>;

pub(super) const PREFIX: &str = "PGCOMMONS__";
const SEPARATOR: &str = "__";
/// No key is nested deeper. Without a limit, nested tables could overflow the stack.
const MAX_DEPTH: usize = 8;

pub(super) type Table = config::Map<String, Value>;

/// A command-line flag that sets a key, such as `--log.level`.
pub(crate) struct Flag<'a> {
    pub(crate) name: &'a str,
    pub(crate) key: [&'a str; 2],
    pub(crate) value: Cow<'a, str>,
}

/// Sets the variables in the table, then the flags: those of `postgres_exporter` before the agent's own. Returns the variable or
/// flag that set each key.
pub(super) fn overlay(
    root: &mut Table,
    environment: &Environment,
    flags: &[Flag<'_>],
) -> BTreeMap<String, String> {
    let mut origins = BTreeMap::new();
    for variable in exporter::variables(environment) {
        if let Some(key) = set(root, Keys::Fixed, &variable.key, &variable.value) {
            origins.insert(key, variable.name.to_owned());
        }
    }
    for (variable, value) in environment {
        let Some(path) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let segments: Vec<&str> = path.splitn(MAX_DEPTH, SEPARATOR).collect();
        if let Some(key) = set(root, Keys::Fixed, &segments, value) {
            origins.insert(key, variable.clone());
        }
    }
    for flag in flags {
        if let Some(key) = set(root, Keys::Fixed, &flag.key, &flag.value) {
            origins.insert(key, flag.name.to_owned());
        }
    }
    exporter::default_address(root, environment);
    origins
}

/// Sets one value and returns its key. None: a parent of the key is not a table; the validation reports that.
fn set(table: &mut Table, keys: Keys, segments: &[&str], value: &str) -> Option<String> {
    let (first, rest) = segments.split_first()?;
    let key = keys.spelling(table, first);
    if rest.is_empty() {
        table.insert(key.clone(), Value::from(value));
        return Some(key);
    }
    let below = keys.below(&key);
    let slot = table
        .entry(key.clone())
        .or_insert_with(|| Value::from(Table::new()));
    if slot.kind == ValueKind::Nil {
        *slot = Value::from(Table::new());
    }
    match &mut slot.kind {
        ValueKind::Table(inner) => Some(format!("{key}.{}", set(inner, below, rest, value)?)),
        _ => None,
    }
}

/// The kind of the keys of a table.
#[derive(Clone, Copy)]
enum Keys {
    /// Keys of the configuration, in lower case.
    Fixed,
    /// Names of servers, databases, labels or volumes.
    Names,
}

impl Keys {
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Fixed, "servers" | "budgets" | "labels" | "volumes") => Self::Names,
            _ => Self::Fixed,
        }
    }

    /// The key that a segment of a variable names. Variables are usually in capitals, so a name in capitals means the name
    /// in the file that differs only in case, or else the name in lower case. Any other name is taken as it is written.
    fn spelling(self, table: &Table, segment: &str) -> String {
        let lower = segment.to_lowercase();
        let is_exact = match self {
            Self::Fixed => false,
            Self::Names => table.contains_key(segment) || segment.contains(char::is_lowercase),
        };
        if is_exact {
            return segment.to_owned();
        }
        let mut alike = table.keys().filter(|key| key.eq_ignore_ascii_case(segment));
        match (self, alike.next(), alike.next()) {
            (Self::Names, Some(only), None) => only.clone(),
            _ => lower,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlaid(variables: &[(&str, &str)]) -> (Table, BTreeMap<String, String>) {
        let budget = Table::from([("Calibre_Web".to_owned(), Value::from(Table::new()))]);
        let mut root = Table::from([("budgets".to_owned(), Value::from(budget))]);
        let environment = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let origins = overlay(&mut root, &environment, &[]);
        (root, origins)
    }

    #[test]
    fn a_key_keeps_the_spelling_of_the_file() {
        let (_, origins) = overlaid(&[("PGCOMMONS__BUDGETS__CALIBRE_WEB__SIZE", "1GiB")]);
        assert_eq!(
            origins.keys().collect::<Vec<_>>(),
            ["budgets.Calibre_Web.size"]
        );
    }

    #[test]
    fn other_variables_are_ignored() {
        let (root, origins) = overlaid(&[("PATH", "/bin"), ("PGCOMMONS_X", "1")]);
        assert_eq!((root.len(), origins.len()), (1, 0));
    }

    #[test]
    fn parent_tables_are_created() {
        let (root, _) = overlaid(&[("PGCOMMONS__POLL__INTERVAL", "2s")]);
        let poll = root["poll"].clone().into_table().expect("a table");
        assert_eq!(poll["interval"].clone().into_string().expect("text"), "2s");
    }
}
