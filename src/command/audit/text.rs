//! The report as text: one summary line, then for each server the findings by kind, with the SQL and what it breaks.

use std::fmt::Write as _;

use super::report::{Broken, Finding, Report, Server};
use crate::findings::Severity;
use crate::names::escape_for_terminal;

pub(super) fn render(report: &Report) -> String {
    let summary = summary(report);
    let mut text = format!("{}: {summary}\n", report.status.label().to_uppercase());
    for server in &report.servers {
        text.push('\n');
        section(&mut text, report, server);
    }
    text
}

fn summary(report: &Report) -> String {
    let (found, skipped) = (report.findings.len(), report.skipped.len());
    let failed = report
        .servers
        .iter()
        .filter(|it| it.error.is_some())
        .count();
    let mut parts = vec![count(found, "finding")];
    if skipped > 0 {
        parts.push(format!("{} skipped", count(skipped, "check")));
    }
    if failed > 0 {
        parts.push(format!("{} not audited", count(failed, "server")));
    }
    parts.join(", ")
}

fn section(text: &mut String, report: &Report, server: &Server) {
    let version = server.version.as_ref();
    let version = version.map_or_else(String::new, |it| format!(", PostgreSQL {it}"));
    line(text, "", &format!("{}{version}", server.name));
    if let Some(error) = &server.error {
        line(
            text,
            "  ",
            &format!("{}   {error}", Severity::Unknown.label()),
        );
    }
    let mut last = None;
    let findings = report.findings.iter();
    for finding in findings.filter(|it| it.server == server.name) {
        if last != Some(finding.kind) {
            let heading = format!("{}: {}", finding.label, finding.why);
            text.push('\n');
            line(text, "  ", &heading);
            last = Some(finding.kind);
        }
        one(text, finding);
    }
    let skipped = report.skipped.iter();
    for skipped in skipped.filter(|it| it.server == server.name) {
        line(
            text,
            "  ",
            &format!("skipped   {}: {}", skipped.finding, skipped.why),
        );
    }
    if !server.homeless.is_empty() {
        text.push('\n');
        let roles = server.homeless.join(", ");
        line(
            text,
            "  ",
            &format!("login roles that have something to do with no database: {roles}"),
        );
    }
}

fn one(text: &mut String, finding: &Finding) {
    let severity = finding.severity.label();
    line(text, "  ", &format!("{severity:8}  {}", finding.text));
    for statement in finding.sql.iter().flat_map(|sql| sql.split('\n')) {
        line(text, "            ", statement);
    }
    if let Some(decide) = &finding.decide {
        line(text, "            ", &format!("decide: {decide}"));
    }
    if finding.sql.is_some() {
        let breaks = breaks(finding.breaks.as_deref());
        line(text, "            ", &format!("breaks: {breaks}"));
    }
}

/// What the repair breaks, in words.
pub(super) fn breaks(broken: Option<&[Broken]>) -> String {
    let Some(broken) = broken else {
        return "unknown, sessions are not visible".to_owned();
    };
    let shown = broken.iter().map(|it| {
        let sessions = count(it.sessions as usize, "session");
        format!("{sessions} of {} in {}", it.rolname, it.datname)
    });
    match shown.collect::<Vec<_>>() {
        none if none.is_empty() => "no session that is open now".to_owned(),
        some => some.join(", "),
    }
}

fn count(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}

fn line(text: &mut String, indent: &str, content: &str) {
    let _ = writeln!(text, "{indent}{}", escape_for_terminal(content));
}
