//! The report as text. Every name is escaped: a tenant chooses it, and an API may invent it.

use std::fmt::Write as _;

use super::report::{
    Details, Report, ServerReport, Tenant, TogetherDetails, TogetherReport, WithoutReport,
};
use crate::advice::Verdict;
use crate::command::check::{lines, table};
use crate::findings::bytes;
use crate::names::escape_for_terminal;

const COLUMNS: [&str; 8] = [
    "VERDICT", "DATABASE", "PEAK", "LIMIT", "ADVISED", "POOL", "SIZE", "PER DAY",
];

pub(super) fn render(report: &Report) -> String {
    let mut text = format!("{}\n", headline(report));
    for note in &report.notes {
        line(&mut text, "note: ", note);
    }
    for server in &report.servers {
        text.push('\n');
        section(&mut text, report, server);
    }
    if let (Some(together), Some(details)) = (&report.together, &report.together_details) {
        text.push('\n');
        section_together(&mut text, together, details);
    }
    for without in &report.without {
        text.push('\n');
        section_without(&mut text, without);
    }
    if !report.explain.is_empty() {
        text.push_str("\nThe queries, and what was answered:\n");
        report.explain.iter().for_each(|it| it.render(&mut text));
    }
    text
}

fn headline(report: &Report) -> String {
    let counts = [
        Verdict::MoveOut,
        Verdict::AddPooler,
        Verdict::SetLimit,
        Verdict::Watch,
        Verdict::Stay,
    ];
    let counts = counts.map(|verdict| {
        let count = report
            .tenants
            .iter()
            .filter(|it| it.verdict == verdict.label())
            .count();
        (count, verdict.label())
    });
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(count, label)| format!("{count} {label}"))
        .collect();
    let word = match report.exit_code() {
        0 => "NOTHING TO DO",
        1 => "ADVICE",
        _ => "CANNOT TELL",
    };
    let counts = if counts.is_empty() {
        "no database".to_owned()
    } else {
        counts.join(", ")
    };
    let source = escape_for_terminal(&report.source);
    format!(
        "{word}: {counts}; the last {} days of {source}",
        report.days
    )
}

fn line(text: &mut String, prefix: &str, content: &str) {
    let _ = writeln!(text, "  {prefix}{}", escape_for_terminal(content));
}

fn section(text: &mut String, report: &Report, server: &ServerReport) {
    let peak = server
        .peak
        .map_or_else(|| "unknown".to_owned(), |peak| peak.to_string());
    let slots = server
        .slots
        .map_or_else(String::new, |slots| format!(" of {slots} slots"));
    let days = server
        .days
        .map_or_else(String::new, |days| format!(", {days:.1} days of data"));
    let name = escape_for_terminal(&server.server);
    let _ = writeln!(text, "{name}: peak {peak}{slots}{days}");
    for note in &server.notes {
        line(text, "note: ", note);
    }
    let rows = || {
        let all = report.tenants.iter().zip(&report.details);
        all.filter(|(tenant, _)| tenant.server == server.server)
    };
    let mut table = table(&COLUMNS, &[2, 3, 4, 5, 6, 7]);
    rows().for_each(|(tenant, details)| {
        table.add_row(row(tenant, details));
    });
    if rows().next().is_some() {
        text.push('\n');
        text.push_str(&lines(&table));
    }
    let advised = rows().filter(|(it, _)| it.verdict != Verdict::Stay.label());
    advised.for_each(|(it, _)| reasons(text, it));
}

fn reasons(text: &mut String, tenant: &Tenant) {
    let _ = writeln!(
        text,
        "\n  {}: {}",
        escape_for_terminal(&tenant.datname),
        tenant.verdict
    );
    for reason in tenant.reasons.iter().chain(&tenant.sql) {
        line(text, "  ", reason);
    }
}

fn row(tenant: &Tenant, details: &Details) -> [String; 8] {
    let number = |value: Option<u32>| value.map_or_else(dash, |it| it.to_string());
    [
        tenant.verdict.to_owned(),
        escape_for_terminal(&tenant.datname),
        number(tenant.peak),
        number(tenant.limit),
        number(tenant.recommended_limit),
        number(details.pool_size),
        size(details.size_bytes),
        size(details.growth_bytes_per_day),
    ]
}

fn section_together(text: &mut String, together: &TogetherReport, details: &TogetherDetails) {
    let number =
        |value: Option<u32>| value.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    let servers = escape_for_terminal(&together.servers.join(", "));
    let _ = writeln!(text, "Together: {servers}");
    let peak = format!(
        "{} connections at the same time; the sum of their peaks is {}",
        number(together.peak_together),
        number(together.sum_of_peaks)
    );
    line(text, "", &peak);
    let needed = together.max_connections.map_or_else(
        || "what one server needs cannot be told".to_owned(),
        |needed| format!("one server needs max_connections = {needed}"),
    );
    line(text, "", &needed);
    let sizes = [
        ("storage: ", together.storage_bytes),
        (
            "memory, if every connection sorts once: ",
            together.memory_bytes,
        ),
        ("memory saved: ", details.saved_memory_bytes),
    ];
    for (what, value) in sizes {
        if value.is_some() {
            line(text, what, &size(value));
        }
    }
    if let Some(saved) = details.saved_connections {
        line(text, "connection slots saved: ", &saved.to_string());
    }
    for conflict in &together.conflicts {
        line(text, "conflict: ", conflict);
    }
    for note in &details.notes {
        line(text, "note: ", note);
    }
}

fn section_without(text: &mut String, without: &WithoutReport) {
    let (server, datname) = (
        escape_for_terminal(&without.server),
        escape_for_terminal(&without.datname),
    );
    let _ = writeln!(text, "{server} without {datname}:");
    let number =
        |value: Option<u32>| value.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    let peak = format!(
        "peak {}, of the others at most {}, of {} slots",
        number(without.peak),
        number(without.peak_of_others_at_most),
        number(without.slots)
    );
    line(text, "", &peak);
    if let Some((all, others)) = without
        .saturated_hours
        .zip(without.saturated_hours_of_others)
    {
        line(
            text,
            "",
            &format!(
                "the load was above the cores for {all:.1} hours, of the others alone for {others:.1}"
            ),
        );
    }
    if without.size_bytes.is_some() {
        line(text, "storage freed: ", &size(without.size_bytes));
    }
    if let Some(days) = without.days_to_full_volume {
        let others = without.days_to_full_volume_of_others;
        let others = others.map_or_else(|| "never".to_owned(), |days| format!("in {days:.0} days"));
        line(
            text,
            "",
            &format!("the volume is full in {days:.0} days, without it {others}"),
        );
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size is not negative; growth may be"
)]
fn size(value: Option<f64>) -> String {
    match value {
        None => dash(),
        Some(value) if value < 0.0 => format!("-{}", bytes(-value as u64)),
        Some(value) => bytes(value as u64),
    }
}

fn dash() -> String {
    "-".to_owned()
}
