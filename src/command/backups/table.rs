//! The report as text: one summary line, the findings, then the backups.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::report::{BackupsReport, Row, ServerBackups};
use crate::backups::{Backup, Compression};
use crate::command::check::{lines, table};
use crate::findings::{Severity, age_text, bytes};
use crate::names::escape_for_terminal;

/// Monitoring plugins (Nagios) show the first line. `|` is replaced, because performance data would follow it.
pub(super) fn render(report: &BackupsReport) -> String {
    let findings = report.servers.iter().flat_map(|server| &server.findings);
    let mut findings: Vec<_> = findings.collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let summary = match findings.split_first() {
        None => {
            let backups = report
                .servers
                .iter()
                .map(|server| server.backups.len())
                .sum::<usize>();
            format!("{backups} backup(s), no findings")
        }
        Some((worst, [])) => worst.text.clone(),
        Some((worst, more)) => format!("{} (other findings: {})", worst.text, more.len()),
    };
    let summary = escape_for_terminal(&summary).replace('|', "/");
    let mut text = format!("{}: {summary}\n", report.status.label().to_uppercase());
    for server in &report.servers {
        text.push('\n');
        section(&mut text, server);
    }
    text
}

fn section(text: &mut String, server: &ServerBackups) {
    if let Some(name) = &server.server {
        let _ = writeln!(text, "{}", escape_for_terminal(name));
    }
    for directory in &server.directories {
        let path = escape_for_terminal(&directory.path);
        let links = match directory.links {
            0 => String::new(),
            links => format!(", {links} link(s) to other folders not followed"),
        };
        let _ = writeln!(text, "{path}: {} file(s){links}", directory.files);
    }
    for finding in &server.findings {
        let finding_text = escape_for_terminal(&finding.text);
        let _ = writeln!(text, "  {:8}  {finding_text}", finding.severity.label());
    }
    if !server.backups.is_empty() {
        text.push('\n');
        text.push_str(&rows(&server.backups));
    }
}

const COLUMNS: [&str; 7] = [
    "STATUS",
    "DATABASE",
    "NEWEST COMPLETE",
    "AGE",
    "SIZE",
    "FORMAT",
    "STATE",
];

fn rows(rows: &[Row]) -> String {
    let mut table = table(&COLUMNS, &[3, 4]);
    for row in rows {
        let complete = row.newest_complete.as_ref();
        let age = row.age_seconds.map(Duration::from_secs).map(age_text);
        table.add_row([
            status(row).to_owned(),
            subject(row),
            complete
                .and_then(|backup| backup.time)
                .map_or_else(dash, moment),
            age.unwrap_or_else(dash),
            complete.map_or_else(dash, |backup| bytes(backup.size_bytes)),
            complete
                .or(row.newest.as_ref().map(|newest| &newest.file))
                .map_or_else(dash, format),
            state(row),
        ]);
    }
    lines(&table)
}

fn status(row: &Row) -> &'static str {
    match row.exists {
        Some(false) if row.status == Severity::Ok => "dropped",
        _ => row.status.label(),
    }
}

fn subject(row: &Row) -> String {
    match &row.datname {
        Some(name) => escape_for_terminal(name),
        None => match row.scope {
            "cluster" => "(all databases)",
            "globals" => "(roles)",
            _ => "(unknown)",
        }
        .to_owned(),
    }
}

/// `2026-01-31T03:04:05Z`
fn moment(time: i64) -> String {
    let since = Duration::from_secs(time.try_into().unwrap_or(0));
    let moment = UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_seconds(moment).to_string()
}

fn format(backup: &Backup) -> String {
    let format = backup.format.label();
    match backup.compression {
        Compression::None => format.to_owned(),
        compression => format!("{format} {}", compression.label()),
    }
}

fn state(row: &Row) -> String {
    let state = row.state.map_or("-", |state| state.label());
    if row.growing {
        format!("{state}, a newer one is being written")
    } else {
        state.to_owned()
    }
}

fn dash() -> String {
    "-".to_owned()
}
