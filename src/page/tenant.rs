//! `/tenant/SERVER/DATABASE`: one database with its sessions, its findings and its last 24 hours.

use super::chart::Chart;
use super::databases::{age, connections, size};
use super::html::{Html, segment};
use super::parts::{self, cell};
use crate::findings::{Finding, Scope, bytes};
use crate::status::text::{self, optional};
use crate::status::{DatabaseStatus, ServerStatus, SessionRow};
use crate::timeline::{Day, DaySummary, MINUTES, Minute, SIZE_STEP};

/// The parts of the 24 hours in a chart: five minutes each.
const PARTS: u32 = 288;
/// How many rows of sessions are shown.
const MOST_SESSIONS: usize = 200;
const ROOT: &str = "../../";

pub(crate) struct TenantPage<'a> {
    pub(crate) server: &'a ServerStatus,
    pub(crate) database: &'a DatabaseStatus,
    /// None: the agent's role does not see all sessions.
    pub(crate) sessions: Option<&'a [SessionRow]>,
    /// None: the agent has no history of it.
    pub(crate) day: Option<Day<'a>>,
    /// The path of the metrics, without the first slash.
    pub(crate) metrics: &'a str,
    /// Seconds since the epoch.
    pub(crate) time: f64,
}

/// The path of the page, relative to `/`.
pub(super) fn tenant_path(server: &str, datname: &str) -> String {
    format!("tenant/{}/{}", segment(server), segment(datname))
}

pub(crate) fn tenant(tenant: &TenantPage<'_>) -> String {
    let (server, database) = (tenant.server, tenant.database);
    let mut page = Html::default();
    let title = format!("{} - {} - pgcommons", database.datname, server.server);
    parts::begin(&mut page, &title, ROOT, tenant.time);
    page.raw("<p><a href=\"")
        .raw(ROOT)
        .raw("\">All servers</a></p>\n<h1>");
    page.text(&database.datname)
        .raw("</h1>\n<p class=\"summary\">");
    parts::tag(&mut page, database.status);
    page.raw(" on ")
        .text(&server.server)
        .raw(", ")
        .text(server.summary(tenant.time));
    page.raw("</p>\n<h2>Findings</h2>\n");
    parts::findings(
        &mut page,
        server.findings.iter().filter(|it| is_about(it, database)),
    );
    figures(&mut page, database, tenant.time);
    sessions(&mut page, tenant.sessions);
    day(&mut page, tenant);
    parts::end(&mut page, ROOT, tenant.metrics);
    page.finish()
}

fn is_about(finding: &Finding, database: &DatabaseStatus) -> bool {
    finding.scope == Scope::Database && finding.subject.as_ref() == Some(&database.datname)
}

fn figures(page: &mut Html, database: &DatabaseStatus, now: f64) {
    page.raw("<h2>Now</h2>\n<dl>\n<dt>Connections</dt><dd>");
    connections(page, database);
    page.raw("</dd>\n<dt>Size</dt><dd>");
    size(page, database);
    page.raw("</dd>\n");
    let bound_by = database.closed.or(database.connections.bound_by);
    let full = database.exhausted_seconds.map(text::duration);
    let backup = database.backup.as_ref().map(|it| age(it, now));
    for (term, text) in [
        ("Free connections", optional(database.connections.headroom)),
        ("Bound by", optional(bound_by)),
        ("Full since the agent began", optional(full)),
        ("Active sessions", optional(database.active)),
        ("Sessions that wait for a lock", optional(database.blocked)),
        ("Age of the newest backup", optional(backup)),
        (
            "Owner of the budget",
            optional(database.budget_owner.as_ref()),
        ),
    ] {
        page.element("dt", term).element("dd", text).raw("\n");
    }
    page.raw("</dl>\n");
}

fn sessions(page: &mut Html, rows: Option<&[SessionRow]>) {
    page.raw("<h2>Sessions</h2>\n");
    let Some(rows) = rows else {
        page.raw("<p>Unknown: the role of the agent does not see all sessions.</p>\n");
        return;
    };
    if rows.is_empty() {
        page.raw("<p class=\"muted\">No sessions.</p>\n");
        return;
    }
    let columns = [
        ("Role", ""),
        ("Application", ""),
        ("State", ""),
        ("Waits for", "w"),
        ("Oldest transaction", "n w"),
        ("Sessions", "n"),
    ];
    parts::head(page, "Sessions by role, application and state", &columns);
    for row in rows.iter().take(MOST_SESSIONS) {
        let waits = row
            .waits
            .iter()
            .map(|(wait, count)| format!("{wait} {count}"));
        let waits: Vec<_> = waits.collect();
        page.raw("<tr><th scope=\"row\">")
            .text(named(&row.usename))
            .raw("</th>");
        cell(page, "", named(&row.application_name));
        cell(
            page,
            "",
            if row.state.is_empty() {
                row.backend_type
            } else {
                row.state
            },
        );
        cell(
            page,
            "w",
            if waits.is_empty() {
                "-".to_owned()
            } else {
                waits.join(", ")
            },
        );
        cell(
            page,
            "n w",
            optional(row.oldest_transaction.map(text::duration)),
        );
        cell(page, "n", row.count);
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n");
    if rows.len() > MOST_SESSIONS {
        page.element("p", format!("{} more rows", rows.len() - MOST_SESSIONS))
            .raw("\n");
    }
}

fn named(name: &str) -> &str {
    if name.is_empty() { "-" } else { name }
}

fn day(page: &mut Html, tenant: &TenantPage<'_>) {
    page.raw("<h2>Last 24 hours</h2>\n");
    let (database, Some(day)) = (tenant.database, &tenant.day) else {
        page.raw("<p class=\"muted\">The agent has no history of this database yet.</p>\n");
        return;
    };
    let summary = day.summary(1);
    page.element("p", known(&summary)).raw("\n");
    let limit = database.own_or_reachable_limit().unwrap_or(1);
    let active = day.maxima(1, Minute::active)[0];
    let charts: [(String, f64, u32, Value); 4] = [
        (
            format!("Connections: at most {}", optional(summary.peak)),
            f64::from(limit),
            PARTS,
            |it| it.peak().map(f64::from),
        ),
        (
            format!(
                "Without a free connection: {}",
                text::duration(summary.exhausted_seconds)
            ),
            60.0,
            PARTS,
            Minute::exhausted,
        ),
        (
            format!(
                "Active sessions: at most {}",
                optional(active.map(|most| format!("{most:.1}")))
            ),
            1.0,
            PARTS,
            Minute::active,
        ),
        (
            summary.growth.map_or_else(|| "Size".to_owned(), grown),
            database.size_limit_bytes.unwrap_or(0) as f64,
            MINUTES / SIZE_STEP,
            Minute::size,
        ),
    ];
    for (label, top, parts, value) in charts {
        chart(page, &label, top, &day.maxima(parts, value));
    }
}

/// A figure of a minute.
type Value = fn(Minute) -> Option<f64>;

fn known(day: &DaySummary) -> String {
    let minutes = day.minutes;
    format!(
        "Known: {} of 24 hours. The right edge is now.",
        text::duration(minutes as f64 * 60.0)
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the absolute value of a size"
)]
fn grown(growth: f64) -> String {
    let amount = bytes(growth.abs() as u64);
    if growth < 0.0 {
        format!("Size: {amount} less")
    } else {
        format!("Size: {amount} more")
    }
}

fn chart(page: &mut Html, label: &str, top: f64, values: &[Option<f64>]) {
    page.raw("<figure><figcaption>")
        .text(label)
        .raw("</figcaption>");
    let chart = Chart {
        label,
        values,
        top,
        height: 64,
        class: "chart",
    };
    chart.write(page);
    page.raw("</figure>\n");
}
