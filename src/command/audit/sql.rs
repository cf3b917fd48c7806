//! `audit --sql`: one transaction with all repairs that need no decision. Everything else is a comment.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::isolation::{Broken, Finding, Judgement};
use crate::names::escape_for_terminal;

pub(super) fn script(server: &str, judgement: &Judgement) -> String {
    let mut script = String::new();
    let heading = format!(
        "The audit of {server}. Run it as a superuser, in any database; a second run changes nothing."
    );
    comment(&mut script, &heading);
    let (safe, unsafe_): (Vec<_>, Vec<_>) = judgement
        .findings
        .iter()
        .partition(|it| it.repair.is_safe());
    if safe.is_empty() {
        comment(
            &mut script,
            "There is nothing that can be repaired without a decision.",
        );
    } else {
        transaction(&mut script, &safe);
    }
    if judgement.homeless.total > 0 {
        let roles = judgement.homeless.first.join(", ");
        let text = format!(
            "{} login roles have something to do with no database, so they can connect to none that is closed: {roles}",
            judgement.homeless.total
        );
        comment(&mut script, &text);
    }
    for skipped in &judgement.skipped {
        let text = format!("Not checked: {}: {}", skipped.kind.label(), skipped.why);
        comment(&mut script, &text);
    }
    if !unsafe_.is_empty() {
        comment(&mut script, "Left for a decision:");
    }
    for finding in unsafe_ {
        undecided(&mut script, finding);
    }
    script
}

/// What must not get lost is granted first. A statement that several findings have runs once.
fn transaction(script: &mut String, findings: &[&Finding]) {
    script
        .push_str("set client_encoding = 'UTF8';\nset standard_conforming_strings = on;\nbegin;\n");
    let mut done = BTreeSet::new();
    for (title, statements) in [
        (
            "What must not get lost",
            grants as fn(&Finding) -> &[String],
        ),
        ("The application owns its database", owners),
    ] {
        let mut title = Some(title);
        for statement in findings.iter().flat_map(|it| statements(it)) {
            if done.insert(statement) {
                if let Some(title) = title.take() {
                    comment(script, title);
                }
                let _ = writeln!(script, "{statement};");
            }
        }
    }
    for finding in findings.iter().filter(|it| !it.repair.revokes.is_empty()) {
        comment(script, &finding.text);
        stays(script, finding.breaks.as_deref());
        for statement in &finding.repair.revokes {
            let _ = writeln!(script, "{statement};");
        }
    }
    script.push_str("commit;\n");
}

fn grants(finding: &Finding) -> &[String] {
    &finding.repair.grants
}

fn owners(finding: &Finding) -> &[String] {
    &finding.repair.owners
}

/// Revoking a privilege ends no session.
fn stays(script: &mut String, broken: Option<&[Broken]>) {
    for broken in broken.unwrap_or_default() {
        let Broken {
            rolname,
            datname,
            sessions,
        } = broken;
        let text = format!(
            "stays connected, without the privilege: {rolname} in {datname}, sessions: {sessions}"
        );
        comment(script, &text);
    }
}

fn undecided(script: &mut String, finding: &Finding) {
    comment(
        script,
        &format!("* {}: {}", finding.kind.label(), finding.text),
    );
    if let Some(decide) = &finding.repair.decide {
        comment(script, &format!("  {decide}"));
    }
    for statement in finding.repair.statements() {
        comment(script, &format!("  {statement};"));
    }
}

/// One line: a line break in a name would end the comment.
fn comment(script: &mut String, text: &str) {
    let _ = writeln!(script, "-- {}", escape_for_terminal(text));
}
