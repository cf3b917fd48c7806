//! From any value to the one that a key wants. Collects problems and goes on with a default, so that all of them are found
//! in one run; whoever asks must look at the problems before using what came out.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use config::{Value, ValueKind};

use super::problem::Problem;
use super::raw::{Block, Leaf};

#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
    /// Keys that a variable or a flag has set.
    pub(super) origins: BTreeMap<String, String>,
}

impl Reader {
    pub(super) fn problem(&mut self, key: &str, got: impl Into<String>, want: impl Into<String>) {
        let key = if NEVER_A_KEY.iter().any(|sign| key.contains(sign)) {
            HIDDEN
        } else {
            key
        };
        let key = self
            .origins
            .get(key)
            .map_or_else(|| key.to_owned(), |variable| format!("{key} ({variable})"));
        self.problems.push(Problem {
            key,
            got: got.into(),
            want: want.into(),
        });
    }

    /// A table; an empty one when something else stands there.
    pub(super) fn table<T: Default>(&mut self, key: &str, block: Block<T>) -> T {
        match block {
            Block::Given(table) => table,
            Block::Wrong(None) => T::default(),
            Block::Wrong(Some(value)) => {
                self.problem(key, shown(&value), "a table of keys");
                T::default()
            }
        }
    }

    pub(super) fn unknown(
        &mut self,
        prefix: &str,
        unknown: &BTreeMap<String, Value>,
        known: &[&str],
    ) {
        for (key, value) in unknown {
            let is_key = is_plain(key) && value.kind != ValueKind::Nil;
            let key = if is_key { key } else { HIDDEN };
            let key = if prefix.is_empty() {
                key.to_owned()
            } else {
                format!("{prefix}.{key}")
            };
            self.problem(
                &key,
                "an unknown key",
                format!("one of {}", known.join(", ")),
            );
        }
    }

    /// Text as it was written. A bare 007 or yes has lost its spelling by now, so it must be in quotes.
    pub(super) fn text(&mut self, key: &str, leaf: Leaf) -> Option<String> {
        let value = leaf?;
        match value.kind {
            ValueKind::String(text) => Some(text),
            ValueKind::Table(_) | ValueKind::Array(_) => {
                self.problem(key, shown(&value), "text");
                None
            }
            _ => {
                self.problem(key, format!("the bare {}", shown(&value)), "text in quotes");
                None
            }
        }
    }

    /// As `text`, but the value is never shown.
    pub(super) fn secret(&mut self, key: &str, leaf: Leaf) -> Option<String> {
        if let ValueKind::String(text) = leaf?.kind {
            Some(text)
        } else {
            self.problem(
                key,
                "something that is not text (not shown)",
                "text in quotes",
            );
            None
        }
    }

    pub(super) fn boolean(&mut self, key: &str, leaf: Leaf) -> Option<bool> {
        let value = leaf?;
        let ValueKind::Boolean(boolean) = value.kind else {
            self.problem(key, shown(&value), "true or false");
            return None;
        };
        Some(boolean)
    }

    pub(super) fn duration(
        &mut self,
        key: &str,
        leaf: Leaf,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(value) = leaf else { return default };
        match humantime::parse_duration(&scalar(&value)) {
            Ok(duration) if range.contains(&duration) => duration,
            _ => {
                let [least, most] = [range.start(), range.end()]
                    .map(|d| humantime::format_duration(*d).to_string());
                self.problem(
                    key,
                    shown(&value),
                    format!("a duration with its unit, from {least} to {most}"),
                );
                default
            }
        }
    }

    pub(super) fn number<T>(&mut self, key: &str, leaf: Leaf, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let value = leaf?;
        match scalar(&value).parse::<T>() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                self.problem(
                    key,
                    shown(&value),
                    format!("a number from {} to {}", range.start(), range.end()),
                );
                None
            }
        }
    }

    pub(super) fn bytes(&mut self, key: &str, leaf: Leaf) -> Option<u64> {
        let value = leaf?;
        match scalar(&value).parse::<ByteSize>() {
            Ok(size) if size.as_u64() > 0 => Some(size.as_u64()),
            _ => {
                self.problem(key, shown(&value), "a size above 0, as in 10GiB or 500MB");
                None
            }
        }
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &str,
        text: Option<String>,
        choices: &[(&str, T)],
        default: T,
    ) -> T {
        let Some(text) = text else { return default };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
            return *choice;
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        self.problem(key, quoted(&text), format!("one of {}", names.join(", ")));
        default
    }

    /// A list of texts; from the environment, separated by commas.
    pub(super) fn list(&mut self, key: &str, leaf: Leaf) -> Option<Vec<String>> {
        let value = leaf?;
        match value.kind {
            ValueKind::Array(items) => Some(
                items
                    .into_iter()
                    .enumerate()
                    .filter_map(|(n, item)| self.text(&format!("{key}[{n}]"), Some(item)))
                    .collect(),
            ),
            ValueKind::String(text) => Some(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(str::to_owned)
                    .collect(),
            ),
            _ => {
                self.problem(key, shown(&value), "a list");
                None
            }
        }
    }
}

/// What may be a value that became a key by a slip, as in `{password:secret}` and `{password, secret}`, is not shown.
const HIDDEN: &str = "(a key that may hold a password)";

fn is_plain(key: &str) -> bool {
    key.chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn scalar(value: &Value) -> String {
    match &value.kind {
        ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil => String::new(),
        _ => value.to_string(),
    }
}

fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::Table(_) => "a table".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::String(text) => quoted(text),
        _ => value.to_string(),
    }
}

/// Connection strings, hashes of bcrypt, PEM: as a key they are a slip, and as text they are not shown.
const NEVER_A_KEY: [&str; 3] = ["://", "$2", "-----BEGIN"];
const SECRETIVE: [&str; 5] = [":", "$2", "-----BEGIN", "@", "password"];

/// Text for a message, unless it may be a secret that was put in the wrong place.
pub(super) fn quoted(text: &str) -> String {
    if SECRETIVE.iter().any(|sign| text.contains(sign)) {
        "text that may hold a password (not shown)".to_owned()
    } else {
        format!("{text:?}")
    }
}
