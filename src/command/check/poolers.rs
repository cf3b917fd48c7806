//! Polls the console of each configured pooler once, whether PostgreSQL answers or not.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use crate::config::{PoolerConfig, ServerConfig};
use crate::findings::{PoolerReading, Severity};
use crate::logging::chain;
use crate::outcome::ConnectFailure;
use crate::pooler::{PoolerTracker, PoolerView};
use crate::postgres::{Console, CredentialFiles, console_failure};

/// The keys of a pooler in `check --json`. Null: unknown.
#[derive(Debug, Serialize)]
pub(crate) struct PoolerReport {
    pub(crate) pooler: String,
    pub(crate) version: Option<String>,
    pub(crate) clients: Option<f64>,
    pub(crate) max_clients: Option<f64>,
    /// Clients that wait, of all databases of this server.
    pub(crate) waiting: Option<u32>,
    /// Why it is unknown.
    pub(crate) unknown: Option<String>,
}

/// Polls all concurrently, each within `poll.timeout`.
pub(super) async fn poll(server: &ServerConfig) -> Vec<PoolerReading> {
    futures_util::future::join_all(server.poolers().map(poll_one)).await
}

async fn poll_one(config: PoolerConfig) -> PoolerReading {
    PoolerReading {
        view: view(&config).await.map(Arc::new),
        name: config.pooler,
    }
}

async fn view(config: &PoolerConfig) -> Result<PoolerView, (Severity, String)> {
    let mut files = CredentialFiles::default();
    let console = Console::connect(&config.target, config.timeout, &mut files).await;
    let console = console.map_err(|error| {
        let severity = match console_failure(&error) {
            ConnectFailure::Refused | ConnectFailure::Timeout => Severity::Critical,
            _ => Severity::Unknown,
        };
        (severity, chain(&error))
    })?;
    let answer = timeout(config.timeout, console.ask(true)).await;
    let answer = answer.map_err(|_| {
        let limit = humantime::format_duration(config.timeout);
        (Severity::Critical, format!("no answer within {limit}"))
    })?;
    let answer = answer.map_err(|error| (Severity::Unknown, chain(&error)))?;
    let mut tracker = PoolerTracker::default();
    Ok(tracker.observe(answer, &config.server_hosts, Duration::ZERO, config.window))
}

pub(super) fn report(pooler: &PoolerReading) -> PoolerReport {
    let view = pooler.view.as_ref().ok();
    let clients = view.and_then(|view| view.clients());
    let waiting = view.filter(|view| view.ceilings.is_some());
    PoolerReport {
        pooler: pooler.name.clone(),
        version: view.map(|view| view.settings.version.clone()),
        clients: clients.map(|(used, _)| used),
        max_clients: clients.map(|(_, limit)| limit),
        waiting: waiting.map(|view| view.queues.values().map(|queue| queue.waiting).sum()),
        unknown: pooler.view.as_ref().err().map(|(_, why)| why.clone()),
    }
}
