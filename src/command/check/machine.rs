//! Looks once at the machine of a server, if that is configured: whether its processes are visible, and its control group.

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

use super::poll::{NotRead, no_answer};
use crate::config::ServerConfig;
use crate::host::{self, ContainerMeter, HostQuestion};
use crate::logging::chain;
use crate::postgres::Session;
use crate::sample::{Container, ProcessId};

/// What the look found.
#[derive(Debug, Default)]
pub(super) struct MachineLook {
    /// None: not configured, or not readable.
    pub(super) container: Option<Container>,
    pub(super) not_read: Vec<NotRead>,
}

/// The keys of the control group in `check --json`. Null: unknown, or there is no such limit.
#[derive(Debug, Serialize)]
pub(crate) struct ContainerReport {
    pub(crate) memory_limit_bytes: Option<u64>,
    pub(crate) memory_used_bytes: Option<u64>,
    pub(crate) memory_anonymous_bytes: Option<u64>,
    pub(crate) memory_shared_bytes: Option<u64>,
    pub(crate) oom_kills: Option<u64>,
    pub(crate) cpu_limit_cores: Option<f64>,
    pub(crate) cpu_throttled_seconds: Option<f64>,
}

impl ContainerReport {
    pub(super) fn of(container: &Container) -> Self {
        let memory = &container.memory;
        Self {
            memory_limit_bytes: memory.limit,
            memory_used_bytes: memory.used,
            memory_anonymous_bytes: memory.anonymous,
            memory_shared_bytes: memory.shared,
            oom_kills: memory.oom_kills,
            cpu_limit_cores: container.cpu_limit,
            cpu_throttled_seconds: container.throttling.map(|it| it.throttled_seconds),
        }
    }
}

/// What cannot be read is a note and no finding: its series are absent.
pub(super) async fn look(
    server: &ServerConfig,
    session: &Session,
    deadline: Duration,
) -> MachineLook {
    let mut look = MachineLook::default();
    if !server.host.is_used() {
        return look;
    }
    let postmaster = match postmaster(session, deadline).await {
        Ok(postmaster) => postmaster,
        Err(error) => {
            look.not_read.push(NotRead {
                poll: "processes",
                error,
            });
            return look;
        }
    };
    if let Some(config) = server.container() {
        let mut meter = ContainerMeter::default();
        match meter.measure(&config.tree, postmaster, deadline).await {
            Ok(container) => look.container = Some(container),
            Err(error) => look.not_read.push(NotRead {
                poll: "container",
                error: chain(&error),
            }),
        }
    }
    look
}

async fn postmaster(session: &Session, deadline: Duration) -> Result<ProcessId, String> {
    let asked = host::boot_clock();
    let listed = timeout(deadline, session.processes(deadline)).await;
    let listed = listed.map_err(|_| no_answer(deadline))?;
    let listed = listed.map_err(|error| chain(&error))?;
    let question = HostQuestion::default();
    let looked = host::look(session.backend(), &question, &listed, asked);
    let reading = looked.map_err(|error| chain(&error))?;
    Ok(reading.server.postmaster)
}
