//! What several pages have: the frame, bars, tags, findings.

use super::html::Html;
use crate::findings::{Finding, Severity};
use crate::status::text;

/// The page up to `<main>`. `time`: seconds since the epoch. `root`: the way to `/`, such as `../../`.
pub(super) fn begin(page: &mut Html, title: &str, root: &str, time: f64) {
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    page.raw("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n");
    page.element("title", title);
    page.raw("\n<link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"")
        .raw(root);
    page.raw("page.css\">\n<script src=\"")
        .raw(root)
        .raw("page.js\" defer></script>\n");
    page.raw("</head>\n<body>\n<header><p class=\"brand\"><a href=\"")
        .raw(home(root));
    page.raw("\">pgcommons</a></p><p class=\"muted\">As of <time id=\"asof\">");
    page.text(text::time(time, time))
        .raw("</time></p></header>\n");
    page.raw("<p id=\"stale\" role=\"status\"></p>\n<main data-time=\"")
        .text(time)
        .raw("\">\n");
}

fn home(root: &str) -> &str {
    if root.is_empty() { "./" } else { root }
}

pub(super) fn end(page: &mut Html, root: &str, metrics: &str) {
    page.raw("</main>\n<footer><p class=\"muted\">pgcommons ");
    page.text(crate::build_info::VERSION).raw(", revision ");
    page.text(crate::build_info::REVISION);
    for (path, name) in [
        ("api/v1/status", "JSON"),
        (metrics, "Metrics"),
        ("-/ready", "Ready"),
        ("-/healthy", "Healthy"),
    ] {
        page.raw(" · <a href=\"")
            .raw(root)
            .raw(path)
            .raw("\">")
            .raw(name)
            .raw("</a>");
    }
    page.raw("</p></footer>\n</body>\n</html>\n");
}

/// The word for a severity, in its colour.
pub(super) fn tag(page: &mut Html, severity: Severity) {
    let label = severity.label();
    page.raw("<span class=\"tag ")
        .raw(label)
        .raw("\">")
        .raw(label)
        .raw("</span>");
}

/// A bar, and beside it the amounts. `subject`: what it measures, for a screen reader.
pub(super) struct Bar<'a> {
    pub(super) severity: Severity,
    pub(super) subject: &'a str,
    pub(super) used: f64,
    pub(super) limit: f64,
    pub(super) amounts: &'a str,
}

impl Bar<'_> {
    pub(super) fn write(&self, page: &mut Html) {
        page.raw("<meter class=\"")
            .raw(self.severity.label())
            .raw("\" max=\"");
        page.text(self.limit)
            .raw("\" value=\"")
            .text(self.used.min(self.limit));
        page.raw("\" aria-label=\"").text(self.subject);
        page.raw("\"></meter> <span>");
        page.text(self.amounts).raw("</span>");
    }
}

/// How many findings are shown at once, and how many at most.
const OPEN_FINDINGS: usize = 10;
const MOST_FINDINGS: usize = 200;

/// A list of findings with their remedies, the worst first.
pub(super) fn findings<'a>(page: &mut Html, findings: impl Iterator<Item = &'a Finding>) {
    let findings: Vec<_> = findings.collect();
    let open = findings.len().min(OPEN_FINDINGS);
    let most = findings.len().min(MOST_FINDINGS);
    if findings.is_empty() {
        page.raw("<p class=\"muted\">No findings.</p>\n");
        return;
    }
    list(page, &findings[..open]);
    if open < most {
        page.raw("<details><summary>")
            .text(findings.len() - open)
            .raw(" more findings</summary>");
        list(page, &findings[open..most]);
        if most < findings.len() {
            let left_out = format!("and {} more", findings.len() - most);
            page.element("p", left_out);
        }
        page.raw("</details>\n");
    }
}

fn list(page: &mut Html, findings: &[&Finding]) {
    page.raw("<ul class=\"findings\">\n");
    for finding in findings {
        page.raw("<li>");
        tag(page, finding.severity);
        page.raw(" ").text(&finding.text);
        if let Some(remedy) = &finding.remedy {
            page.raw("<details><summary>First step</summary><pre tabindex=\"0\">");
            page.text(remedy).raw("</pre></details>");
        }
        page.raw("</li>\n");
    }
    page.raw("</ul>\n");
}

/// The head of a table: columns of the class `w` (wide) are left out on a narrow screen, those of `n` (numbers) are aligned to the right. The names are short, because each row has them.
pub(super) fn head(page: &mut Html, caption: &str, columns: &[(&str, &str)]) {
    page.raw("<table>\n<caption>")
        .raw(caption)
        .raw("</caption>\n<thead><tr>");
    for (name, class) in columns {
        page.raw("<th scope=\"col\"");
        class_of(page, class);
        page.raw(">").raw(name).raw("</th>");
    }
    page.raw("</tr></thead>\n<tbody>\n");
}

/// One cell of text.
pub(super) fn cell(page: &mut Html, class: &str, text: impl std::fmt::Display) {
    page.raw("<td");
    class_of(page, class);
    page.raw(">").text(text).raw("</td>");
}

fn class_of(page: &mut Html, class: &str) {
    if !class.is_empty() {
        page.raw(" class=\"").raw(class).raw("\"");
    }
}
