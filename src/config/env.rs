//! The environment as one more layer of the configuration: `PGCOMMONS__POLL__INTERVAL=1s` is `poll.interval`. Reads
//! nothing itself: it is given the variables.

use std::collections::BTreeMap;

use config::{Value, ValueKind};

/// Variables of the process, read once by `main`.
pub type Environment = BTreeMap<String, String>;

pub(super) const PREFIX: &str = "PGCOMMONS__";
const SEPARATOR: &str = "__";
/// No key lies deeper, and tables in tables without end would overflow the stack.
const DEEPEST: usize = 8;

pub(super) type Table = config::Map<String, Value>;

/// A flag of the command line that sets a key, as in `--log.level`.
pub(crate) struct Flag<'a> {
    pub(crate) name: &'a str,
    pub(crate) key: [&'a str; 2],
    pub(crate) value: &'a str,
}

/// Lays the variables over the table, and the flags over these; gives back what set which key.
pub(super) fn overlay(
    root: &mut Table,
    environment: &Environment,
    flags: &[Flag<'_>],
) -> BTreeMap<String, String> {
    let mut origins = BTreeMap::new();
    for (variable, value) in environment {
        let Some(path) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let segments: Vec<&str> = path.splitn(DEEPEST, SEPARATOR).collect();
        if let Some(key) = set(root, Keys::Fixed, &segments, value) {
            origins.insert(key, variable.clone());
        }
    }
    for flag in flags {
        if let Some(key) = set(root, Keys::Fixed, &flag.key, flag.value) {
            origins.insert(key, flag.name.to_owned());
        }
    }
    origins
}

/// Sets one value and gives back its key. None: a table that it should be in is something else, which stays, to be refused.
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

/// Whose the keys of a table are.
#[derive(Clone, Copy)]
enum Keys {
    /// The configuration's own, in lower case.
    Fixed,
    /// Names of servers, databases or labels.
    Names,
}

impl Keys {
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Fixed, "servers" | "budgets" | "labels") => Self::Names,
            _ => Self::Fixed,
        }
    }

    /// A name is what was written. Variables are written in capitals: a name in capitals stands for the one of the file
    /// that differs from it in case alone, or else for the one in lower case.
    fn spelling(self, table: &Table, segment: &str) -> String {
        let lower = segment.to_lowercase();
        let is_meant = match self {
            Self::Fixed => false,
            Self::Names => table.contains_key(segment) || segment.contains(char::is_lowercase),
        };
        if is_meant {
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
    fn other_variables_are_none_of_our_business() {
        let (root, origins) = overlaid(&[("PATH", "/bin"), ("PGCOMMONS_X", "1")]);
        assert_eq!((root.len(), origins.len()), (1, 0));
    }

    #[test]
    fn tables_on_the_way_are_made() {
        let (root, _) = overlaid(&[("PGCOMMONS__POLL__INTERVAL", "2s")]);
        let poll = root["poll"].clone().into_table().expect("a table");
        assert_eq!(poll["interval"].clone().into_string().expect("text"), "2s");
    }
}
