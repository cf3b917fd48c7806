//! The databases of a server in a table, the most urgent first: a row for each, with bars and a small chart.

use super::chart::Chart;
use super::html::Html;
use super::overview::Listed;
use super::parts::{self, Bar, cell};
use super::tenant::tenant_path;
use crate::findings::{Severity, bytes};
use crate::status::text::{self, optional};
use crate::status::{BackupStatus, DatabaseStatus, ServerStatus};

/// How many are listed at first.
const MOST: usize = 100;

/// Without that of the backups, where none are configured.
const COLUMNS: [(&str, &str); 9] = [
    ("Database", ""),
    ("Connections", ""),
    ("Bound by", "w"),
    ("Peak", "n"),
    ("Full", "n w"),
    ("Last 24 hours", "w"),
    ("Size", ""),
    ("Active", "n w"),
    ("Backup", "n w"),
];

pub(super) fn databases(page: &mut Html, server: &ServerStatus, listed: Listed, now: f64) {
    let all = &server.databases;
    let has_backups = all.iter().any(|it| it.backup.is_some());
    let columns = COLUMNS.len() - usize::from(!has_backups);
    let title = "Databases, the most urgent first";
    parts::head(page, title, &COLUMNS[..columns]);
    let shown = match listed {
        Listed::MostUrgent => &all[..all.len().min(MOST)],
        Listed::All => all,
    };
    for database in shown {
        row(page, &server.server, database);
        if has_backups {
            let backup = database.backup.as_ref();
            cell(page, "n w", optional(backup.map(|it| age(it, now))));
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n");
    if shown.len() < all.len() {
        let more = all.len() - shown.len();
        page.raw("<p><a href=\"?databases=all\">")
            .text(more)
            .raw(" more databases</a></p>\n");
    }
    if let Some(left_out) = server.databases_left_out.filter(|count| *count > 0) {
        page.raw("<p class=\"muted\">").text(left_out);
        page.raw(
            " databases have no series of their own (series_limits) and are not listed.</p>\n",
        );
    }
}

fn row(page: &mut Html, server: &str, database: &DatabaseStatus) {
    let name = &database.datname;
    page.raw("<tr data-key=\"").text(database.oid);
    page.raw("\"><th scope=\"row\"><a href=\"")
        .text(tenant_path(server, name))
        .raw("\">");
    page.text(name).raw("</a>");
    match database.closed {
        Some(_) if database.status == Severity::Ok => {
            page.raw(" <span class=\"tag\">closed</span>");
        }
        _ if database.status > Severity::Ok => {
            page.raw(" ");
            parts::tag(page, database.status);
        }
        _ => {}
    }
    page.raw("</th><td>");
    connections(page, database);
    page.raw("</td>");
    let bound_by = database.closed.or(database.connections.bound_by);
    cell(page, "w", bound_by.unwrap_or("-"));
    let day = database.day.as_ref();
    let peak = day.and_then(|day| day.peak).max(database.peak);
    cell(page, "n", optional(peak));
    let full = day
        .map(|day| day.exhausted_seconds)
        .or(database.exhausted_seconds);
    cell(
        page,
        "n w",
        full.map_or_else(|| "-".to_owned(), text::duration),
    );
    page.raw("<td class=\"w\">");
    small_chart(page, database);
    page.raw("</td><td>");
    size(page, database);
    page.raw("</td>");
    cell(page, "n w", optional(database.active));
}

/// Such as `3 h 5 min`. `now`: seconds since the epoch.
pub(super) fn age(backup: &BackupStatus, now: f64) -> String {
    let age = backup
        .newest
        .map(|time| text::duration((now - time as f64).max(0.0)));
    match (age, backup.state) {
        (Some(age), _) if backup.status == Severity::Ok => age,
        (Some(age), Some(state)) if state != "complete" => format!("{age} ({state})"),
        (Some(age), _) => format!("{age} (stale)"),
        (None, _) if backup.missing => "none".to_owned(),
        (None, state) => optional(state),
    }
}

/// Against the own limit of the database, or else the slots of the server that are left for it.
pub(super) fn connections(page: &mut Html, database: &DatabaseStatus) {
    let Some(used) = database.connections.used else {
        page.raw("<span>unknown</span>");
        return;
    };
    let Some(limit) = database.own_or_reachable_limit() else {
        page.raw("<span>").text(used).raw("</span>");
        return;
    };
    let budget = database.budget;
    let budget = budget.map_or_else(String::new, |budget| format!(" (budget {budget})"));
    let bar = Bar {
        severity: database.connections_status,
        subject: "Connections",
        used: f64::from(used),
        limit: f64::from(limit),
        amounts: &format!("{used} of {limit}{budget}"),
    };
    bar.write(page);
}

pub(super) fn size(page: &mut Html, database: &DatabaseStatus) {
    let (size, quota) = (database.size_bytes, database.size_limit_bytes);
    let unknown = || format!("unknown: {}", database.size_unknown.unwrap_or("pending"));
    let Some((size, quota)) = size.zip(quota) else {
        let text = size.map_or_else(unknown, bytes);
        page.raw("<span>").text(text).raw("</span>");
        return;
    };
    let bar = Bar {
        severity: database.size_status,
        subject: "Size",
        used: size as f64,
        limit: quota as f64,
        amounts: &format!("{} of {}", bytes(size), bytes(quota)),
    };
    bar.write(page);
}

fn small_chart(page: &mut Html, database: &DatabaseStatus) {
    let Some(day) = &database.day else {
        page.raw("-");
        return;
    };
    let limit = database.own_or_reachable_limit().unwrap_or(1);
    let chart = Chart {
        label: &format!("Connections over 24 hours, at most {}", optional(day.peak)),
        values: &day.peaks,
        top: f64::from(limit),
        height: 18,
        class: "spark",
    };
    chart.write(page);
}
