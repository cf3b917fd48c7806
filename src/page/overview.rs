//! `/`: each server with what runs out first, its tenants, its findings and its sources.

use super::chart::Chart;
use super::databases::databases;
use super::html::Html;
use super::parts::{self, Bar, cell};
use crate::findings::Severity;
use crate::status::text::{self, optional};
use crate::status::{ResourceReport, ServerStatus, SourceStatus, Status};

/// How many tenants of a server are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listed {
    MostUrgent,
    All,
}

/// `metrics`: the path of the metrics, without the first slash.
pub(crate) fn overview(status: &Status, listed: Listed, metrics: &str) -> String {
    let mut page = Html::default();
    parts::begin(&mut page, &title(status), "", status.time);
    page.raw("<h1 class=\"hidden\">PostgreSQL servers</h1>\n");
    if status.servers.is_empty() {
        page.raw("<p>No server is configured.</p>\n");
    }
    for (number, server) in status.servers.iter().enumerate() {
        section(&mut page, (number, server), listed, status.time);
        sources(&mut page, server, status.time, metrics);
        page.raw("</section>\n");
    }
    notifications(&mut page, status);
    parts::end(&mut page, "", metrics);
    page.finish()
}

/// Whether each receiver accepts them.
fn notifications(page: &mut Html, status: &Status) {
    if status.notifications.is_empty() {
        return;
    }
    page.raw("<section aria-labelledby=\"notifications\">\n<h2 id=\"notifications\">Notifications</h2>\n");
    let columns = [
        ("Receiver", ""),
        ("Kind", "w"),
        ("State", ""),
        ("Last success", "w"),
    ];
    parts::head(page, "Receivers", &columns);
    let time = |at: f64| text::time(at, status.time);
    for receiver in &status.notifications {
        page.raw("<tr><th scope=\"row\">")
            .text(&receiver.receiver)
            .raw("</th>");
        cell(page, "w", receiver.kind);
        page.raw("<td>");
        if let Some((why, since)) = receiver.failure.zip(receiver.failing_since) {
            parts::tag(page, Severity::Warning);
            let why = why.replace('_', " ");
            page.text(format!(" fails since {}: {why}", time(since)));
        } else {
            let works = receiver.last_success.is_some();
            page.raw(if works { "works" } else { "nothing sent yet" });
        }
        page.raw("</td>");
        cell(page, "w", optional(receiver.last_success.map(time)));
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n</section>\n");
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
        databases(page, server, listed, now);
    } else if server.up {
        page.raw("<p class=\"muted\">No database is monitored.</p>\n");
    }
}

/// Without those that are not used at all.
fn resources(page: &mut Html, server: &ServerStatus) {
    let columns = [
        ("Resource", ""),
        ("Used", ""),
        ("Share", "n"),
        ("Last 24 hours", "w"),
        ("Most by", "w"),
    ];
    parts::head(page, "What runs out first", &columns);
    for resource in server.resources.iter().filter(|it| it.used > 0) {
        let name = resource.name();
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
        cell(page, "n", text::percent(resource.share()));
        page.raw("<td class=\"w\">");
        share_chart(page, resource);
        page.raw("</td>");
        cell(page, "w", resource.datname.as_deref().unwrap_or("-"));
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n");
}

fn share_chart(page: &mut Html, resource: &ResourceReport) {
    let Some(values) = &resource.day else {
        page.raw("-");
        return;
    };
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let chart = Chart {
        label: &format!("Share over 24 hours, at most {}", text::percent(most)),
        values,
        top: 1.0,
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

fn sources(page: &mut Html, server: &ServerStatus, now: f64, metrics: &str) {
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
        ("Took", "n"),
        ("Last success", ""),
    ];
    parts::head(page, "Health of each source", &columns);
    for source in &server.sources {
        page.raw("<tr><th scope=\"row\">").text(source.poll);
        if let Some(name) = source.part() {
            page.raw(" (").text(name).raw(")");
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
        cell(page, "n", optional(took));
        cell(
            page,
            "",
            optional(source.last_success.map(|at| text::time(at, now))),
        );
        page.raw("</tr>\n");
    }
    page.raw("</tbody>\n</table>\n<p><a href=\"")
        .text(metrics)
        .raw("?server=");
    let query: String = form_urlencoded::byte_serialize(server.server.as_bytes()).collect();
    page.text(query)
        .raw("\">Metrics of this server</a></p></details>\n");
}
