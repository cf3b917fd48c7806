//! The report as text: one summary line, the findings, then databases and roles.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use super::load::LoadReport;
use super::probes::ProbeReport;
use super::report::{DatabaseReport, Report, RoleReport, ServerReport};
use crate::findings::{Severity, bytes};
use crate::names::escape_for_terminal;
use crate::status::text::percent;
use crate::status::{Connections, ResourceReport};

/// Monitoring plugins (Nagios) show the first line. `|` is replaced, because performance data would follow it.
pub(crate) fn render(report: &Report) -> String {
    let mut text = format!(
        "{}: {}\n",
        report.status.label().to_uppercase(),
        escape_for_terminal(&summary(report)).replace('|', "/")
    );
    for server in &report.servers {
        text.push('\n');
        server_section(&mut text, server);
    }
    text
}

fn summary(report: &Report) -> String {
    let findings = report.servers.iter().flat_map(|server| {
        server.findings.iter().map(move |finding| {
            (
                finding.severity,
                format!("{}: {}", server.server, finding.text),
            )
        })
    });
    let mut findings: Vec<_> = findings.collect();
    findings.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
    match findings.split_first() {
        None => format!("{} server(s), no findings", report.servers.len()),
        Some(((_, worst), [])) => worst.clone(),
        Some(((_, worst), more)) => format!("{worst} ({})", others(more)),
    }
}

/// Counts the findings beside the worst one by severity.
fn others(findings: &[(Severity, String)]) -> String {
    let of_severity = |level| {
        findings
            .iter()
            .filter(|(status, _)| *status == level)
            .count()
    };
    let counts = [Severity::Critical, Severity::Unknown, Severity::Warning]
        .map(|level| (of_severity(level), level));
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(count, level)| format!("{count} {}", level.label()))
        .collect();
    format!("other findings: {}", counts.join(", "))
}

fn server_section(text: &mut String, server: &ServerReport) {
    let version = server
        .version
        .as_ref()
        .map_or_else(String::new, |version| format!(", PostgreSQL {version}"));
    let slots = server.connections.as_ref().map(slots);
    let slots = slots.map_or_else(String::new, |slots| format!(": {slots}"));
    let _ = writeln!(
        text,
        "{}{version}{slots}",
        escape_for_terminal(&server.server)
    );
    for finding in &server.findings {
        let _ = writeln!(
            text,
            "  {:8}  {}",
            finding.severity.label(),
            escape_for_terminal(&finding.text)
        );
    }
    for line in server.load.iter().flat_map(LoadReport::lines) {
        let _ = writeln!(text, "  {:8}  {}", "load", escape_for_terminal(&line));
    }
    for line in server.probes.iter().filter_map(ProbeReport::line) {
        let _ = writeln!(text, "  {:8}  {}", "probe", escape_for_terminal(&line));
    }
    for not_read in &server.not_read {
        let line = format!("{} is unknown: {}", not_read.poll, not_read.error);
        let _ = writeln!(text, "  {:8}  {}", "note", escape_for_terminal(&line));
    }
    let isolation = server.isolation.iter().flat_map(|it| it.values());
    let count: usize = isolation.sum();
    if count > 0 {
        let findings = if count == 1 { "finding" } else { "findings" };
        let _ = writeln!(
            text,
            "  {count} {findings} about the isolation of tenants: pgcommons audit"
        );
    }
    let used: Vec<_> = server.resources.iter().filter(|it| it.used > 0).collect();
    if !used.is_empty() {
        text.push('\n');
        text.push_str(&resources(&used));
    }
    if !server.databases.is_empty() {
        text.push('\n');
        text.push_str(&databases(&server.databases));
    }
    let limited: Vec<_> = server
        .roles
        .iter()
        .filter(|role| role.connections.own_limit.is_some())
        .collect();
    if !limited.is_empty() {
        text.push('\n');
        text.push_str(&roles(&limited));
    }
}

fn slots(server: &Connections) -> String {
    match (server.used, server.limit, server.headroom) {
        (Some(used), Some(limit), Some(free)) => {
            format!("{used} of {limit} connections used, {free} free")
        }
        _ => "connections unknown".to_owned(),
    }
}

fn resources(rows: &[&ResourceReport]) -> String {
    let header = ["STATUS", "RESOURCE", "USED", "LIMIT", "SHARE", "MOST BY"];
    let mut table = table(&header, &[2, 3, 4]);
    for row in rows {
        let (used, limit) = &row.amounts;
        table.add_row([
            row.status.label().to_owned(),
            escape_for_terminal(&row.name()),
            used.clone(),
            limit.clone(),
            percent(row.share()),
            row.datname
                .as_deref()
                .map_or_else(dash, escape_for_terminal),
        ]);
    }
    lines(&table)
}

const DATABASE_COLUMNS: [&str; 11] = [
    "STATUS",
    "DATABASE",
    "USED",
    "LIMIT",
    "FREE",
    "BOUND BY",
    "BUDGET",
    "SIZE",
    "QUOTA",
    "OWNER",
    "BUDGET OWNER",
];

/// The column BUDGET OWNER is only printed if a budget has an owner.
fn databases(rows: &[DatabaseReport]) -> String {
    let has_budget_owners = rows.iter().any(|row| row.budget_owner.is_some());
    let columns = DATABASE_COLUMNS.len() - usize::from(!has_budget_owners);
    let mut table = table(&DATABASE_COLUMNS[..columns], &[2, 3, 4, 6, 7, 8]);
    for row in rows {
        let [used, limit, free, bound] = cells(&row.connections, row.closed);
        let size = row
            .size_bytes
            .map(bytes)
            .or_else(|| row.size_unknown.map(|why| format!("({why})")));
        let cells = [
            status(row.status, row.closed),
            escape_for_terminal(&row.datname),
            used,
            limit,
            free,
            bound,
            number(row.budget),
            size.unwrap_or_else(dash),
            row.size_limit_bytes.map_or_else(dash, bytes),
            escape_for_terminal(&row.owner),
            row.budget_owner
                .as_deref()
                .map_or_else(dash, escape_for_terminal),
        ];
        table.add_row(cells.into_iter().take(columns));
    }
    lines(&table)
}

fn roles(rows: &[&RoleReport]) -> String {
    let header = ["STATUS", "ROLE", "USED", "LIMIT", "FREE", "BOUND BY"];
    let mut table = table(&header, &[2, 3, 4]);
    for row in rows {
        let [used, limit, free, bound] = cells(&row.connections, None);
        table.add_row([
            row.status.label().to_owned(),
            escape_for_terminal(&row.rolname),
            used,
            limit,
            free,
            bound,
        ]);
    }
    lines(&table)
}

/// Used, own limit, free, and the limit that is reached first.
fn cells(connections: &Connections, closed: Option<&str>) -> [String; 4] {
    let word = |word: Option<&str>| word.map_or_else(dash, str::to_owned);
    [
        number(connections.used),
        number(connections.own_limit),
        number(connections.headroom),
        word(closed.or(connections.bound_by)),
    ]
}

fn status(level: Severity, closed: Option<&str>) -> String {
    match closed {
        Some(_) if level == Severity::Ok => "closed".to_owned(),
        _ => level.label().to_owned(),
    }
}

pub(in crate::command) fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(header.iter().copied());
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

pub(in crate::command) fn lines(table: &Table) -> String {
    table.lines().fold(String::new(), |text, line| {
        text + " " + line.trim_end() + "\n"
    })
}

fn number(value: Option<u32>) -> String {
    value.map_or_else(dash, |value| value.to_string())
}

fn dash() -> String {
    "-".to_owned()
}
