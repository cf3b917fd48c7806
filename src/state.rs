//! What is published: one immutable value with every server as of its last poll, the sources that are attached to it, and the
//! pages that are written from it.

mod attached;

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::backups::Coverage;
use crate::crashes::Crashes;
use crate::health::Health;
use crate::outcome::{ConnectFailure, Outcome};
use crate::resources::Storage;
use crate::sample::ProcessId;
use crate::series::tenants::TenantSet;
use crate::snapshot::{DatabaseView, RoleView, Snapshot};

use attached::is_past;
pub(crate) use attached::{Attached, Attachment, SourceLabels};

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
    pub(crate) status: Result<Arc<LazySnapshot>, Down>,
    pub(crate) health: Health,
    /// Sources beside PostgreSQL itself. They do not depend on `status`.
    pub(crate) attached: Arc<Attached>,
    /// Known while the server is down, too.
    pub(crate) crashes: Crashes,
    /// The databases of the last successful poll, also while the server is down.
    pub(crate) tenants: Option<Arc<TenantSet>>,
    /// Built on the first request, as `page`.
    coverage: OnceLock<Option<Coverage>>,
    /// The last that was found in `/proc`. It may have ended.
    pub(crate) postmaster: Option<ProcessId>,
    /// Until when `status` is current. The poller extends it when it begins a poll in time. None: until it is replaced.
    current_until: Option<watch::Receiver<Instant>>,
    /// `/metrics?server=NAME`
    pub(crate) page: Page,
}

impl Server {
    pub(crate) fn new(
        name: String,
        status: Result<Arc<LazySnapshot>, Down>,
        health: Health,
    ) -> Self {
        Self {
            name,
            status,
            health,
            attached: Arc::default(),
            crashes: Crashes::default(),
            tenants: None,
            coverage: OnceLock::new(),
            postmaster: None,
            current_until: None,
            page: Page::default(),
        }
    }

    pub(crate) fn current_until(mut self, until: watch::Receiver<Instant>) -> Self {
        self.current_until = Some(until);
        self
    }

    /// The same server with other readings of its attached sources.
    pub(crate) fn with_attached(&self, attached: Arc<Attached>) -> Self {
        Self {
            name: self.name.clone(),
            status: self.status.clone(),
            health: self.health.clone(),
            attached,
            crashes: self.crashes,
            tenants: self.tenants.clone(),
            coverage: OnceLock::new(),
            postmaster: self.postmaster,
            current_until: self.current_until.clone(),
            page: Page::default(),
        }
    }

    pub(crate) fn with_crashes(self, crashes: Crashes) -> Self {
        Self { crashes, ..self }
    }

    pub(crate) fn with_tenants(self, tenants: Option<Arc<TenantSet>>) -> Self {
        Self { tenants, ..self }
    }

    pub(crate) fn with_postmaster(self, postmaster: Option<ProcessId>) -> Self {
        Self { postmaster, ..self }
    }

    fn has_expired(&self, now: Instant) -> bool {
        self.status.is_ok() && is_past(self.current_until.as_ref(), now)
    }

    /// The same server without what has expired.
    fn as_of(&self, now: Instant) -> Self {
        let mut attached = Arc::clone(&self.attached);
        if attached.has_expired(now) {
            Arc::make_mut(&mut attached).expire(now);
        }
        let mut server = self.with_attached(attached);
        if self.has_expired(now) {
            server.status = Err(Down::Poll(Outcome::Timeout));
        }
        server
    }

    /// The health of PostgreSQL and of each attached source, with their labels.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (SourceLabels<'_>, &Health)> {
        let postgresql = (SourceLabels::default(), &self.health);
        std::iter::once(postgresql).chain(self.attached.health())
    }

    /// The snapshot of the last poll; None while the server is down.
    pub(crate) fn snapshot(&self) -> Option<&Snapshot> {
        let snapshot = self.status.as_deref().ok()?;
        Some(snapshot)
    }

    /// What is known about its storage: measured figures do not depend on PostgreSQL.
    pub(crate) fn storage(&self) -> Storage<'_> {
        let snapshot = self.snapshot();
        Storage {
            parts: snapshot
                .map(|snapshot| snapshot.storage)
                .unwrap_or_default(),
            size: self.attached.storage_size,
            volumes: self.attached.all_volumes().collect(),
        }
    }

    /// The backups compared with the databases. None: backups are not configured, or one of the two is not known completely.
    pub(crate) fn backup_coverage(&self) -> Option<&Coverage> {
        let coverage = self.coverage.get_or_init(|| {
            let tenants = self.tenants.as_ref().filter(|_| self.status.is_ok())?;
            let report = self.attached.backup_report()?;
            let all = tenants.catalogue.databases.iter();
            let needed: HashSet<&str> = tenants.to_back_up().collect();
            report.coverage(all.map(|row| &*row.name), |name| needed.contains(name))
        });
        coverage.as_ref()
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
        let has_expired =
            |server: &Arc<Server>| server.has_expired(now) || server.attached.has_expired(now);
        if !self.servers.iter().any(has_expired) {
            return self;
        }
        let fresh = |server: &Arc<Server>| {
            if has_expired(server) {
                Arc::new(server.as_of(now))
            } else {
                Arc::clone(server)
            }
        };
        Arc::new(Self::new(
            self.servers.iter().map(fresh).collect(),
            self.reload,
        ))
    }

    /// The same state after a poll of PostgreSQL. The readings of attached sources are kept.
    pub(crate) fn with(&self, mut polled: Server) -> Self {
        let name = polled.name.clone();
        self.replace(&name, |server| {
            polled.attached = Arc::clone(&server.attached);
            polled
        })
    }

    /// The same state after a poll of an attached source.
    pub(crate) fn with_attached(&self, name: &str, change: impl FnOnce(&mut Attached)) -> Self {
        self.replace(name, |server| {
            let mut attached = Attached::clone(&server.attached);
            change(&mut attached);
            server.with_attached(Arc::new(attached))
        })
    }

    /// A server that was removed is not added again.
    fn replace(&self, name: &str, change: impl FnOnce(&Server) -> Server) -> Self {
        let mut servers = self.servers.clone();
        if let Some(slot) = servers.iter_mut().find(|slot| slot.name == name) {
            *slot = Arc::new(change(slot));
        }
        Self::new(servers, self.reload)
    }
}

pub(crate) type Publisher = watch::Sender<Arc<State>>;
pub(crate) type Published = watch::Receiver<Arc<State>>;

#[cfg(test)]
mod tests;
