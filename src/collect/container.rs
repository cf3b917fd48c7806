//! The control group of a server as a source: one job, which reads its files. It goes on while PostgreSQL is down, because its
//! group may have killed it.

use std::sync::Arc;
use std::time::Duration;

use super::source::{LogMessages, PollTiming, Publication, Session, Source, SourceId};
use crate::config::ContainerConfig;
use crate::host::{ContainerMeter, HostError};
use crate::outcome::{ConnectFailure, Failed, Outcome};
use crate::sample::{Container, ProcessId};
use crate::state::{Publisher, State};

pub(super) struct ContainerSource {
    config: Arc<ContainerConfig>,
    /// By which the group is found; None: the server has not found it yet.
    postmaster: Option<ProcessId>,
    /// The last reading; None: there was none yet.
    container: Option<Container>,
}

pub(super) struct ContainerSession {
    config: Arc<ContainerConfig>,
    meter: ContainerMeter,
}

impl Session for ContainerSession {
    type Question = ProcessId;
    type Answer = Container;

    /// Gives up before the poller does: the poller would then close this session, and the next one would begin another
    /// read beside the one that hangs.
    async fn ask(
        &mut self,
        postmaster: &ProcessId,
        limit: Duration,
    ) -> Result<Container, Failed<Outcome>> {
        let tree = &self.config.tree;
        let measured = self.meter.measure(tree, *postmaster, limit * 4 / 5).await;
        measured.map_err(|error| Failed {
            why: match error {
                HostError::Timeout(_) => Outcome::Timeout,
                HostError::NotVisible { .. }
                | HostError::OtherProcess { .. }
                | HostError::Unreadable { .. }
                | HostError::Malformed { .. }
                | HostError::NoGroup { .. }
                | HostError::RootGroup
                | HostError::Ended => Outcome::Error,
            },
            error: error.into(),
        })
    }
}

impl Source for ContainerSource {
    type Config = ContainerConfig;
    type Session = ContainerSession;
    type Opener = ();
    const JOBS: &'static [&'static str] = &["container"];
    const MESSAGES: LogMessages = LogMessages {
        ready: "control group read",
        down: "control group not read",
    };

    fn new(config: Arc<ContainerConfig>) -> Self {
        Self {
            config,
            postmaster: None,
            container: None,
        }
    }

    fn id(config: &ContainerConfig) -> SourceId {
        SourceId {
            server: config.server.clone(),
            part: None,
        }
    }

    fn config(&self) -> &Arc<ContainerConfig> {
        &self.config
    }

    /// The cost is a few small files: it never makes the interval longer.
    fn timing(&self) -> PollTiming {
        let config = &self.config;
        PollTiming::attached(config.interval, config.timeout, 1.0)
    }

    async fn open(
        config: Arc<ContainerConfig>,
        (): &mut (),
    ) -> Result<ContainerSession, Failed<ConnectFailure>> {
        let meter = ContainerMeter::default();
        Ok(ContainerSession { config, meter })
    }

    fn observe(&mut self, published: &State) {
        let server = published.server(&self.config.server);
        self.postmaster = server.and_then(|server| server.postmaster);
    }

    fn question(&mut self, _: usize, _: Duration) -> Option<ProcessId> {
        self.postmaster
    }

    fn answered(
        &mut self,
        _: &ContainerSession,
        container: Container,
        took: Duration,
        _: Duration,
    ) -> Duration {
        self.container = Some(container);
        took
    }

    fn failed(&mut self, _: usize, _: Outcome, _: Duration, _: Duration) {
        self.container = None;
    }

    /// Another tree needs another session: the read of the old one may hang.
    fn reconfigure(&mut self, config: Arc<ContainerConfig>, _: Duration) -> bool {
        let old = std::mem::replace(&mut self.config, config);
        let has_moved = old.tree != self.config.tree;
        if has_moved {
            self.container = None;
        }
        has_moved
    }

    fn publish(&self, publisher: &Publisher, publication: Publication) {
        let server = &self.config.server;
        publication.send(publisher, server, self.container, |attached, it| {
            attached.set_container(it);
        });
    }
}
