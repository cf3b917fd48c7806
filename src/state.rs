//! What is published: every server as of its last poll, in one immutable value, with a place for the pages made of it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::health::{ConnectFailure, Health, Outcome};
use crate::snapshot::Snapshot;

/// Why there is no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// No poll has ended yet.
    Starting,
    Connect(ConnectFailure),
    Poll(Outcome),
}

impl Down {
    pub fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Connect(reason) => reason.label(),
            Self::Poll(outcome) => outcome.label(),
        }
    }
}

/// A page as it goes out, made when it is first asked for.
#[derive(Debug, Default)]
pub struct Page {
    pub plain: OnceLock<Bytes>,
    pub gzip: OnceLock<Bytes>,
}

/// One server, as of its last poll.
#[derive(Debug)]
pub struct Server {
    pub name: String,
    pub status: Result<Box<Snapshot>, Down>,
    pub health: Health,
    /// `/metrics?server=NAME`
    pub page: Page,
}

impl Server {
    pub fn new(name: String, status: Result<Box<Snapshot>, Down>, health: Health) -> Self {
        Self {
            name,
            status,
            health,
            page: Page::default(),
        }
    }
}

/// How the configuration was read last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reload {
    pub successful: bool,
    /// Seconds since the epoch.
    pub last_success: f64,
}

/// Everything that scrapers see.
#[derive(Debug)]
pub struct State {
    pub servers: Vec<Arc<Server>>,
    pub reload: Reload,
    /// `/metrics`
    pub page: Page,
}

impl State {
    pub fn new(servers: Vec<Arc<Server>>, reload: Reload) -> Self {
        Self {
            servers,
            reload,
            page: Page::default(),
        }
    }

    pub fn server(&self, name: &str) -> Option<&Arc<Server>> {
        self.servers.iter().find(|server| server.name == name)
    }

    /// The same with one server replaced. A server that is not there any more is not brought back.
    pub fn with(&self, server: Server) -> Self {
        let mut servers = self.servers.clone();
        if let Some(slot) = servers.iter_mut().find(|slot| slot.name == server.name) {
            *slot = Arc::new(server);
        }
        Self::new(servers, self.reload)
    }
}

pub type Publisher = tokio::sync::watch::Sender<Arc<State>>;
pub type Published = tokio::sync::watch::Receiver<Arc<State>>;
