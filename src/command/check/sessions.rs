//! `pgcommons check --sessions`: the oldest sessions of each server, for a person in front of a slow one. Names and queries are what
//! tenants chose, and are escaped.

use std::fmt::Write as _;

use serde::Serialize;
use tokio::task::JoinSet;

use super::poll::{answer, no_session};
use super::table::{lines, table};
use crate::command::cli::CheckArgs;
use crate::command::{print, print_json};
use crate::config::{Config, ServerConfig};
use crate::findings::{Finding, Severity};
use crate::names::escape_for_terminal;
use crate::postgres::{CredentialFiles, Session};
use crate::sample::sessions::{ListedSession, SessionList};
use crate::status::text;

/// Its fields are the keys of `check --sessions --json`.
#[derive(Debug, Serialize)]
struct Report {
    status: Severity,
    servers: Vec<ServerSessions>,
}

#[derive(Debug, Serialize)]
struct ServerSessions {
    server: String,
    /// Null: the sessions were read.
    error: Option<String>,
    /// False: the role of the check sees only that the sessions of others exist.
    sees_all_sessions: bool,
    #[serde(flatten)]
    list: SessionList,
}

/// Returns 0, or the exit code of a server that cannot be asked.
pub(super) async fn run(args: &CheckArgs, config: Config) -> anyhow::Result<u8> {
    let report = report(config.servers, args.limit, args.with_query).await;
    if args.json {
        print_json(&report)?;
    } else {
        print(&render(&report, args.with_query))?;
    }
    Ok(report.status.exit_code())
}

/// Asks all servers concurrently.
async fn report(servers: Vec<ServerConfig>, limit: u32, with_query: bool) -> Report {
    let mut asked = JoinSet::new();
    for (n, server) in servers.into_iter().enumerate() {
        asked.spawn(async move {
            let read = sessions(&server, limit, with_query).await;
            (n, server.name, read)
        });
    }
    let mut answers = asked.join_all().await;
    answers.sort_by_key(|(n, _, _)| *n);
    let status = answers.iter().map(|(_, _, read)| match read {
        Ok(_) => Severity::Ok,
        Err(finding) => finding.severity,
    });
    Report {
        status: status.max().unwrap_or(Severity::Unknown),
        servers: answers
            .into_iter()
            .map(|(_, server, read)| of_server(server, read))
            .collect(),
    }
}

fn of_server(server: String, read: Result<SessionList, Finding>) -> ServerSessions {
    let (list, error) = match read {
        Ok(list) => (list, None),
        Err(finding) => (SessionList::default(), Some(finding.text)),
    };
    ServerSessions {
        server,
        error,
        sees_all_sessions: list.sessions.iter().all(|it| it.backend_type.is_some()),
        list,
    }
}

async fn sessions(
    server: &ServerConfig,
    limit: u32,
    with_query: bool,
) -> Result<SessionList, Finding> {
    let deadline = server.cadence.timeout;
    let session = Session::connect(&server.target, deadline, &mut CredentialFiles::default())
        .await
        .map_err(|error| no_session(&error))?;
    answer(deadline, session.sessions(limit, with_query)).await
}

fn render(report: &Report, with_query: bool) -> String {
    let mut text = String::new();
    for server in &report.servers {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{}", escape_for_terminal(&summary(server)));
        if !server.sees_all_sessions {
            text.push_str(
                "  note      sessions of other roles are hidden: the role needs pg_monitor\n",
            );
        }
        if !server.list.sessions.is_empty() {
            text.push('\n');
            text.push_str(&rows(&server.list.sessions, with_query));
        }
    }
    text
}

fn summary(server: &ServerSessions) -> String {
    let (name, listed) = (&server.server, server.list.sessions.len());
    match &server.error {
        Some(error) => format!("{name}: {error}"),
        None => format!("{name}: {listed} of {} sessions", server.list.total),
    }
}

const COLUMNS: [&str; 10] = [
    "PID",
    "ROLE",
    "DATABASE",
    "APPLICATION",
    "STATE",
    "IN STATE",
    "TRANSACTION",
    "STATEMENT",
    "WAITS FOR",
    "QUERY",
];

/// The column QUERY is only printed if queries were asked for.
fn rows(sessions: &[ListedSession], with_query: bool) -> String {
    let columns = COLUMNS.len() - usize::from(!with_query);
    let mut table = table(&COLUMNS[..columns], &[0, 5, 6, 7]);
    for session in sessions {
        let cells = [
            session.pid.to_string(),
            name(session.usename.as_deref()),
            name(session.datname.as_deref()),
            name(Some(&session.application_name)),
            state(session),
            age(session.state_seconds),
            age(session.transaction_seconds),
            age(session.statement_seconds),
            name(session.wait.as_deref()),
            session.query.as_deref().map_or_else(dash, query),
        ];
        table.add_row(cells.into_iter().take(columns));
    }
    lines(&table)
}

/// A worker has no state, or is always active: what it is says more.
fn state(session: &ListedSession) -> String {
    match (&session.backend_type, &session.state) {
        (None, _) => "(hidden)".to_owned(),
        (Some(kind), Some(state)) if kind == "client backend" => name(Some(state)),
        (Some(kind), _) => name(Some(kind)),
    }
}

/// The longest text of a query in a table, in characters.
const QUERY_WIDTH: usize = 80;

/// One line: each run of white space is a blank.
fn query(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut cut: String = line.chars().take(QUERY_WIDTH).collect();
    if cut.len() < line.len() {
        cut.push_str("...");
    }
    name(Some(&cut))
}

fn name(text: Option<&str>) -> String {
    let text = text.filter(|text| !text.is_empty());
    text.map_or_else(dash, escape_for_terminal)
}

fn age(seconds: Option<f64>) -> String {
    seconds.map_or_else(dash, text::duration)
}

fn dash() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tenants_chose_cannot_change_the_terminal_and_a_long_query_is_cut() {
        let hostile = "\u{1b}[2J\u{202e}\n";
        let session = ListedSession {
            pid: 7,
            usename: Some(hostile.to_owned()),
            datname: Some(hostile.to_owned()),
            application_name: hostile.to_owned(),
            backend_type: Some("client backend".to_owned()),
            state: Some("active".to_owned()),
            state_seconds: Some(61.0),
            transaction_seconds: Some(3900.0),
            statement_seconds: None,
            wait: Some("Lock: transactionid".to_owned()),
            query: Some(format!("select\n\t{hostile}{}", "x".repeat(200))),
        };
        let shown = rows(&[session], true);
        assert_eq!(shown.lines().count(), 2, "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\t']), "{shown}");
        assert!(
            shown.contains("1 h 5 min") && shown.contains("x..."),
            "{shown}"
        );
        assert!(!shown.contains(&"x".repeat(QUERY_WIDTH)), "{shown}");
    }
}
