//! `/`: each server with what runs out first, its tenants, its findings and its sources.

use super::chart::Chart;
use super::html::Html;
use super::parts::{self, Bar, cell};
use super::tenant::tenant_path;
use crate::findings::{Severity, bytes};
use crate::status::text::{self, optional};
use crate::status::{DatabaseStatus, ResourceReport, ServerStatus, SourceStatus, Status};

/// How many tenants of a server are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    MostUrgent,
    All,
}

const MOST: usize = 100;
/// The parts of the 24 hours in a small chart: half an hour each.
const PARTS: u32 = 48;

pub(crate) fn overview(status: &Status, listed: Listed) -> String {
    let mut page = Html::default();
    parts::begin(&mut page, &title(status), "", status.time);
    page.raw("<h1 class=\"hidden\">PostgreSQL servers</h1>\n");
    if status.servers.is_empty() {
        page.raw("<p>No server is configured.</p>\n");
    }
    for (number, server) in status.servers.iter().enumerate() {
        section(&mut page, (number, server), listed, status.time);
    }
    parts::end(&mut page, "");
    page.finish()
}

/// With the counts of findings, so that a tab in the background shows them.
fn title(status: &Status) -> String {
    let counts = status.counts();
    if counts.is_empty() {
        "pgcommons".to_owned()
    } else {
        format!("{counts} - pgcommons")
    }
}

fn section(page: &mut Html, (number, server): (usize, &ServerStatus), listed: Listed, now: f64) {
    page.raw("<section aria-labelledby=\"server")
        .text(number)
        .raw("\">\n<h2 id=\"server");
    page.text(number)
        .raw("\">")
        .text(&server.server)
        .raw("</h2>\n<p class=\"summary\">");
    parts::tag(page, server.status);
    page.raw(" ").text(server.summary(now)).raw("</p>\n");
    parts::findings(page, server.findings.iter());
    if !server.resources.is_empty() {
        resources(page, server);
    }
    if !server.databases.is_empty() {
        databases(page, server, listed);
    } else if server.up {
        page.raw("<p class=\"muted\">No database is monitored.</p>\n");
    }
    sources(page, server, now);
    page.raw("</section>\n");
}

/// Without those that are not used at all.
fn resources(page: &mut Html, server: &ServerStatus) {
    let columns = [
        ("Resource", ""),
        ("Used", ""),
        ("Share", "number"),
        ("Last 24 hours", "wide"),
        ("Most by", "wide"),
    ];
    parts::head(page, "What runs out first", &columns);
    for resource in server.resources.iter().filter(|it| it.used > 0) {
        let volume = resource.volume.as_ref();
        let volume = volume.map_or_else(String::new, |name| format!(" ({name})"));
        let name = resource.resource.replace('_', " ") + &volume;
        let (used, limit) = &resource.amounts;
        page.raw("<tr><th scope=\"row\">")
            .text(&name)
            .raw("</th><td>");
        let bar = Bar {
            severity: resource.status,
            subject: &name,
            used: resource.used as f64,
            limit: resource.limit as f64,
            amounts: &format!("{used} of {limit}"),
        };
        bar.write(page);
        page.raw("</td>");
        cell(page, "number", text::percent(resource.share()));
        page.raw("<td class=\"wide\">");
        share_chart(page, resource);
        page.raw("</td>");
        cell(page, "wide", resource.datname.as_deref().unwrap_or("-"));
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n");
}

fn share_chart(page: &mut Html, resource: &ResourceReport) {
    let Some(day) = &resource.day else {
        page.raw("-");
        return;
    };
    let values = day.maxima(PARTS);
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let chart = Chart {
        label: &format!("Share over 24 hours, at most {}", text::percent(most)),
        values: &values,
        top: 1.0,
        height: 18,
        class: "spark",
    };
    chart.write(page);
}

const COLUMNS: [(&str, &str); 8] = [
    ("Database", ""),
    ("Connections", ""),
    ("Bound by", "wide"),
    ("Peak", "number"),
    ("Full", "number wide"),
    ("Last 24 hours", "wide"),
    ("Size", ""),
    ("Active", "number wide"),
];

fn databases(page: &mut Html, server: &ServerStatus, listed: Listed) {
    parts::head(page, "Databases, the most urgent first", &COLUMNS);
    let all = &server.databases;
    let shown = match listed {
        Listed::MostUrgent => &all[..all.len().min(MOST)],
        Listed::All => all,
    };
    for database in shown {
        row(page, &server.server, database);
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
    cell(page, "wide", bound_by.unwrap_or("-"));
    let day = database.day.as_ref();
    let peak = day.and_then(|day| day.peak).max(database.peak);
    cell(page, "number", optional(peak));
    let full = day
        .map(|day| day.exhausted_seconds)
        .or(database.exhausted_seconds);
    cell(
        page,
        "number wide",
        full.map_or_else(|| "-".to_owned(), text::duration),
    );
    page.raw("<td class=\"wide\">");
    small_chart(page, database);
    page.raw("</td><td>");
    size(page, database);
    page.raw("</td>");
    cell(page, "number wide", optional(database.active));
    page.raw("</tr>\n");
}

/// Against the own limit of the database, or else the slots of the server that are left for it.
pub(super) fn connections(page: &mut Html, database: &DatabaseStatus) {
    let Some(used) = database.connections.used else {
        page.raw("<span class=\"amounts\">unknown</span>");
        return;
    };
    let Some(limit) = database.own_or_reachable_limit() else {
        page.raw("<span class=\"amounts\">")
            .text(used)
            .raw("</span>");
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
        page.raw("<span class=\"amounts\">")
            .text(text)
            .raw("</span>");
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
    let Some(day) = &database.figures else {
        page.raw("-");
        return;
    };
    let values = day.maxima(PARTS, |it| it.peak.map(f64::from));
    let limit = database.own_or_reachable_limit().unwrap_or(1);
    let chart = Chart {
        label: &format!(
            "Connections over 24 hours, at most {}",
            optional(day.peak())
        ),
        values: &values,
        top: f64::from(limit),
        height: 18,
        class: "spark",
    };
    chart.write(page);
}

/// How the last poll of a source ended. The first job of a server that is down has not even been asked if there is no session.
fn outcome<'a>(server: &'a ServerStatus, source: &'a SourceStatus) -> Option<&'a str> {
    let is_first = server
        .sources
        .first()
        .is_some_and(|it| it.poll == source.poll);
    server.down.filter(|_| is_first).or(source.last)
}

fn sources(page: &mut Html, server: &ServerStatus, now: f64) {
    let outcomes = server.sources.iter().map(|it| outcome(server, it));
    let failing = outcomes
        .flatten()
        .filter(|it| !["ok", "starting"].contains(it));
    let failing = failing.count();
    page.raw("<details class=\"sources\"><summary>Sources: ")
        .text(server.sources.len());
    page.raw(" jobs, ")
        .text(failing)
        .raw(" failing</summary>\n");
    let columns = [
        ("Job", ""),
        ("Last poll", ""),
        ("Took", "number"),
        ("Last success", ""),
    ];
    parts::head(page, "Health of each source", &columns);
    for source in &server.sources {
        page.raw("<tr><th scope=\"row\">").text(source.poll);
        if let Some(volume) = &source.volume {
            page.raw(" (").text(volume).raw(")");
        }
        page.raw("</th>");
        cell(
            page,
            "",
            outcome(server, source)
                .unwrap_or("none yet")
                .replace('_', " "),
        );
        let took = source
            .seconds
            .map(|seconds| format!("{:.1} ms", seconds * 1000.0));
        cell(page, "number", optional(took));
        cell(
            page,
            "",
            optional(source.last_success.map(|at| text::time(at, now))),
        );
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n<p><a href=\"metrics?server=");
    let query: String = form_urlencoded::byte_serialize(server.server.as_bytes()).collect();
    page.text(query)
        .raw("\">Metrics of this server</a></p></details>\n");
}
