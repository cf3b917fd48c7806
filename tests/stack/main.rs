//! The rules, the boards and the notifications, with the real programs around them: `PostgreSQL`, the agent, Prometheus,
//! Alertmanager, and a receiver of webhooks.

mod alertmanager;
mod boards;
mod conditions;
mod history;
mod notifications;
mod pictures;
mod program;
mod prometheus;
mod queries;
mod receiver;
mod scene;
mod silence;
#[expect(
    dead_code,
    unused_imports,
    reason = "the agent's own tests need more of it"
)]
#[path = "../support/mod.rs"]
mod support;
mod unknown;

use std::io::Write;
use std::path::Path;

/// A file of the project.
fn project_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text with each of these replaced; panics unless every one stands in it exactly once.
fn adapted(text: &str, changes: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in changes {
        assert_eq!(text.matches(from).count(), 1, "{from:?} in:\n{text}");
        text = text.replace(from, to);
    }
    text
}

/// Prints a line that the test runner does not keep for failures.
fn say(line: &str) {
    // A measurement that cannot be shown is no reason to fail.
    drop(writeln!(std::io::stderr(), "{line}"));
}
