//! The problems of a configuration, all reported at once: each has its key, what was found, and what is expected.

use std::fmt;

use serde::Serialize;

use crate::names::escape_for_terminal;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// The key, such as `servers.main.port`, with the variable or flag that set it, if any.
    pub(crate) key: String,
    /// What was found. Never a secret.
    pub(crate) got: String,
    pub(crate) want: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{}: got {}, want {}", self.key, self.got, self.want);
        f.write_str(&escape_for_terminal(&line)) // names may contain anything
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {path}")]
    Read {
        path: String,
        source: std::io::Error,
    },
    /// `message` is one line: the parser's message with line and column.
    #[error("cannot parse {path} as YAML: {message}")]
    Yaml { path: String, message: String },
    /// The raw mirror accepts any value for any key, so this is a bug of the agent. The cause is left out: it could show a
    /// value.
    #[error("the configuration cannot be read")]
    Mirror,
    #[error("{}", joined(.0))]
    Invalid(Vec<Problem>),
}

impl ConfigError {
    /// Joins two lists of problems; otherwise returns the first error.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Invalid(mut problems), Self::Invalid(more)) => {
                problems.extend(more);
                Self::Invalid(problems)
            }
            (first, _) => first,
        }
    }
}

fn joined(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
