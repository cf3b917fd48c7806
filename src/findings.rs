//! Findings: what is wrong, with which database, role or volume, and what to do about it. `check` prints them. Pure.

mod archiving;
mod backups;
mod connections;
mod container;
mod declared;
mod poolers;
mod probes;
mod published;
mod remedy;
mod resources;
mod server;
mod severity;
mod sizes;
mod storage;

use serde::Serialize;

use crate::sample::{Container, Volume};
use crate::snapshot::Snapshot;

pub(crate) use backups::{BackupAge, age_text, backup_findings, backup_severity};
pub(crate) use poolers::PoolerReading;
pub(crate) use probes::{ProbeReading, of_probes};
pub(crate) use published::of_published;
pub(crate) use severity::{Severity, Thresholds};

/// The kind of object that a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    Server,
    Database,
    Role,
    Volume,
    Pooler,
}

/// The kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Concern {
    /// The server did not answer a query, or refused the connection.
    Unreachable,
    /// The agent's role has too few or too many privileges.
    Privilege,
    Connections,
    Size,
    /// The control group of PostgreSQL.
    Memory,
    /// Workers, slots, locks or ids that all databases share.
    Resource,
    /// WAL that replication slots keep.
    Wal,
    /// Temporary files, and volumes.
    Storage,
    /// More connections than the budget, or a budget for a database that does not exist.
    Budget,
    /// Declared pools that can open more connections than they may.
    Pools,
    /// The limit, the owner or a role of a database differs from the configuration.
    Drift,
    /// WAL files wait to be archived.
    Archiving,
    /// A process of the server died, and all sessions were ended.
    Crash,
    /// An invalid database: a DROP DATABASE runs, or was interrupted.
    Invalid,
    /// Clients wait in a pooler, it does not answer, or it may open more connections than PostgreSQL admits.
    Pooler,
    /// A probe of a database fails, or its workspaces are unknown.
    Probe,
    /// A database without a backup, or with one that is old or incomplete.
    Backup,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Finding {
    #[serde(rename = "status")]
    pub(crate) severity: Severity,
    pub(crate) scope: Scope,
    /// The database, role, volume or pooler; None for the server.
    pub(crate) subject: Option<String>,
    pub(crate) concern: Concern,
    /// Which of several that the subject has.
    #[serde(skip)]
    pub(crate) part: Option<Part>,
    pub(crate) text: String,
    /// SQL or a command to start with, if there is one.
    pub(crate) remedy: Option<String>,
}

/// A resource or a replication slot, as a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) label: &'static str,
    pub(crate) value: String,
}

impl Finding {
    /// About the server as a whole.
    fn server(severity: Severity, concern: Concern, text: impl Into<String>) -> Self {
        Self {
            severity,
            scope: Scope::Server,
            subject: None,
            concern,
            part: None,
            text: text.into(),
            remedy: None,
        }
    }

    /// About one database, role or volume.
    fn of(
        scope: Scope,
        subject: &str,
        severity: Severity,
        concern: Concern,
        text: impl Into<String>,
    ) -> Self {
        Self {
            scope,
            subject: Some(subject.to_owned()),
            ..Self::server(severity, concern, text)
        }
    }

    fn with_part(self, label: &'static str, value: &str) -> Self {
        let value = value.to_owned();
        Self {
            part: Some(Part { label, value }),
            ..self
        }
    }

    fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }

    /// The backups cannot be read.
    pub(crate) fn of_backups(text: String) -> Self {
        Self::server(Severity::Unknown, Concern::Backup, text)
    }

    /// A server that does not answer or refuses connections.
    pub(crate) fn unreachable(severity: Severity, text: String) -> Self {
        Self::server(severity, Concern::Unreachable, text)
    }
}

/// The findings of one poll, worst first. A limit is reported for the object that it is set on: a full server gives one
/// finding, not one for each database. `sizes_failure` says why not all sizes were read.
pub(crate) fn findings(
    snapshot: &Snapshot,
    sizes_failure: Option<&str>,
    thresholds: Thresholds,
) -> Vec<Finding> {
    let mut findings = server::findings(snapshot, sizes_failure, thresholds);
    findings.extend(resources::findings(snapshot, thresholds));
    findings.extend(archiving::of_server(snapshot));
    findings.extend(declared::of_server(snapshot));
    for view in &snapshot.databases {
        findings.extend(connections::of_database(view, thresholds));
        findings.extend(connections::of_budget(view));
        findings.extend(sizes::of_database(view, thresholds));
        findings.extend(server::invalid(view));
        findings.extend(declared::of_database(view, snapshot.slots.ordinary));
    }
    for view in &snapshot.roles {
        findings.extend(connections::of_role(view, thresholds));
    }
    findings.retain(|finding| finding.severity > Severity::Ok);
    worst_first(&mut findings);
    findings
}

/// The configured storage of a server, of which databases, WAL and temporary files use this much.
pub(crate) fn of_configured_storage(
    used: u64,
    size: u64,
    thresholds: Thresholds,
) -> Option<Finding> {
    let finding = storage::of_size(used, size, thresholds);
    (finding.severity > Severity::Ok).then_some(finding)
}

/// The findings of one volume. They do not depend on a poll of PostgreSQL.
pub(crate) fn of_volume(volume: &Volume, thresholds: Thresholds) -> Vec<Finding> {
    let mut findings = storage::findings(volume, thresholds);
    findings.retain(|finding| finding.severity > Severity::Ok);
    findings
}

/// The findings of the poolers in front of a server. `snapshot` is None while PostgreSQL does not answer.
pub(crate) fn of_poolers(
    poolers: &[PoolerReading],
    snapshot: Option<&Snapshot>,
    thresholds: Thresholds,
) -> Vec<Finding> {
    let mut findings = poolers::findings(poolers, snapshot, thresholds);
    findings.retain(|finding| finding.severity > Severity::Ok);
    findings
}

/// The findings of the control group.
pub(crate) fn of_container(container: &Container, thresholds: Thresholds) -> Vec<Finding> {
    let mut findings = container::findings(container, thresholds);
    findings.retain(|finding| finding.severity > Severity::Ok);
    findings
}

pub(crate) fn worst_first(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
}

/// For people: `8.5 MiB`.
pub(crate) fn bytes(size: u64) -> String {
    bytesize::ByteSize::b(size).display().iec().to_string()
}
