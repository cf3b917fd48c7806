//! `pgcommons plan`: whether what the configuration declares fits; without a server, for CI, or beside one.

use std::fmt::Write as _;

use serde::Serialize;
use tokio::time::timeout;

use super::cli::PlanArgs;
use super::{print, print_json};
use crate::config::{Config, ServerConfig};
use crate::findings::Severity;
use crate::limits::ConnectionSlots;
use crate::logging::chain;
use crate::names::escape_for_terminal;
use crate::plan::{self, Capacity, DatabaseLimit, Kind, Plan};
use crate::postgres::{CredentialFiles, Session};

#[derive(Debug, Serialize)]
struct Report {
    status: Severity,
    findings: Vec<Finding>,
    /// Comparisons that were not made, by server.
    unchecked: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Finding {
    #[serde(rename = "finding")]
    label: &'static str,
    severity: Severity,
    server: String,
    datname: Option<String>,
    text: String,
    sql: Option<String>,
}

/// Returns the exit code of the worst finding.
pub(super) async fn run(args: &PlanArgs, mut config: Config) -> anyhow::Result<u8> {
    if let Some(name) = &args.server {
        config.servers.retain(|server| server.name == *name);
        anyhow::ensure!(!config.servers.is_empty(), "no server is named {name}");
    }
    let mut report = Report {
        status: Severity::Ok,
        findings: Vec::new(),
        unchecked: Vec::new(),
    };
    for server in &config.servers {
        let mut capacity = given(args, server);
        if args.live {
            let asked = ask(server, &mut capacity).await;
            asked.map_err(|error| anyhow::anyhow!("{}: {error}", server.name))?;
        }
        report.add(&server.name, plan::plan(&server.policy, &capacity));
    }
    if args.json {
        print_json(&report)?;
    } else {
        print(&render(&report))?;
    }
    Ok(report.status.exit_code())
}

/// What the flags say. PostgreSQL's defaults stand for what they do not.
fn given(args: &PlanArgs, server: &ServerConfig) -> Capacity {
    let slots = args.max_connections.map(|all| {
        let ordinary = all.saturating_sub(args.reserved_connections);
        let limit = server.policy.connections_limit;
        limit.map_or(ordinary, |limit| limit.min(ordinary))
    });
    Capacity {
        slots,
        max_connections: args.max_connections,
        storage: args.storage,
        memory: args.memory,
        shared_buffers: Some(args.shared_buffers),
        work_mem: Some(args.work_mem),
        ..Capacity::default()
    }
}

/// Reads slots, limits and roles from the server.
async fn ask(server: &ServerConfig, capacity: &mut Capacity) -> Result<(), String> {
    let (deadline, target) = (server.cadence.timeout, &server.target);
    let session = Session::connect(target, deadline, &mut CredentialFiles::default()).await;
    let session = session.map_err(|error| chain(&error))?;
    let access = timeout(deadline, session.access()).await;
    let late = |_| format!("no answer within {}", humantime::format_duration(deadline));
    let access = access.map_err(late)?.map_err(|error| chain(&error))?;
    if let Some(what) = access.truncated {
        return Err(format!("the server has too many {what}"));
    }
    let info = session.info();
    capacity.slots = Some(ConnectionSlots::of(info, &server.policy).ordinary);
    capacity.max_connections = Some(info.max_connections);
    let databases = access.databases.into_iter().map(|row| DatabaseLimit {
        name: row.name.shown,
        limit: row.connection_limit,
    });
    capacity.databases = Some(databases.collect());
    capacity.roles = access.roles.into_iter().map(|row| row.name.shown).collect();
    Ok(())
}

impl Report {
    fn add(&mut self, server: &str, plan: Plan) {
        for found in plan.findings {
            let severity = severity(found.kind);
            self.status = self.status.max(severity);
            self.findings.push(Finding {
                label: found.kind.label(),
                severity,
                server: server.to_owned(),
                datname: found.datname,
                text: found.text,
                sql: found.sql,
            });
        }
        let unchecked = plan.unchecked.iter();
        self.unchecked
            .extend(unchecked.map(|what| format!("{server}: {what}")));
    }
}

/// An application whose pools pass the limit is refused for certain; sums pass only if all take what they may at once.
fn severity(kind: Kind) -> Severity {
    match kind {
        Kind::PoolsAboveLimit => Severity::Critical,
        Kind::PoolsAboveSlots
        | Kind::LimitsAboveSlots
        | Kind::SizesAboveStorage
        | Kind::MemoryAboveLimit
        | Kind::LimitDrift
        | Kind::DatabaseMissing
        | Kind::RoleMissing => Severity::Warning,
    }
}

fn render(report: &Report) -> String {
    let count = report.findings.len();
    let s = if count == 1 { "" } else { "s" };
    let mut text = format!(
        "{}: {count} finding{s}\n",
        report.status.label().to_uppercase()
    );
    for finding in &report.findings {
        let line = format!(
            "{:8}  {}: {}",
            finding.severity.label(),
            finding.server,
            finding.text
        );
        let _ = writeln!(text, "{}", escape_for_terminal(&line));
        if let Some(sql) = &finding.sql {
            let _ = writeln!(text, "          {}", escape_for_terminal(sql));
        }
    }
    for unchecked in &report.unchecked {
        let _ = writeln!(text, "unchecked {}", escape_for_terminal(unchecked));
    }
    text
}
