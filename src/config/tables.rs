//! Where a table is wanted: the table, or what to say of that which stands in its place. That is never shown.

use super::raw::Block;
use super::shown::kind;
use super::values::Reader;

/// A table whose keys are names, such as `servers`.
pub(super) struct Entry<'a> {
    pub(super) prefix: &'a str,
    /// What each table in it belongs to, and the word for its name.
    pub(super) noun: &'a str,
    pub(super) placeholder: &'a str,
    /// A key to show the shape with.
    pub(super) sample: &'a str,
    /// The keys of each table in it.
    pub(super) keys: &'a [&'a str],
}

impl Entry<'_> {
    pub(super) fn example(&self, key: &str) -> String {
        format!("{}.{}.{key}", self.prefix, self.placeholder)
    }
}

impl Reader {
    /// A table; an empty one when something else stands there, which is never shown: it may be a password whose table was
    /// forgotten.
    pub(super) fn table<T: Default>(&mut self, key: &str, block: Block<T>) -> T {
        self.table_like(key, block, "a table of keys")
    }

    /// As `table`, with what is wanted in words.
    pub(super) fn table_like<T: Default>(&mut self, key: &str, block: Block<T>, want: &str) -> T {
        match block {
            Block::Given(table) => table,
            Block::Wrong(None) => T::default(),
            Block::Wrong(Some(value)) => {
                self.problem(key, kind(&value), want);
                T::default()
            }
        }
    }

    /// The table under a name that the operator chose. A name that is a key of such a table tells that the name was
    /// forgotten, as in `servers.password`.
    pub(super) fn named_table<T: Default>(
        &mut self,
        entry: &Entry<'_>,
        name: &str,
        block: Block<T>,
    ) -> T {
        match block {
            Block::Given(table) => table,
            Block::Wrong(None) => T::default(),
            Block::Wrong(Some(value)) => {
                let got = format!("{} in place of the table of a {}", kind(&value), entry.noun);
                let meant = entry.keys.iter().find(|key| key.eq_ignore_ascii_case(name));
                let want = match meant {
                    Some(key) => entry.example(key),
                    None => format!("a table, as in {}", entry.example(entry.sample)),
                };
                self.problem(&format!("{}.{name}", entry.prefix), got, want);
                T::default()
            }
        }
    }
}
