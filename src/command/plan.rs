//! `pgcommons plan`: whether what the configuration declares fits; without a server, for CI, or beside one.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use super::cli::PlanArgs;
use super::{print, print_json};
use crate::config::{Config, DATA_VOLUME, ServerConfig};
use crate::findings::Severity;
use crate::isolation::{self, Question};
use crate::limits::ConnectionSlots;
use crate::logging::chain;
use crate::names::escape_for_terminal;
use crate::plan::{self, Capacity, DatabaseState, Kind, Plan};
use crate::postgres::view::SLOW;
use crate::postgres::{CredentialFiles, Session};
use crate::resources::setting_bytes as bytes;
use crate::sample::Readings;
use crate::storage::VolumeMeter;

#[derive(Debug, Serialize)]
struct Report {
    status: Severity,
    findings: Vec<Finding>,
    /// Comparisons that were not made, by server.
    unchecked: Vec<String>,
    /// Settings that are not known, and what was assumed, by server.
    assumed: Vec<String>,
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
        assumed: Vec::new(),
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

/// What the configuration says, and the flags, which override it.
fn given(args: &PlanArgs, server: &ServerConfig) -> Capacity {
    let ordinary = args.max_connections;
    let ordinary = ordinary.map(|all| all.saturating_sub(args.reserved_connections));
    Capacity {
        slots: ordinary
            .into_iter()
            .chain(server.policy.connections_limit)
            .min(),
        max_connections: args.max_connections,
        storage: args.storage.or(server.storage.size),
        memory: args.memory.or(server.policy.machine.memory),
        shared_buffers: args.shared_buffers,
        work_mem: args.work_mem,
        ..Capacity::default()
    }
}

/// Reads slots, settings, limits, owners and roles from the server.
pub(super) async fn ask(server: &ServerConfig, capacity: &mut Capacity) -> Result<(), String> {
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
    let question = Question::new(&access, &server.policy, info, &target.dbname);
    capacity.unmet = isolation::judge(question).unmet;
    let owner = |oid| {
        let role = access.roles.iter().find(|role| role.oid == oid);
        role.map_or_else(String::new, |role| role.name.shown.clone())
    };
    let databases = access.databases.iter().map(|row| DatabaseState {
        name: row.name.shown.clone(),
        limit: row.connection_limit,
        owner: owner(row.owner),
    });
    capacity.databases = Some(databases.collect());
    settings(&session, deadline, capacity).await;
    if capacity.storage.is_none() {
        capacity.storage = measured(server).await;
    }
    Ok(())
}

/// The capacity of the volume of the data directory, where it can be measured from here.
async fn measured(server: &ServerConfig) -> Option<u64> {
    let volume = server.volumes().find(|it| it.volume == DATA_VOLUME)?;
    let mut meter = VolumeMeter::default();
    let space = meter.measure(&volume.path, volume.timeout).await;
    Some(space.ok()?.capacity)
}

/// The settings that no flag overrides. What the server does not tell is assumed.
async fn settings(session: &Session, deadline: Duration, capacity: &mut Capacity) {
    let mut readings = Readings::default();
    let view = SLOW.iter().position(|view| view.job == "settings");
    if let Some(view) = view
        && let Ok(Ok(update)) = timeout(deadline, session.slow(view, deadline)).await
    {
        update(&mut readings);
    }
    let settings = readings.settings.as_deref().unwrap_or_default();
    let of = |name| bytes(settings, name);
    capacity.shared_buffers = capacity
        .shared_buffers
        .or_else(|| of("shared_buffers_bytes"));
    capacity.work_mem = capacity.work_mem.or_else(|| of("work_mem_bytes"));
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
        let assumed = plan.assumed.iter();
        self.assumed
            .extend(assumed.map(|what| format!("{server}: {what}")));
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
        | Kind::OwnerDrift
        | Kind::DatabaseMissing
        | Kind::RoleMissing
        | Kind::ConnectMissing => Severity::Warning,
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
    for assumed in &report.assumed {
        let _ = writeln!(text, "assumed   {}", escape_for_terminal(assumed));
    }
    for unchecked in &report.unchecked {
        let _ = writeln!(text, "unchecked {}", escape_for_terminal(unchecked));
    }
    text
}
