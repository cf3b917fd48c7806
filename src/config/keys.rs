//! The keys of the configuration: each has a name, a shape and a default. The tables of `raw` define them. Validation and the
//! reference in `docs` read these definitions, so that the two cannot differ.

use std::collections::BTreeMap;

use config::Value;

use super::raw::{Block, Leaf};
use super::values::Reader;
use super::yaml;

/// A key that takes a single value or a list.
pub(super) struct Key<S> {
    pub(super) name: &'static str,
    pub(super) shape: S,
    /// The value that a missing key has, written as in the file.
    pub(super) default: Option<&'static str>,
}

/// The values that a key takes.
pub(super) trait Shape {
    type Value;

    /// What a correct value is, for messages and for the reference.
    fn want(&self) -> String;

    /// Whether a variable can set the key. None can set a list of tables.
    #[cfg(test)]
    fn has_variable(&self) -> bool {
        true
    }

    /// Converts a value. None: the value is wrong, and the problem is recorded.
    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Self::Value>;
}

impl<S: Shape> Key<S> {
    pub(super) fn want(&self) -> String {
        self.shape.want()
    }
}

/// A table with a fixed set of keys.
pub(super) trait Table: Default + Content {
    const KEYS: &'static [&'static str];

    fn unknown(&self) -> &BTreeMap<String, Value>;
}

/// What a key contains: a table, tables by name, or a value.
pub(super) trait Content {
    /// Adds the path of every key, such as `servers.NAME.port`. `table` is the path of the table that contains them.
    fn paths(_table: &str, _paths: &mut Vec<String>) {}

    /// Adds the section of every table to the reference.
    #[cfg(test)]
    fn sections(_table: &str, _sections: &mut Vec<super::reference::Section>) {}
}

impl Content for Value {}

impl<T: Content> Content for Block<T> {
    fn paths(table: &str, paths: &mut Vec<String>) {
        T::paths(table, paths);
    }

    #[cfg(test)]
    fn sections(table: &str, sections: &mut Vec<super::reference::Section>) {
        T::sections(table, sections);
    }
}

impl<T: Content> Content for BTreeMap<String, T> {
    fn paths(table: &str, paths: &mut Vec<String>) {
        T::paths(table, paths);
    }

    #[cfg(test)]
    fn sections(table: &str, sections: &mut Vec<super::reference::Section>) {
        T::sections(table, sections);
    }
}

/// The name of a key whose identifier in Rust is a raw one, such as `r#for`.
pub(super) const fn plain(identifier: &str) -> &str {
    match identifier.as_bytes() {
        [b'r', b'#', name @ ..] => match str::from_utf8(name) {
            Ok(name) => name,
            Err(_) => identifier,
        },
        _ => identifier,
    }
}

/// The path of a key in a table. The top level has the path "".
pub(super) fn path(table: &str, key: &str) -> String {
    if table.is_empty() {
        key.to_owned()
    } else {
        format!("{table}.{key}")
    }
}

impl Reader {
    /// The value of a key that has no default. None: the key is missing, or its value is wrong.
    pub(super) fn optional<S: Shape>(
        &mut self,
        table: &str,
        leaf: Leaf,
        key: &Key<S>,
    ) -> Option<S::Value> {
        key.shape.read(self, &path(table, key.name), leaf?)
    }

    /// The value of a key that has a default. A wrong value is a problem and gives the default.
    pub(super) fn value<S: Shape>(&mut self, table: &str, leaf: Leaf, key: &Key<S>) -> S::Value {
        let given = self.optional(table, leaf, key);
        given.unwrap_or_else(|| self.default_of(key))
    }

    pub(super) fn default_of<S: Shape>(&mut self, key: &Key<S>) -> S::Value {
        let default = key.default.map(yaml::plain);
        let read = default.and_then(|default| key.shape.read(self, key.name, default));
        read.expect("the table of `raw` has a default for this key, which a test reads")
    }
}
