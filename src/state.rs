//! What is published: one immutable value with every server as of its last poll, and the pages that are written from it.

use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::crashes::Crashes;
use crate::health::Health;
use crate::outcome::{ConnectFailure, Outcome};
use crate::snapshot::{DatabaseView, RoleView, Snapshot};

/// Why there is no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Down {
    /// No poll has ended yet.
    Starting,
    Connect(ConnectFailure),
    Poll(Outcome),
}

impl Down {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Connect(reason) => reason.label(),
            Self::Poll(outcome) => outcome.label(),
        }
    }
}

/// A page in both encodings, written on the first request for it.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) plain: OnceLock<Bytes>,
    pub(crate) gzip: OnceLock<Bytes>,
}

/// Built on the first scrape, because most polls are never scraped.
pub(crate) type LazySnapshot = LazyLock<Snapshot, Box<dyn FnOnce() -> Snapshot + Send>>;

/// One server, as of its last poll.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) status: Result<Box<LazySnapshot>, Down>,
    pub(crate) health: Health,
    /// Known while the server is down, too.
    pub(crate) crashes: Crashes,
    /// Until when `status` is current. The poller extends it when it begins a poll in time. None: until it is replaced.
    current_until: Option<watch::Receiver<Instant>>,
    /// `/metrics?server=NAME`
    pub(crate) page: Page,
}

impl Server {
    pub(crate) fn new(
        name: String,
        status: Result<Box<LazySnapshot>, Down>,
        health: Health,
    ) -> Self {
        Self {
            name,
            status,
            health,
            crashes: Crashes::default(),
            current_until: None,
            page: Page::default(),
        }
    }

    pub(crate) fn current_until(mut self, until: watch::Receiver<Instant>) -> Self {
        self.current_until = Some(until);
        self
    }

    pub(crate) fn with_crashes(self, crashes: Crashes) -> Self {
        Self { crashes, ..self }
    }

    fn has_expired(&self, now: Instant) -> bool {
        let until = self.current_until.as_ref().map(|until| *until.borrow());
        self.status.is_ok() && until.is_some_and(|until| until < now)
    }

    /// The snapshot of the last poll; None while the server is down.
    pub(crate) fn snapshot(&self) -> Option<&Snapshot> {
        let snapshot = self.status.as_deref().ok()?;
        Some(snapshot)
    }

    pub(crate) fn databases(&self) -> &[DatabaseView] {
        self.snapshot().map_or(&[], |snapshot| &snapshot.databases)
    }

    pub(crate) fn roles(&self) -> &[RoleView] {
        self.snapshot().map_or(&[], |snapshot| &snapshot.roles)
    }
}

/// The result of the last reload of the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reload {
    pub(crate) successful: bool,
    /// Seconds since the epoch.
    pub(crate) last_success: f64,
}

/// All that scrapers see.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) servers: Vec<Arc<Server>>,
    pub(crate) reload: Reload,
    /// `/metrics`
    pub(crate) page: Page,
}

impl State {
    pub(crate) fn new(servers: Vec<Arc<Server>>, reload: Reload) -> Self {
        Self {
            servers,
            reload,
            page: Page::default(),
        }
    }

    pub(crate) fn server(&self, name: &str) -> Option<&Arc<Server>> {
        self.servers.iter().find(|server| server.name == name)
    }

    /// The state as of `now`. A process that was stopped (SIGSTOP) may be scraped before its pollers run again: a server whose
    /// next poll is overdue is shown as `timeout`, not with its old figures.
    pub(crate) fn as_of(self: Arc<Self>, now: Instant) -> Arc<Self> {
        if !self.servers.iter().any(|server| server.has_expired(now)) {
            return self;
        }
        let fresh = |server: &Arc<Server>| {
            if !server.has_expired(now) {
                return Arc::clone(server);
            }
            let timeout = Err(Down::Poll(Outcome::Timeout));
            let expired = Server::new(server.name.clone(), timeout, server.health.clone());
            Arc::new(expired.with_crashes(server.crashes))
        };
        Arc::new(Self::new(
            self.servers.iter().map(fresh).collect(),
            self.reload,
        ))
    }

    /// The same state with one server replaced. A server that was removed is not added again.
    pub(crate) fn with(&self, server: Server) -> Self {
        let mut servers = self.servers.clone();
        if let Some(slot) = servers.iter_mut().find(|slot| slot.name == server.name) {
            *slot = Arc::new(server);
        }
        Self::new(servers, self.reload)
    }
}

pub(crate) type Publisher = watch::Sender<Arc<State>>;
pub(crate) type Published = watch::Receiver<Arc<State>>;

#[cfg(test)]
mod tests;
