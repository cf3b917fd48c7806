//! The output of `check --json` if there is no report, with the keys of a report: programs can read the error from it.

use serde::Serialize;

use crate::config::{ConfigError, Problem};
use crate::findings::Severity;
use crate::logging::chain;

#[derive(Debug, Serialize)]
pub(crate) struct Refusal<'a> {
    status: Severity,
    /// One line with all causes.
    error: String,
    /// The problems of the configuration, if it is invalid.
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
