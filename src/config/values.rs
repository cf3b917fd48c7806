//! A `Reader` collects the problems of all values and continues with defaults, so that one run finds all problems. The caller
//! must check the problems before it uses the results.

use std::collections::BTreeMap;
use std::path::Path;

use config::{Value, ValueKind};

use super::problem::Problem;
use super::redact::{self, kind};
use super::review::{NamedFile, NamedVolume};
use super::unknown::Form;

#[derive(Default)]
pub(super) struct Reader {
    pub(super) form: Form,
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

    /// Records that the variable or flag that set `of` set `key` too.
    pub(super) fn inherit_origin(&mut self, key: &str, of: &str) {
        if let Some(variable) = self.origins.get(of).cloned() {
            self.origins.insert(key.to_owned(), variable);
        }
    }

    pub(super) fn is_from_variable(&self, key: &str) -> bool {
        self.origin(key).is_some()
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

    /// Text. An unquoted 007 or true must be put in quotes: YAML has already converted it to a number or a boolean. `want`
    /// describes the expected value.
    pub(super) fn text_like(&mut self, key: &str, value: Value, want: &str) -> Option<String> {
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
}
