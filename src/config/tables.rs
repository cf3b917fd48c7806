//! Reads tables. Another value in the place of a table is a problem; messages never show it.

use super::keys::Table;
use super::raw::Block;
use super::redact::kind;
use super::values::Reader;

/// A table whose keys are names that the operator chose, such as `servers`.
pub(super) struct Entry<'a> {
    pub(super) prefix: &'a str,
    /// What an entry describes, such as `server`.
    pub(super) noun: &'a str,
    /// Stands for the name of an entry in examples, such as `NAME`.
    pub(super) placeholder: &'a str,
    /// A key of an entry, for examples.
    pub(super) sample: &'a str,
    /// The keys of an entry.
    pub(super) keys: &'a [&'a str],
}

impl Entry<'_> {
    pub(super) fn example(&self, key: &str) -> String {
        format!("{}.{}.{key}", self.prefix, self.placeholder)
    }
}

impl Reader {
    /// A table without unknown keys. Another value is a problem and gives an empty table. The message does not show the value: it may be a
    /// password that is set one level too high.
    pub(super) fn table<T: Table>(&mut self, key: &str, block: Block<T>) -> T {
        let want = format!("a table with {}", T::KEYS.join(", "));
        let table = self.table_like(key, block, &want);
        self.unknown(key, &table);
        table
    }

    /// A table whose keys are names that the operator chose. `want` describes the expected value.
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

    /// The table of one entry. If the name of the entry is a key that belongs in that table, as in `servers.password`, the name is
    /// missing, and the message says so.
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
                let misplaced = entry.keys.iter().find(|key| key.eq_ignore_ascii_case(name));
                let want = match misplaced {
                    Some(key) => entry.example(key),
                    None => format!("a table, as in {}", entry.example(entry.sample)),
                };
                self.problem(&format!("{}.{name}", entry.prefix), got, want);
                T::default()
            }
        }
    }
}
