//! An alert: one or several findings about the same problem of the same object, with the labels that Alertmanager groups and routes by.
//! Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::labels::{concern_label, concern_name, scope_label, scope_name, subject_label};
use crate::findings::{Concern, Finding, Scope, Severity};
use crate::outcome::ConnectFailure;
use crate::state::{Down, Server};

/// The label `severity`, as in the alerting rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Info,
    Warning,
    Critical,
}

impl Level {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// As the alerting rules judge it: an unknown state of a server is as urgent as one that is down, other unknown figures are not. A
    /// difference to the configuration is an advice.
    fn of(finding: &Finding) -> Self {
        match (finding.severity, finding.concern) {
            (Severity::Critical, _) | (Severity::Unknown, Concern::Unreachable) => Self::Critical,
            (_, Concern::Drift) | (Severity::Ok, _) => Self::Info,
            (Severity::Warning | Severity::Unknown, _) => Self::Warning,
        }
    }
}

/// Identifies an alert over time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AlertKey {
    pub(super) server: String,
    pub(super) scope: Scope,
    /// The database, role, volume or pooler.
    pub(super) subject: Option<String>,
    pub(super) concern: Concern,
    /// Which of several: a resource, a replication slot.
    pub(super) part: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alert {
    pub(super) key: AlertKey,
    pub(super) level: Level,
    pub(super) labels: BTreeMap<String, String>,
    /// A sentence for each finding.
    pub(super) text: String,
    /// SQL or a command to start with.
    pub(super) remedy: Option<String>,
    /// How long it must last, whatever a receiver asks for.
    pub(super) min_wait: Duration,
    /// All of its findings are unknown: its severity is not known now.
    pub(super) is_unknown: bool,
}

/// A server that restarts is away for so long, and a network for a moment.
const UNREACHABLE_WAIT: Duration = Duration::from_secs(30);
/// After a start, sizes and backups are unknown until they were read.
const UNKNOWN_WAIT: Duration = Duration::from_mins(5);

/// The alerts of one server. `labels` are those of the agent. None: the server was not polled yet.
pub(super) fn of_server(
    server: &Server,
    findings: &[Finding],
    labels: &BTreeMap<String, String>,
) -> Option<BTreeMap<AlertKey, Alert>> {
    if matches!(server.status, Err(Down::Starting)) {
        return None;
    }
    let mut alerts: BTreeMap<AlertKey, Alert> = BTreeMap::new();
    for finding in findings {
        let alert = of_finding(server, finding, labels);
        match alerts.get_mut(&alert.key) {
            Some(first) => first.add(alert),
            None => drop(alerts.insert(alert.key.clone(), alert)),
        }
    }
    Some(alerts)
}

impl Alert {
    /// Findings come worst first, so the labels and the remedy of the first one stay.
    fn add(&mut self, more: Self) {
        self.text = format!("{}\n{}", self.text, more.text);
        self.remedy = self.remedy.take().or(more.remedy);
        self.min_wait = self.min_wait.min(more.min_wait);
        self.is_unknown &= more.is_unknown;
        self.set_level(self.level.max(more.level));
    }

    pub(super) fn set_level(&mut self, level: Level) {
        self.level = level;
        let label = level.label().to_owned();
        self.labels.insert("severity".to_owned(), label);
    }
}

fn of_finding(server: &Server, finding: &Finding, own: &BTreeMap<String, String>) -> Alert {
    let key = AlertKey {
        server: server.name.clone(),
        scope: finding.scope,
        subject: finding.subject.clone(),
        concern: finding.concern,
        part: finding.part.as_ref().map(|part| part.value.clone()),
    };
    let mut labels = owner_labels(server, finding);
    labels.extend(own.clone());
    let name = format!(
        "Pgcommons{}{}",
        scope_name(key.scope),
        concern_name(key.concern)
    );
    labels.insert("alertname".to_owned(), name);
    labels.insert("server".to_owned(), key.server.clone());
    labels.insert("scope".to_owned(), scope_label(key.scope).to_owned());
    labels.insert("concern".to_owned(), concern_label(key.concern).to_owned());
    if let (Some(label), Some(subject)) = (subject_label(key.scope), &key.subject) {
        labels.insert(label.to_owned(), subject.clone());
    }
    if let Some(part) = &finding.part {
        labels.insert(part.label.to_owned(), part.value.clone());
    }
    let mut alert = Alert {
        min_wait: min_wait(server, finding),
        level: Level::Info,
        labels,
        text: finding.text.clone(),
        remedy: finding.remedy.clone(),
        is_unknown: finding.severity == Severity::Unknown,
        key,
    };
    alert.set_level(Level::of(finding));
    alert
}

/// The labels that are configured for the database, as those of `pgcommons_database_info`.
fn owner_labels(server: &Server, finding: &Finding) -> BTreeMap<String, String> {
    let subject = finding.subject.as_deref();
    let subject = subject.filter(|_| finding.scope == Scope::Database);
    let tenants = server.tenants.as_deref();
    let budget = subject
        .zip(tenants)
        .and_then(|(name, tenants)| tenants.budget(name));
    let Some(budget) = budget else {
        return BTreeMap::new();
    };
    let owner = budget
        .owner
        .clone()
        .map(|owner| ("owner".to_owned(), owner));
    budget.labels.clone().into_iter().chain(owner).collect()
}

fn min_wait(server: &Server, finding: &Finding) -> Duration {
    match (finding.concern, finding.severity) {
        (Concern::Unreachable, _) => match server.status {
            // Applications are refused, too.
            Err(Down::Connect(ConnectFailure::TooManyConnections)) => Duration::ZERO,
            _ => UNREACHABLE_WAIT,
        },
        (_, Severity::Unknown) => UNKNOWN_WAIT,
        (_, Severity::Ok | Severity::Warning | Severity::Critical) => Duration::ZERO,
    }
}

/// Whether the agent can tell now that a problem of this kind has ended. If not, its alert lasts.
pub(super) fn is_known(server: &Server, key: &AlertKey) -> bool {
    let snapshot = server.snapshot();
    let readings = snapshot.map(|snapshot| &snapshot.readings);
    match key.concern {
        // A pooler or a probe whose state is unknown has a finding that says so.
        Concern::Unreachable | Concern::Pooler | Concern::Probe => true,
        Concern::Memory => server.attached.container().is_some(),
        Concern::Backup => server.attached.backup_report().is_some() && snapshot.is_some(),
        Concern::Wal => readings.is_some_and(|readings| readings.slots.is_some()),
        Concern::Archiving => readings.is_some_and(|readings| readings.archive_queue.is_some()),
        Concern::Storage => match key.scope {
            // The same is true for a volume.
            Scope::Volume | Scope::Pooler => true,
            Scope::Server | Scope::Database | Scope::Role => {
                snapshot.is_some_and(|snapshot| snapshot.temporary.is_some())
            }
        },
        Concern::Privilege
        | Concern::Connections
        | Concern::Size
        | Concern::Resource
        | Concern::Budget
        | Concern::Pools
        | Concern::Drift
        | Concern::Crash
        | Concern::Invalid => snapshot.is_some(),
    }
}

/// What is silenced on a server, because a finding about the server as a whole explains it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Silence {
    is_full: bool,
    is_unreachable: bool,
}

impl Silence {
    /// `key` and `level` are of an alert that lasts.
    pub(super) fn add(&mut self, key: &AlertKey, level: Level) {
        let is_cause = key.scope == Scope::Server && level == Level::Critical;
        self.is_full |= is_cause && key.concern == Concern::Connections;
        self.is_unreachable |= is_cause && key.concern == Concern::Unreachable;
    }

    /// On a full server, tenants are without connections; while it does not answer, nothing is known of them.
    pub(super) fn covers(self, key: &AlertKey) -> bool {
        let is_tenant = matches!(key.scope, Scope::Database | Scope::Role);
        let is_about_connections = matches!(
            key.concern,
            Concern::Connections | Concern::Budget | Concern::Pools
        );
        is_tenant && (self.is_unreachable || (self.is_full && is_about_connections))
    }
}
