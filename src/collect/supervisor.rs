//! The pollers of all servers, each in its own task: one that hangs does not delay the others. Applies changes of the
//! configuration; a server that is in the old and the new one keeps its session and its history.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::JOBS;
use super::poller::Poller;
use super::server::ServerSource;
use crate::config::ServerConfig;
use crate::health::Health;
use crate::state::{Down, Published, Publisher, Reload, Server, State};

pub(crate) struct Supervisor {
    publisher: Publisher,
    pollers: BTreeMap<String, PollerTask>,
    tasks: JoinSet<Infallible>,
}

struct PollerTask {
    config: watch::Sender<Arc<ServerConfig>>,
    task: AbortHandle,
}

impl Supervisor {
    /// Also returns the receiver of what the pollers will publish.
    pub(crate) fn new(reload: Reload) -> (Self, Published) {
        let (publisher, state) = watch::channel(Arc::new(State::new(Vec::new(), reload)));
        let supervisor = Self {
            publisher,
            pollers: BTreeMap::new(),
            tasks: JoinSet::new(),
        };
        (supervisor, state)
    }

    /// Starts, stops and reconfigures pollers, so that exactly these servers are polled.
    pub(crate) fn apply(&mut self, servers: Vec<ServerConfig>, reload: Reload) {
        self.pollers.retain(|name, poller| {
            let stays = servers.iter().any(|server| server.name == *name);
            if !stays {
                poller.task.abort();
            }
            stays
        });
        self.publish(&servers, reload);
        for server in servers {
            self.apply_one(server);
        }
    }

    fn apply_one(&mut self, server: ServerConfig) {
        let name = server.name.clone();
        if let Some(poller) = self.pollers.get(&name) {
            poller.config.send_if_modified(|old| {
                let changed = **old != server;
                *old = Arc::new(server);
                changed
            });
            return;
        }
        let (config, watched) = watch::channel(Arc::new(server));
        let poller = Poller::<ServerSource>::new(watched, self.publisher.clone());
        let task = self.tasks.spawn(poller.run());
        self.pollers.insert(name, PollerTask { config, task });
    }

    fn publish(&self, servers: &[ServerConfig], reload: Reload) {
        self.publisher.send_modify(|state| {
            let starting = |name: &str| {
                Arc::new(Server::new(
                    name.to_owned(),
                    Err(Down::Starting),
                    Health::of(&JOBS),
                ))
            };
            let keep = |server: &ServerConfig| {
                state
                    .server(&server.name)
                    .cloned()
                    .unwrap_or_else(|| starting(&server.name))
            };
            *state = Arc::new(State::new(servers.iter().map(keep).collect(), reload));
        });
    }

    /// Publishes how the configuration was read, when the servers have not changed.
    pub(crate) fn set_reload(&self, reload: Reload) {
        self.publisher
            .send_modify(|state| *state = Arc::new(State::new(state.servers.clone(), reload)));
    }

    /// Waits for a poller that ends by itself, which is a bug. Pending while all pollers run.
    pub(crate) async fn failure(&mut self) -> JoinError {
        loop {
            match self.tasks.join_next().await {
                Some(Err(error)) if !error.is_cancelled() => return error,
                Some(Err(_)) => {}
                Some(Ok(never)) => match never {},
                None => std::future::pending().await,
            }
        }
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
        Supervisor::new(reload).0
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
