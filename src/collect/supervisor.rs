//! The pollers of all servers, each in a task of its own: one that hangs costs the others nothing. Follows the
//! configuration; a server that stays keeps its session and its memory.

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
    members: BTreeMap<String, Member>,
    tasks: JoinSet<Infallible>,
}

struct Member {
    config: watch::Sender<Arc<ServerConfig>>,
    task: AbortHandle,
}

impl Supervisor {
    /// With what it will publish.
    pub(crate) fn new(reload: Reload) -> (Self, Published) {
        let (publisher, state) = watch::channel(Arc::new(State::new(Vec::new(), reload)));
        let fleet = Self {
            publisher,
            members: BTreeMap::new(),
            tasks: JoinSet::new(),
        };
        (fleet, state)
    }

    /// Starts, stops and reconfigures, so that exactly these servers are watched.
    pub(crate) fn follow(&mut self, servers: Vec<ServerConfig>, reload: Reload) {
        self.members.retain(|name, member| {
            let stays = servers.iter().any(|server| server.name == *name);
            if !stays {
                member.task.abort();
            }
            stays
        });
        self.publish(&servers, reload);
        for server in servers {
            self.follow_one(server);
        }
    }

    fn follow_one(&mut self, server: ServerConfig) {
        let name = server.name.clone();
        if let Some(member) = self.members.get(&name) {
            member.config.send_if_modified(|old| {
                let changed = **old != server;
                *old = Arc::new(server);
                changed
            });
            return;
        }
        let (config, watched) = watch::channel(Arc::new(server));
        let poller = Poller::<ServerSource>::new(watched, self.publisher.clone());
        let task = self.tasks.spawn(poller.run());
        self.members.insert(name, Member { config, task });
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

    /// How the configuration was read, when nothing else about it has changed.
    pub(crate) fn note(&self, reload: Reload) {
        self.publisher
            .send_modify(|state| *state = Arc::new(State::new(state.servers.clone(), reload)));
    }

    /// Waits for a poller that ends by itself, which none should. Never ready while all is well.
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

    fn fleet() -> Supervisor {
        let reload = Reload {
            successful: true,
            last_success: 0.0,
        };
        Supervisor::new(reload).0
    }

    #[tokio::test]
    async fn a_poller_that_panics_is_noticed() {
        let mut fleet = fleet();
        fleet.tasks.spawn(async { panic!("out of luck") });
        let error = fleet.failure().await;
        assert!(error.is_panic(), "{error}");
    }

    #[tokio::test]
    async fn a_poller_that_is_stopped_is_no_failure() {
        let mut fleet = fleet();
        fleet.tasks.spawn(std::future::pending()).abort();
        let waited =
            tokio::time::timeout(std::time::Duration::from_millis(100), fleet.failure()).await;
        assert!(waited.is_err(), "{waited:?}");
        assert!(fleet.tasks.is_empty());
    }
}
