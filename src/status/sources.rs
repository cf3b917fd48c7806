//! The health of the sources of one server: its jobs, each volume, each pooler and each database that is probed.

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
    /// For a probe, its database.
    pub(crate) datname: Option<String>,
    /// How the last poll ended; null: none has ended yet.
    pub(crate) last: Option<&'static str>,
    /// In seconds since the epoch.
    pub(crate) last_success: Option<f64>,
    /// How long the last poll took.
    pub(crate) seconds: Option<f64>,
}

impl SourceStatus {
    /// The name of the source where a server may have several.
    pub(crate) fn part(&self) -> Option<&String> {
        let parts = [&self.volume, &self.pooler, &self.datname];
        parts.into_iter().flatten().next()
    }
}

pub(super) fn of(server: &Server) -> Vec<SourceStatus> {
    let sources = server.sources();
    let jobs =
        sources.flat_map(|(of, health)| health.jobs().iter().map(move |job| source(of, job)));
    jobs.collect()
}

fn source(of: SourceLabels<'_>, job: &JobHealth) -> SourceStatus {
    let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    SourceStatus {
        poll: job.name,
        volume: name(of.volume),
        pooler: name(of.pooler),
        datname: name(of.datname),
        last: job.last.map(Outcome::label),
        last_success: job.last_success,
        seconds: job.duration.map(|took| took.as_secs_f64()),
    }
}
