//! Converts raw values to the types of the keys. A `Reader` collects problems and continues with defaults, so that one run
//! finds all problems. The caller must check the problems before it uses the results.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use config::{Value, ValueKind};

use super::problem::Problem;
use super::raw::Leaf;
use super::redact::{self, kind, quoted};
use super::renamed::old_keys;
use super::review::{NamedFile, NamedVolume};

#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
    /// Probable mistakes in a configuration that is valid.
    pub(super) warnings: Vec<Problem>,
    pub(super) files: Vec<NamedFile>,
    pub(super) volumes: Vec<NamedVolume>,
    /// Keys that a variable or a flag set, each with the name of that variable or flag.
    pub(super) origins: BTreeMap<String, String>,
}

impl Reader {
    pub(super) fn problem(&mut self, key: &str, got: impl Into<String>, want: impl Into<String>) {
        let problem = self.describe(key, got.into(), want.into());
        self.problems.push(problem);
    }

    pub(super) fn warning(&mut self, key: &str, got: impl Into<String>, want: impl Into<String>) {
        let warning = self.describe(key, got.into(), want.into());
        self.warnings.push(warning);
    }

    fn describe(&self, key: &str, got: String, want: String) -> Problem {
        let key = self.with_origin(key);
        Problem { key, got, want }
    }

    /// Records a file that a key names.
    pub(super) fn file(&mut self, key: &str, path: &Path) {
        let (key, path) = (self.with_origin(key), path.to_owned());
        self.files.push(NamedFile { key, path });
    }

    /// Records a directory whose volume is to be measured.
    pub(super) fn volume(&mut self, key: &str, path: &Path) {
        let (key, path) = (self.with_origin(key), path.to_owned());
        self.volumes.push(NamedVolume { key, path });
    }

    /// The key, with the variable or flag that set it.
    fn with_origin(&self, key: &str) -> String {
        let key = redact::key(key);
        self.origin(key)
            .map_or_else(|| key.to_owned(), |variable| format!("{key} ({variable})"))
    }

    /// The variable or flag that set the key or a key below it.
    fn origin(&self, key: &str) -> Option<&String> {
        let below = format!("{key}.");
        let first_below = || {
            let (set, variable) = self.origins.range(below.clone()..).next()?;
            set.starts_with(&below).then_some(variable)
        };
        self.origins.get(key).or_else(first_below)
    }

    pub(super) fn unknown(
        &mut self,
        prefix: &str,
        unknown: &BTreeMap<String, Value>,
        known: &[&str],
    ) {
        for (key, value) in unknown {
            let key = redact::unknown_key(key, value);
            let key = if prefix.is_empty() {
                key.to_owned()
            } else {
                format!("{prefix}.{key}")
            };
            let renamed = old_keys(&key, value);
            for (old, new) in &renamed {
                self.problem(old, "a renamed key", *new);
            }
            if renamed.is_empty() {
                let want = format!("one of {}", known.join(", "));
                self.problem(&key, "an unknown key", want);
            }
        }
    }

    /// Text. An unquoted 007 or yes must be put in quotes: YAML has already converted it to a number or a boolean.
    pub(super) fn text(&mut self, key: &str, leaf: Leaf) -> Option<String> {
        self.text_like(key, leaf, "text")
    }

    /// Like `text`; `want` describes the expected value.
    pub(super) fn text_like(&mut self, key: &str, leaf: Leaf, want: &str) -> Option<String> {
        let value = leaf?;
        match value.kind {
            ValueKind::String(text) => return Some(text),
            ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => {
                self.problem(key, kind(&value), want);
            }
            _ => {
                let got = format!("the unquoted {}", redact::value(&value));
                self.problem(key, got, "text in quotes");
            }
        }
        None
    }

    /// Like `text_like`, but empty text is a problem.
    pub(super) fn nonempty_text(&mut self, key: &str, leaf: Leaf, want: &str) -> Option<String> {
        let text = self.text_like(key, leaf, want)?;
        if text.is_empty() {
            self.problem(key, "empty text", want);
            return None;
        }
        Some(text)
    }

    /// Like `text_like`, but messages never show the value.
    pub(super) fn secret(&mut self, key: &str, leaf: Leaf, want: &str) -> Option<String> {
        match leaf?.kind {
            ValueKind::String(text) => return Some(text),
            ValueKind::Nil => self.problem(key, "nothing", want),
            _ => {
                let got = "a value that is not text (not shown)";
                self.problem(key, got, "text in quotes");
            }
        }
        None
    }

    pub(super) fn boolean(&mut self, key: &str, leaf: Leaf) -> Option<bool> {
        let value = leaf?;
        let ValueKind::Boolean(boolean) = value.kind else {
            self.problem(key, redact::value(&value), "true or false");
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
                    redact::value(&value),
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
                    redact::value(&value),
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
                self.problem(
                    key,
                    redact::value(&value),
                    "a size above 0, as in 10GiB or 500MB",
                );
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
        self.problem(key, quoted(&text), one_of(choices));
        default
    }

    /// A list of texts. A variable separates them by commas.
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
                self.problem(key, redact::value(&value), "a list, as in [one, two]");
                None
            }
        }
    }
}

fn scalar(value: &Value) -> String {
    match &value.kind {
        ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil => String::new(),
        _ => value.to_string(),
    }
}

/// The choices as text, such as `one of debug, info`.
pub(super) fn one_of<T>(choices: &[(&str, T)]) -> String {
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    format!("one of {}", names.join(", "))
}
