//! Refuses unknown keys, and names the key that was probably meant.

use super::env::PREFIX;
use super::keys::{Content as _, Table, path};
use super::raw::{RawConfig, RawWebFile};
use super::redact;
use super::renamed::old_keys;
use super::values::Reader;

/// The file that a key is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// The file of `--config.file`.
    #[default]
    Config,
    /// The file of `--web.config.file`.
    Web,
}

impl Form {
    fn paths(self) -> Vec<String> {
        let mut paths = Vec::new();
        match self {
            Self::Config => RawConfig::paths("", &mut paths),
            Self::Web => RawWebFile::paths("", &mut paths),
        }
        paths
    }

    /// The flag of the other file, if that one has this key at its top level.
    fn other(self, name: &str) -> Option<&'static str> {
        let (keys, flag) = match self {
            Self::Config => (RawWebFile::KEYS, "--web.config.file"),
            Self::Web => (RawConfig::KEYS, "--config.file"),
        };
        keys.contains(&name).then_some(flag)
    }
}

/// Other programs' names of the keys of a server.
const ALIASES: [(&str, &str); 8] = [
    ("connection_string", "dsn"),
    ("database", "dbname"),
    ("database_url", "dsn"),
    ("db", "dbname"),
    ("hostname", "host"),
    ("uri", "dsn"),
    ("url", "dsn"),
    ("username", "user"),
];

impl Reader {
    pub(super) fn unknown<T: Table>(&mut self, table: &str, given: &T) {
        for (name, value) in given.unknown() {
            let name = redact::unknown_key(name, value);
            let key = path(table, name);
            let renamed = old_keys(&key, value);
            for (old, new) in &renamed {
                self.problem(old, "a renamed key", *new);
            }
            if renamed.is_empty() {
                let want = match table {
                    "" => self.top_level(name),
                    _ => None,
                };
                let want = want.unwrap_or_else(|| one_of(name, T::KEYS));
                self.problem(&key, "an unknown key", want);
            }
        }
    }

    /// What a key at the top level was probably meant to be. None: one of the known keys there, if any.
    fn top_level(&self, name: &str) -> Option<String> {
        if let Some(flag) = self.form.other(name) {
            return Some(format!("it in the file of {flag}"));
        }
        let is_variable = self.origins.contains_key(name);
        if is_variable && name == "database_url" {
            return Some("DATABASE_URL, without a prefix".to_owned());
        }
        let paths = self.form.paths();
        if let Some(path) = paths.iter().find(|path| path.replace('.', "_") == name) {
            let variable = || format!("{PREFIX}{}", path.to_uppercase().replace('.', "__"));
            return Some(if is_variable {
                variable()
            } else {
                path.clone()
            });
        }
        if paths.iter().any(|path| path == name) {
            let table = name.replacen('.', ": {", 1);
            return Some(format!("a table, as in {table}: ...}}"));
        }
        let name = canonical(name);
        let places = paths
            .iter()
            .filter(|path| path.rsplit('.').next() == Some(name));
        let places: Vec<_> = places.map(String::as_str).collect();
        (!places.is_empty()).then(|| places.join(" or "))
    }
}

fn canonical(name: &str) -> &str {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    alias.map_or(name, |(_, key)| key)
}

/// All known keys. The one that the name resembles is the first.
fn one_of(name: &str, known: &[&str]) -> String {
    if name == redact::MERGE {
        return "the keys themselves, because merge keys are not supported".to_owned();
    }
    if let [only] = known {
        return (*only).to_owned();
    }
    let Some(meant) = nearest(canonical(name), known) else {
        return format!("one of {}", known.join(", "));
    };
    let others: Vec<_> = known.iter().copied().filter(|key| *key != meant).collect();
    format!("{meant} (or {})", others.join(", "))
}

/// The key that begins with the name, or that differs from it in few letters, at most a third.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let begins = |key: &&&str| name.len() > 2 && key.starts_with(&format!("{name}_"));
    if let Some(key) = known.iter().find(begins) {
        return Some(key);
    }
    let distances = known
        .iter()
        .map(|key| (strsim::osa_distance(&name, key), *key));
    let (distance, key) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= key.len().max(name.len())).then_some(key)
}
