//! `pgcommons workspaces`: how the rows of a database are shared out among the workspaces in it.

mod report;

use std::time::Duration;

use tokio::time::timeout;

use super::check::{lines, probed, table};
use super::cli::WorkspacesArgs;
use super::{print, print_json};
use crate::config::{Config, ProbeConfig, ServerConfig, WorkspaceColumn};
use crate::findings::Severity;
use crate::logging::chain;
use crate::names::escape_for_terminal;
use crate::postgres::{CredentialFiles, ProbeSession};
use crate::probe::{self, Estimate};
use crate::status::text::percent;
use report::{DatabaseReport, Report};

/// Returns the exit code: 0, or 3 if the workspaces of a database are unknown.
pub(super) async fn run(args: &WorkspacesArgs, config: Config) -> anyhow::Result<u8> {
    let mut databases = Vec::new();
    let servers = config.servers.iter();
    let wanted = servers.filter(|server| args.server.as_ref().is_none_or(|it| *it == server.name));
    for probes in wanted.filter_map(ServerConfig::probes) {
        let named = |datname: &String| args.database.as_ref().is_none_or(|it| it == datname);
        for (datname, probe) in probes.databases.iter().filter(|(name, _)| named(name)) {
            let Some(column) = &probe.workspaces else {
                continue;
            };
            let found = if args.exact {
                counted(probe, column, args.timeout).await
            } else {
                estimated(probe).await
            };
            databases.push(DatabaseReport::of(
                &probes.server,
                datname,
                args.exact,
                found,
            ));
        }
    }
    anyhow::ensure!(
        !databases.is_empty(),
        "no workspaces are configured: servers.NAME.probes.DATABASE.workspaces"
    );
    let report = Report { databases };
    if args.json {
        print_json(&report)?;
    } else {
        print(&render(&report))?;
    }
    let is_unknown = report.databases.iter().any(|it| it.unknown.is_some());
    let severity = if is_unknown {
        Severity::Unknown
    } else {
        Severity::Ok
    };
    Ok(severity.exit_code())
}

async fn estimated(probe: &ProbeConfig) -> Result<Estimate, String> {
    let workspaces = probed(probe).await?.workspaces;
    let estimate = workspaces.map(|it| it.estimate.map_err(|why| why.text()));
    estimate.unwrap_or_else(|| Err("not asked".to_owned()))
}

/// Scans the tables for at most `limit`.
async fn counted(
    probe: &ProbeConfig,
    column: &WorkspaceColumn,
    limit: Duration,
) -> Result<Estimate, String> {
    let mut files = CredentialFiles::default();
    let session = ProbeSession::connect(probe, &mut files).await;
    let session = session.map_err(|error| chain(&error))?;
    let counted = timeout(limit + probe.timeout, session.count(column, limit)).await;
    session.close().await;
    let counted = counted.map_err(|_| "no answer in time".to_owned())?;
    let counted = counted.map_err(|error| chain(&error))?;
    probe::count(&counted).map_err(|why| why.text())
}

fn render(report: &Report) -> String {
    let mut text = String::new();
    for database in &report.databases {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&escape_for_terminal(&database.heading()));
        text.push('\n');
        if !database.workspaces.is_empty() {
            text.push_str(&rows(database));
        }
    }
    text
}

/// The column BYTES is only printed after a scan.
fn rows(database: &DatabaseReport) -> String {
    let has_bytes = database.workspaces.iter().any(|it| it.bytes.is_some());
    let header = ["WORKSPACE", "ROWS", "SHARE", "BYTES"];
    let columns = header.len() - usize::from(!has_bytes);
    let mut table = table(&header[..columns], &[1, 2, 3]);
    for row in &database.workspaces {
        let cells = [
            escape_for_terminal(&row.workspace),
            format!("{:.0}", row.rows),
            row.share.map_or_else(|| "-".to_owned(), percent),
            row.bytes
                .map_or_else(|| "-".to_owned(), |it| format!("{it:.0}")),
        ];
        table.add_row(cells.into_iter().take(columns));
    }
    lines(&table)
}
