//! What `check --json` prints when there is no report, in the shape of one: a program that reads it is told why.

use serde::Serialize;

use crate::config::{ConfigError, Problem};
use crate::findings::Severity;
use crate::logging::chain;

#[derive(Debug, Serialize)]
pub(crate) struct Refusal<'a> {
    status: Severity,
    /// On one line, with its causes.
    error: String,
    /// What is wrong with the configuration, if that is the error.
    problems: &'a [Problem],
    servers: [(); 0],
}

impl<'a> Refusal<'a> {
    pub(crate) fn new(error: &'a (dyn std::error::Error + 'static)) -> Self {
        let problems: &[Problem] = match error.downcast_ref() {
            Some(ConfigError::Invalid(problems)) => problems,
            _ => &[],
        };
        Self {
            status: Severity::Unknown,
            error: chain(error),
            problems,
            servers: [],
        }
    }
}
