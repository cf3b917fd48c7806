//! Tests of rules, dashboards and notifications with the real programs: `PostgreSQL`, the agent, Prometheus, Alertmanager, and a
//! webhook receiver.

mod advise;
mod alertmanager;
mod alone;
mod backups;
mod boards;
mod compatibility;
mod conditions;
mod history;
mod inhibition;
mod load;
mod machine;
mod notifications;
mod page;
mod pictures;
mod poolers;
mod probes;
mod program;
mod prometheus;
mod providers;
mod queries;
mod scene;
mod shortages;
mod states;
mod storage;
#[expect(
    dead_code,
    unused_imports,
    reason = "the agent's own tests use more of it"
)]
#[path = "../support/mod.rs"]
mod support;
mod unknown;
mod victoria;

use std::io::Write;
use std::path::Path;

/// A file of the project.
fn project_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text with these replacements. Panics unless each pattern occurs exactly once.
fn adapted(text: &str, changes: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in changes {
        assert_eq!(text.matches(from).count(), 1, "{from:?} in:\n{text}");
        text = text.replace(from, to);
    }
    text
}

/// Prints a line at once. The test runner captures only `eprintln!`.
fn print_line(line: &str) {
    // A line that cannot be printed is no failure.
    drop(writeln!(std::io::stderr(), "{line}"));
}
