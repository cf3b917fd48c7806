//! The log: one line for each event, on standard error. Also formats an error with all its causes.

mod structured;

use std::error::Error;
use std::io;

use tracing::Level;
use tracing_subscriber::filter::LevelFilter;

use structured::Structured;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    /// As Prometheus and its exporters write it: `time=... level=INFO msg=... key=value`.
    Logfmt,
    /// The same keys, as one JSON object.
    Json,
}

/// Call once. Without ANSI colours, because a log is rarely read in a terminal.
pub(crate) fn init(level: Level, format: LogFormat) {
    let log = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from_level(level))
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        // By default a failed write panics. The agent continues without a log, for example on a full disk.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Logfmt => log.event_format(Structured::Logfmt).init(),
        LogFormat::Json => log.event_format(Structured::Json).init(),
    }
}

/// An error and its causes on one line. Leaves out a cause that an earlier text contains, and the driver's "db error", which
/// precedes the message of the server.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if text != "db error" && !texts.iter().any(|earlier| earlier.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts
        .join(": ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn every_cause_is_written_once_on_one_line() {
        let error = Outer(io::Error::other("line one\nline two"));
        assert_eq!(chain(&error), "outer: line one line two");
    }
}
