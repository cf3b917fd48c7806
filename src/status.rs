//! What people see of the published state: for each server what runs out first, its tenants by urgency, its findings, and the
//! health of its sources. The live page and `pgcommons top` render this value, and it is the JSON of `/api/v1/status`. A pure
//! function of the state and the timelines.

mod backups;
mod connections;
mod databases;
mod notifications;
mod resources;
mod sessions;
mod sources;
pub(crate) mod text;

use serde::Serialize;

use crate::build_info;
use crate::findings::{Finding, Severity, Thresholds, of_published};
use crate::health::ReceiverHealth;
use crate::sample::WaitClass;
use crate::snapshot::{Snapshot, WorkingSessions};
use crate::state::{Server, State};
use crate::timeline::Timelines;

pub(crate) use backups::BackupStatus;
pub(crate) use connections::{Connections, connections, urgency};
pub(crate) use databases::DatabaseStatus;
#[cfg(test)]
pub(crate) use databases::DayStatus;
pub(crate) use notifications::ReceiverStatus;
pub(crate) use resources::{ResourceReport, fullest_first, of_server, of_volumes};
pub(crate) use sessions::{SessionRow, sessions_of};
pub(crate) use sources::SourceStatus;

/// The version of the JSON. A field that is renamed, removed or changes its meaning gives a new one.
const VERSION: u32 = 1;
/// The parts of the 24 hours in a small chart: half an hour each.
const PARTS: u32 = 48;

/// The fields are the keys of the JSON, which `docs/api.md` lists. Null: unknown, or there is no such thing.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) version: u32,
    pub(crate) agent: &'static str,
    /// When this was made, in seconds since the epoch.
    pub(crate) time: f64,
    /// The worst of the servers.
    #[serde(rename = "status")]
    pub(crate) severity: Severity,
    pub(crate) servers: Vec<ServerStatus>,
    /// Empty without receivers.
    pub(crate) notifications: Vec<ReceiverStatus>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServerStatus {
    pub(crate) server: String,
    /// That of the worst finding.
    pub(crate) status: Severity,
    pub(crate) up: bool,
    /// Why it is not up: an outcome of a poll, or the reason of a failed connect.
    pub(crate) down: Option<&'static str>,
    /// Such as `15.18`.
    pub(crate) version: Option<String>,
    pub(crate) standby: Option<bool>,
    /// When connections were last counted, in seconds since the epoch.
    pub(crate) polled: Option<f64>,
    pub(crate) connections: Option<ServerConnections>,
    /// Sessions that work now, by what they wait for.
    pub(crate) active: Option<u32>,
    /// The fullest first.
    pub(crate) resources: Vec<ResourceReport>,
    /// By urgency.
    pub(crate) databases: Vec<DatabaseStatus>,
    /// How many databases are left out because they have no series (`series_limits`).
    pub(crate) databases_left_out: Option<usize>,
    /// Worst first.
    pub(crate) findings: Vec<Finding>,
    pub(crate) sources: Vec<SourceStatus>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServerConnections {
    #[serde(flatten)]
    pub(crate) now: Connections,
    /// The most that a poll of `poll.window` saw.
    pub(crate) peak: Option<u32>,
    /// Since the agent began.
    pub(crate) exhausted_seconds: f64,
}

impl Status {
    /// `now`: seconds since the epoch.
    pub(crate) fn of(
        state: &State,
        timelines: &Timelines,
        receivers: &[ReceiverHealth],
        now: f64,
    ) -> Self {
        let servers = state.servers.iter();
        let servers: Vec<_> = servers.map(|it| server(it, timelines, now)).collect();
        let severity = servers.iter().map(|server| server.status).max();
        Self {
            version: VERSION,
            agent: build_info::VERSION,
            time: now,
            severity: severity.unwrap_or(Severity::Unknown),
            servers,
            notifications: receivers.iter().map(ReceiverStatus::of).collect(),
        }
    }
}

/// One server. `now`: seconds since the epoch.
pub(crate) fn server(server: &Server, timelines: &Timelines, now: f64) -> ServerStatus {
    let thresholds = Thresholds::default();
    let snapshot = server.snapshot();
    let findings = of_published(server, thresholds, now);
    let timeline = timelines.server(&server.name);
    let tenants = |snapshot| databases::by_urgency(server, snapshot, &findings, (timeline, now));
    ServerStatus {
        server: server.name.clone(),
        status: findings.first().map_or(Severity::Ok, |it| it.severity),
        up: snapshot.is_some(),
        down: server.status.as_ref().err().map(|down| down.label()),
        version: snapshot.map(|it| it.info.short_version()),
        standby: snapshot.map(|it| it.in_recovery),
        polled: server.health.jobs()[0].last_success,
        connections: snapshot.and_then(of_server_as_a_whole),
        active: snapshot.and_then(active),
        resources: resources::of_published(server, thresholds, timeline.map(|it| (it, now))),
        databases: snapshot.map(tenants).unwrap_or_default(),
        databases_left_out: snapshot.map(|it| it.overflow.databases),
        findings,
        sources: sources::of(server),
    }
}

fn of_server_as_a_whole(snapshot: &Snapshot) -> Option<ServerConnections> {
    let status = snapshot.server.as_ref()?;
    Some(ServerConnections {
        now: connections(Some(status)),
        peak: status.history.peak,
        exhausted_seconds: status.history.exhausted.as_secs_f64(),
    })
}

fn active(snapshot: &Snapshot) -> Option<u32> {
    let load = snapshot.load.as_ref()?;
    Some(load.working.active())
}

/// The sessions that work, by what they wait for, the most first.
pub(crate) fn waits(working: &WorkingSessions) -> Vec<(&'static str, u32)> {
    let classes = WaitClass::ALL.into_iter();
    let counts = classes.map(|wait| (wait.label(), working.of(wait)));
    let mut counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
