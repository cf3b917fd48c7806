//! The databases of one server, the most urgent first: connections, size, load, and what the last 24 hours had.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::Serialize;

use super::PARTS;
use super::backups::{self, BackupStatus};
use super::connections::{Connections, connections, urgency};
use crate::findings::{Concern, Finding, Scope, Severity, Thresholds};
use crate::sample::Oid;
use crate::size_schedule::UnknownSize;
use crate::snapshot::{DatabaseView, Load, Snapshot, WorkingSessions};
use crate::state::Server;
use crate::timeline::{DaySummary, Timeline};

#[derive(Debug, Serialize)]
pub(crate) struct DatabaseStatus {
    pub(crate) datname: String,
    /// That of its worst finding.
    pub(crate) status: Severity,
    #[serde(flatten)]
    pub(crate) connections: Connections,
    /// The most that a poll of `poll.window` saw.
    pub(crate) peak: Option<u32>,
    /// Without a free connection, since the agent began.
    pub(crate) exhausted_seconds: Option<f64>,
    /// The configured budget, which PostgreSQL does not enforce.
    pub(crate) budget: Option<u32>,
    pub(crate) size_bytes: Option<u64>,
    /// Why the size is unknown.
    pub(crate) size_unknown: Option<&'static str>,
    /// The configured quota.
    pub(crate) size_limit_bytes: Option<u64>,
    /// Sessions that work now.
    pub(crate) active: Option<u32>,
    /// Sessions that wait for a lock.
    pub(crate) blocked: Option<u32>,
    /// Null: it is not known, or no backups are configured.
    pub(crate) backup: Option<BackupStatus>,
    /// `owner` of its budget: the person to contact.
    pub(crate) budget_owner: Option<String>,
    /// Why no role can connect: `datallowconn` is false, the database is invalid, or its connection limit is 0.
    pub(crate) closed: Option<&'static str>,
    /// Null: the agent keeps no history of it.
    pub(crate) day: Option<DayStatus>,
    #[serde(skip)]
    pub(crate) oid: Oid,
    /// The severity of its connections alone, with the limit of the server.
    #[serde(skip)]
    pub(crate) connections_status: Severity,
    #[serde(skip)]
    pub(crate) size_status: Severity,
}

impl DatabaseStatus {
    /// Its own limit, or else the connections that it has and those that the server has left for it. Above 0.
    pub(crate) fn own_or_reachable_limit(&self) -> Option<u32> {
        let own = self.connections.own_limit.filter(|limit| *limit > 0);
        let reachable = self.connections.used.zip(self.connections.headroom);
        let reachable = reachable.map(|(used, free)| used.saturating_add(free));
        own.or(reachable).filter(|limit| *limit > 0)
    }
}

/// The last 24 hours, as far as the agent has them.
#[derive(Debug, Serialize)]
pub(crate) struct DayStatus {
    /// How many minutes are known.
    pub(crate) minutes: usize,
    pub(crate) peak: Option<u32>,
    pub(crate) exhausted_seconds: f64,
    /// The difference between the last and the first size; it may be below 0.
    pub(crate) growth_bytes: Option<f64>,
    /// The most connections in each of [`PARTS`] parts.
    #[serde(skip)]
    pub(crate) peaks: Vec<Option<f64>>,
}

impl From<DaySummary> for DayStatus {
    fn from(day: DaySummary) -> Self {
        Self {
            minutes: day.minutes,
            peak: day.peak,
            exhausted_seconds: day.exhausted_seconds,
            growth_bytes: day.growth,
            peaks: day.peaks,
        }
    }
}

/// `now`: seconds since the epoch.
pub(super) fn by_urgency(
    server: &Server,
    snapshot: &Snapshot,
    findings: &[Finding],
    (timeline, now): (Option<&Timeline>, f64),
) -> Vec<DatabaseStatus> {
    let worst_backup = worst(findings.iter().filter(|it| it.concern == Concern::Backup));
    let worst = worst(findings.iter());
    let views = snapshot.databases.iter();
    let mut all: Vec<_> = views
        .map(|view| {
            let status = worst.get(&*view.row.name).copied();
            let day = timeline.and_then(|it| it.database(&view.row.name, now));
            let day = day.map(|day| day.summary(PARTS).into());
            let of_backup = worst_backup.get(&*view.row.name).copied();
            let backup = backups::of(server, &view.row.name, of_backup);
            let status = status.unwrap_or(Severity::Ok);
            database(snapshot, view, status, (day, backup))
        })
        .collect();
    all.sort_by_cached_key(|row| {
        let used = Reverse(row.connections.used);
        (
            urgency(row.status, &row.connections),
            used,
            row.datname.clone(),
        )
    });
    all
}

/// The severity of the worst finding of each database.
fn worst<'a>(findings: impl Iterator<Item = &'a Finding>) -> HashMap<&'a str, Severity> {
    let mut worst = HashMap::new();
    for finding in findings.filter(|it| it.scope == Scope::Database) {
        if let Some(subject) = &finding.subject {
            let severity = worst.entry(&**subject).or_insert(finding.severity);
            *severity = finding.severity.max(*severity);
        }
    }
    worst
}

fn database(
    snapshot: &Snapshot,
    view: &DatabaseView,
    status: Severity,
    (day, backup): (Option<DayStatus>, Option<BackupStatus>),
) -> DatabaseStatus {
    let name = &view.row.name;
    let history = view.connections.as_ref().map(|status| status.history);
    let (budget, thresholds) = (view.budget.as_ref(), Thresholds::default());
    let working = |load: &Load| {
        let working = load.working_in.get(name);
        working.map_or(0, WorkingSessions::active)
    };
    DatabaseStatus {
        datname: name.clone(),
        status,
        connections: connections(view.connections.as_ref()),
        peak: history.and_then(|history| history.peak),
        exhausted_seconds: history.map(|history| history.exhausted.as_secs_f64()),
        budget: budget.and_then(|budget| budget.connections),
        size_bytes: view.size.ok(),
        size_unknown: view.size.err().map(UnknownSize::label),
        size_limit_bytes: view.size_limit(),
        active: snapshot.load.as_ref().map(working),
        blocked: view.blocked,
        backup,
        budget_owner: budget.and_then(|budget| budget.owner.clone()),
        closed: view.closed(),
        day,
        oid: view.row.oid,
        connections_status: thresholds.connections(view.connections.as_ref()),
        size_status: thresholds.size(view),
    }
}
