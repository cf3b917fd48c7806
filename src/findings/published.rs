//! The findings of one server as it is published: those of its last poll or why there is none, and those of its storage. A
//! function of the state. The live page and the API show them; a notifier can send them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{BackupAge, Concern, Finding, Severity, Thresholds, backup_findings, findings, remedy};
use super::{
    PoolerReading, ProbeReading, of_configured_storage, of_container, of_poolers, of_probes,
    of_volume, worst_first,
};
use crate::backups::SubjectReport;
use crate::outcome::{ConnectFailure, Outcome};
use crate::pooler::PoolerView;
use crate::probe::ProbeView;
use crate::sample::Volume;
use crate::state::{Attachment, Down, Server};

/// Worst first. A server that was not polled yet has one finding, which is unknown. `now`: seconds since the epoch.
pub(crate) fn of_published(server: &Server, thresholds: Thresholds, now: f64) -> Vec<Finding> {
    let mut all = match server.status.as_deref() {
        Ok(snapshot) => findings(snapshot, None, thresholds),
        Err(down) => vec![of_down(*down)],
    };
    let storage = server.storage();
    let configured = storage.parts.total().zip(storage.size);
    all.extend(configured.and_then(|(used, size)| of_configured_storage(used, size, thresholds)));
    for (name, volume) in &server.attached.volumes {
        let space = match &volume.reading {
            Ok(space) => Ok(*space),
            Err(Down::Starting) => continue,
            Err(down) => Err(down.label().to_owned()),
        };
        let name = name.clone();
        all.extend(of_volume(&Volume { name, space }, thresholds));
    }
    if let Some(container) = server.attached.container() {
        all.extend(of_container(container, thresholds));
    }
    let poolers: Vec<_> = server.attached.poolers.iter().filter_map(pooler).collect();
    all.extend(of_poolers(&poolers, server.snapshot(), thresholds));
    let probes: Vec<_> = server.attached.probes.iter().filter_map(probe).collect();
    all.extend(of_probes(&probes));
    all.extend(of_backups(server, now));
    worst_first(&mut all);
    all
}

/// None: it was not polled yet.
fn pooler((name, pooler): (&String, &Arc<Attachment<Arc<PoolerView>>>)) -> Option<PoolerReading> {
    let view = match &pooler.reading {
        Ok(view) => Ok(Arc::clone(view)),
        Err(Down::Starting) => return None,
        Err(down) => Err((of_down(*down).severity, down.label().to_owned())),
    };
    let name = name.clone();
    Some(PoolerReading { name, view })
}

/// None: it was not probed yet.
fn probe((name, probe): (&String, &Arc<Attachment<Arc<ProbeView>>>)) -> Option<ProbeReading> {
    let view = match &probe.reading {
        Ok(view) => Ok(Arc::clone(view)),
        Err(Down::Starting) => return None,
        Err(down) => Err(down.label().to_owned()),
    };
    let datname = name.clone();
    Some(ProbeReading { datname, view })
}

fn of_backups(server: &Server, now: f64) -> Vec<Finding> {
    let Some(backups) = &server.attached.backups else {
        return Vec::new();
    };
    match &backups.reading {
        Ok(report) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the wall clock is far below"
            )]
            let now = now as i64;
            let known = max_ages(server);
            let own = |name: &str| match &known {
                Some(known) => known.get(name).copied(),
                None => Some(None),
            };
            // A file that is still to be read is not judged.
            let age = |subject: &SubjectReport| {
                let subject = Some(subject).filter(|it| !it.is_unread)?;
                BackupAge::for_subject(subject, now, own)
            };
            backup_findings(report, server.backup_coverage(), age)
        }
        Err(Down::Starting) => Vec::new(),
        Err(down) => {
            let why = down.label().replace('_', " ");
            let text = format!("the directories of backups cannot be listed: {why}");
            vec![Finding::of_backups(text)]
        }
    }
}

/// `backup_max_age` of the budget of each database that exists. None: it is not known which exist.
fn max_ages(server: &Server) -> Option<HashMap<&str, Option<Duration>>> {
    let tenants = server.tenants.as_deref()?;
    let all = tenants.catalogue.databases.iter();
    let mut ages: HashMap<_, _> = all.map(|row| (&*row.name, None)).collect();
    for tenant in &tenants.databases {
        let own = tenant.budget.as_ref().and_then(|it| it.backup_max_age);
        ages.insert(&*tenant.row.name, own);
    }
    Some(ages)
}

/// As in `check`: critical if PostgreSQL refuses applications too, unknown if they may work.
fn of_down(down: Down) -> Finding {
    let (severity, text) = match down {
        Down::Starting => (Severity::Unknown, "the agent has not polled the server yet"),
        Down::Connect(reason) => of_failed_connect(reason),
        Down::Poll(outcome) => of_failed_poll(outcome),
    };
    let finding = Finding::server(severity, Concern::Unreachable, text);
    if down == Down::Starting {
        finding
    } else {
        finding.with_remedy(remedy::CHECK)
    }
}

fn of_failed_connect(reason: ConnectFailure) -> (Severity, &'static str) {
    use Severity::{Critical, Unknown};
    match reason {
        ConnectFailure::TooManyConnections => (
            Critical,
            "no connection is left for the agent: the server or the agent's role is at its limit",
        ),
        ConnectFailure::Refused => (Critical, "no process answers at the address of the server"),
        ConnectFailure::StartingUp => (
            Critical,
            "the server is starting up, shutting down or in recovery",
        ),
        ConnectFailure::OutOfMemory => (Critical, "the server has no memory for a session"),
        ConnectFailure::Credentials => (
            Unknown,
            "the agent cannot read its password file or certificates",
        ),
        ConnectFailure::Dns => (Unknown, "the host name of the server cannot be resolved"),
        ConnectFailure::Timeout => (Unknown, "the server does not answer a login in time"),
        ConnectFailure::Tls => (Unknown, "the TLS handshake with the server fails"),
        ConnectFailure::Auth => (Unknown, "the server refuses the login of the agent"),
        ConnectFailure::Database => (
            Unknown,
            "the database that the agent connects to does not exist or is invalid",
        ),
        ConnectFailure::Pooler => (
            Unknown,
            "a connection pooler is between the agent and the server",
        ),
        ConnectFailure::Other => (Unknown, "the agent cannot connect"),
    }
}

fn of_failed_poll(outcome: Outcome) -> (Severity, &'static str) {
    use Severity::{Critical, Unknown};
    match outcome {
        Outcome::Lost => (Critical, "the session of the agent was lost"),
        Outcome::OutOfMemory => (Critical, "the server has no memory for the agent's poll"),
        Outcome::Timeout => (Unknown, "the server did not answer the last poll in time"),
        Outcome::Denied => (Unknown, "the server refuses the agent's poll"),
        Outcome::Error | Outcome::Ok => {
            (Unknown, "the server answered the last poll with an error")
        }
    }
}
