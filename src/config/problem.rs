//! What is wrong with a configuration, all of it at once, each with its key, what was found and what would be right.

use std::fmt;

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// As in `servers.main.port`; with the variable or flag that set it, if one did.
    pub(crate) key: String,
    /// What was found; never a secret.
    pub(crate) got: String,
    pub(crate) want: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: got {}, want {}", self.key, self.got, self.want)
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {path}")]
    Read {
        path: String,
        source: std::io::Error,
    },
    /// The cause is one line: the parser's message with line and column.
    #[error("{path} is no configuration in YAML: {message}")]
    Yaml { path: String, message: String },
    /// The mirror takes any value for any key, so this is a mistake of ours. Its cause could show a value.
    #[error("the configuration cannot be read")]
    Mirror,
    #[error("{}", joined(.0))]
    Invalid(Vec<Problem>),
}

impl ConfigError {
    /// Both at once where both are lists, or else the first.
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
