//! The pollers of all sources: the servers, and what is attached to them. Applies changes of the configuration; a source that
//! is in the old and the new one keeps its session, its history and its health.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::JOBS;
use super::attached::attached;
use super::backups::BackupSource;
use super::container::ContainerSource;
use super::pollers::{Channels, Pollers};
use super::pooler::PoolerSource;
use super::probe::ProbeSource;
use super::server::ServerSource;
use super::volume::VolumeSource;
use crate::config::ServerConfig;
use crate::health::Health;
use crate::process;
use crate::scrapes::Scrapes;
use crate::state::{Down, Published, Reload, Server, State};

pub(crate) struct Supervisor {
    channels: Channels,
    servers: Pollers<ServerSource>,
    volumes: Pollers<VolumeSource>,
    poolers: Pollers<PoolerSource>,
    probes: Pollers<ProbeSource>,
    backups: Pollers<BackupSource>,
    containers: Pollers<ContainerSource>,
    tasks: JoinSet<Infallible>,
}

impl Supervisor {
    /// Also returns the receiver of what the pollers will publish. `scrapes`: when the pages are asked for.
    pub(crate) fn new(reload: Reload, scrapes: watch::Receiver<Scrapes>) -> (Self, Published) {
        let (publisher, state) = watch::channel(Arc::new(State::new(Vec::new(), reload)));
        let supervisor = Self {
            channels: Channels { publisher, scrapes },
            servers: Pollers::default(),
            volumes: Pollers::default(),
            poolers: Pollers::default(),
            probes: Pollers::default(),
            backups: Pollers::default(),
            containers: Pollers::default(),
            tasks: JoinSet::new(),
        };
        (supervisor, state)
    }

    /// Starts, stops and reconfigures pollers, so that exactly these servers and their attached sources are polled.
    pub(crate) fn apply(&mut self, servers: Vec<ServerConfig>, reload: Reload) {
        self.publish(&servers, reload);
        let (tasks, channels) = (&mut self.tasks, &self.channels);
        let volumes = servers.iter().flat_map(ServerConfig::volumes).collect();
        self.volumes.apply(volumes, tasks, channels);
        let poolers = servers.iter().flat_map(ServerConfig::poolers).collect();
        self.poolers.apply(poolers, tasks, channels);
        let probes = servers.iter().filter_map(ServerConfig::probes).collect();
        self.probes.apply(probes, tasks, channels);
        let backups = servers.iter().filter_map(ServerConfig::backup_source);
        self.backups.apply(backups.collect(), tasks, channels);
        let containers = servers.iter().filter_map(ServerConfig::container).collect();
        self.containers.apply(containers, tasks, channels);
        self.servers.apply(servers, tasks, channels);
    }

    /// What was published of these servers and their attached sources is kept.
    fn publish(&self, servers: &[ServerConfig], reload: Reload) {
        self.channels.publisher.send_modify(|state| {
            let starting = |name: &str| {
                let down = Err(Down::Starting);
                Arc::new(Server::new(name.to_owned(), down, Health::of(&JOBS)))
            };
            let keep = |config: &ServerConfig| {
                let server = state.server(&config.name).cloned();
                let server = server.unwrap_or_else(|| starting(&config.name));
                let attached = attached(config, &server.attached);
                Arc::new(server.with_attached(Arc::new(attached)))
            };
            *state = Arc::new(State::new(servers.iter().map(keep).collect(), reload));
        });
    }

    /// Publishes how the configuration was read, when the servers have not changed.
    pub(crate) fn set_reload(&self, reload: Reload) {
        self.channels
            .publisher
            .send_modify(|state| *state = Arc::new(State::new(state.servers.clone(), reload)));
    }

    /// Waits for a poller that ends by itself, which is a bug. Pending while all pollers run.
    pub(crate) async fn failure(&mut self) -> JoinError {
        process::task_failure(&mut self.tasks).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supervisor() -> Supervisor {
        let reload = Reload {
            successful: true,
            last_success: 0.0,
        };
        let scrapes = watch::channel(Scrapes::default()).1;
        Supervisor::new(reload, scrapes).0
    }

    #[tokio::test]
    async fn a_poller_that_panics_is_reported() {
        let mut supervisor = supervisor();
        supervisor.tasks.spawn(async { panic!("a bug") });
        let error = supervisor.failure().await;
        assert!(error.is_panic(), "{error}");
    }

    #[tokio::test]
    async fn a_poller_that_is_stopped_is_no_failure() {
        let mut supervisor = supervisor();
        supervisor.tasks.spawn(std::future::pending()).abort();
        let waited =
            tokio::time::timeout(std::time::Duration::from_millis(100), supervisor.failure()).await;
        assert!(waited.is_err(), "{waited:?}");
        assert!(supervisor.tasks.is_empty());
    }
}
