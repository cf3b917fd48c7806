//! The health of the sources of one server: its jobs, and each volume.

use serde::Serialize;

use crate::health::JobHealth;
use crate::outcome::Outcome;
use crate::state::{Server, SourceLabels};

/// One job of one source.
#[derive(Debug, Serialize)]
pub(crate) struct SourceStatus {
    /// The label `poll` of the agent's metrics.
    pub(crate) poll: &'static str,
    /// For a volume, its name.
    pub(crate) volume: Option<String>,
    /// For a pooler, its name.
    pub(crate) pooler: Option<String>,
    /// How the last poll ended; null: none has ended yet.
    pub(crate) last: Option<&'static str>,
    /// In seconds since the epoch.
    pub(crate) last_success: Option<f64>,
    /// How long the last poll took.
    pub(crate) seconds: Option<f64>,
}

pub(super) fn of(server: &Server) -> Vec<SourceStatus> {
    let sources = server.sources();
    let jobs = sources
        .flat_map(|(labels, health)| health.jobs().iter().map(move |job| source(labels, job)));
    jobs.collect()
}

fn source(labels: SourceLabels<'_>, job: &JobHealth) -> SourceStatus {
    SourceStatus {
        poll: job.name,
        volume: named(labels.volume),
        pooler: named(labels.pooler),
        last: job.last.map(Outcome::label),
        last_success: job.last_success,
        seconds: job.duration.map(|took| took.as_secs_f64()),
    }
}

fn named(label: &str) -> Option<String> {
    (!label.is_empty()).then(|| label.to_owned())
}
