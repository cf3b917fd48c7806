//! One frame: the lines of the status, each written over the one before it, so that nothing flickers.

use std::fmt::Write as _;

use crate::command::check::{lines, table};
use crate::findings::{Severity, bytes};
use crate::names::escape_for_terminal;
use crate::status::text::{duration, optional, percent, time};
use crate::status::{DatabaseStatus, ResourceReport, ServerStatus, Status};

/// How many findings and resources of a server are shown, so that its databases are on the first screen.
const MOST: usize = 5;
const BAR: usize = 16;

/// From the top left of the screen; what does not fit on it is left out. Names cannot contain a sequence for the terminal.
pub(super) fn frame(status: &Status, height: usize) -> String {
    let mut text = format!(
        "pgcommons top, {}   {}   (Ctrl-C ends)\n",
        time(status.time, status.time),
        status.counts()
    );
    for server in &status.servers {
        section(&mut text, server, status.time);
    }
    let all: Vec<_> = text.lines().collect();
    let mut frame = "\x1b[H".to_owned();
    for (number, line) in all.iter().take(height).enumerate() {
        let is_cut = number + 1 == height && all.len() > height;
        let line = if is_cut { "..." } else { *line };
        let newline = if number == 0 { "" } else { "\r\n" };
        // Clears what is left of a longer line.
        let _ = write!(frame, "{newline}{}\x1b[K", coloured(line));
    }
    frame + "\x1b[J"
}

/// A line in the colour of the severity that it begins with.
fn coloured(line: &str) -> String {
    let colour = match line.split_whitespace().next() {
        Some("critical") => "31",
        Some("warning") => "33",
        Some("unknown") => "35",
        _ => return line.to_owned(),
    };
    format!("\x1b[{colour}m{line}\x1b[0m")
}

fn section(text: &mut String, server: &ServerStatus, now: f64) {
    let name = escape_for_terminal(&server.server);
    let _ = writeln!(
        text,
        "\n{name}: {}",
        escape_for_terminal(&server.summary(now))
    );
    for finding in server.findings.iter().take(MOST) {
        let words = escape_for_terminal(&finding.text);
        let _ = writeln!(text, " {:8}  {words}", finding.severity.label());
    }
    if server.findings.len() > MOST {
        let _ = writeln!(
            text,
            "           {} more findings",
            server.findings.len() - MOST
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
}

fn resources(rows: &[&ResourceReport]) -> String {
    let header = [
        "STATUS", "RESOURCE", "", "USED", "LIMIT", "SHARE", "MOST BY",
    ];
    let mut table = table(&header, &[3, 4, 5]);
    for row in rows.iter().take(MOST) {
        let (used, limit) = &row.amounts;
        table.add_row([
            row.status.label().to_owned(),
            escape_for_terminal(&row.name()),
            bar(row.share()),
            used.clone(),
            limit.clone(),
            percent(row.share()),
            optional(row.datname.as_deref().map(escape_for_terminal)),
        ]);
    }
    lines(&table)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and the length of a bar"
)]
fn bar(share: f64) -> String {
    let filled = (share * BAR as f64).ceil().clamp(0.0, BAR as f64) as usize;
    format!("[{}{}]", "#".repeat(filled), ".".repeat(BAR - filled))
}

fn databases(rows: &[DatabaseStatus]) -> String {
    let header = [
        "STATUS", "DATABASE", "USED", "LIMIT", "FREE", "BOUND BY", "PEAK", "FULL", "SIZE", "QUOTA",
        "ACTIVE",
    ];
    let mut table = table(&header, &[2, 3, 4, 6, 7, 8, 9, 10]);
    for row in rows {
        let connections = &row.connections;
        let status = match row.closed {
            Some(_) if row.status == Severity::Ok => "closed",
            _ => row.status.label(),
        };
        table.add_row([
            status.to_owned(),
            escape_for_terminal(&row.datname),
            optional(connections.used),
            optional(connections.own_limit),
            optional(connections.headroom),
            optional(row.closed.or(connections.bound_by)),
            optional(row.peak),
            optional(row.exhausted_seconds.map(duration)),
            optional(row.size_bytes.map(bytes)),
            optional(row.size_limit_bytes.map(bytes)),
            optional(row.active),
        ]);
    }
    lines(&table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_at_the_limit_and_beyond() {
        for (share, filled) in [(0.0, 0), (0.001, 1), (0.5, 8), (1.0, 16), (1.7, 16)] {
            assert_eq!(bar(share).matches('#').count(), filled, "{share}");
        }
    }

    #[test]
    fn a_frame_fits_the_screen_and_says_that_it_is_cut() {
        let status = Status {
            version: 1,
            agent: "",
            time: 0.0,
            severity: Severity::Ok,
            notifications: Vec::new(),
            servers: Vec::new(),
        };
        assert_eq!(frame(&status, 24).matches("\x1b[K").count(), 1);
        let cut = frame(&status, 1);
        assert!(!cut.contains("..."), "{cut:?}");
    }
}
