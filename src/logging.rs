//! The log: one line an event on standard error. How an error is written, with all its causes, is decided here too.

use std::error::Error;
use std::io;

use tracing::Level;
use tracing_subscriber::filter::LevelFilter;

/// Call once. Colours are for terminals, and a log is read elsewhere.
pub(crate) fn init(level: Level) {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from_level(level))
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        // A log that cannot be written, on a full disk say, is no reason to stop watching: by default that panics.
        .log_internal_errors(false)
        .init();
}

/// An error and its causes on one line. A cause that its effect has quoted already is not said again, and neither is the
/// driver's "db error", which stands before what the server said.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if text != "db error" && !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    said.join(": ")
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
    fn every_cause_is_said_once_on_one_line() {
        let error = Outer(io::Error::other("line one\nline two"));
        assert_eq!(chain(&error), "outer: line one line two");
    }
}
