//! The databases of tenants that are probed, as one source for each server: so two probes of a server never run at once. Each probe
//! opens a connection, asks and closes it. A probe that fails affects only the series of its database.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{info, warn};

use super::source::{LogMessages, PollTiming, Publication, Session, Source, SourceId};
use crate::clock::wall_clock;
use crate::config::{ProbeConfig, ProbesConfig};
use crate::health::Health;
use crate::logging::chain;
use crate::outcome::{ConnectFailure, Failed, Outcome};
use crate::postgres::{CredentialFiles, ProbeSession};
use crate::probe::ProbeView;
use crate::sample::probe::ProbeAnswer;
use crate::series::slots::SeriesSlots;
use crate::state::{Attachment, Down, Publisher, State};

/// How often the source looks whether a probe is due.
const TICK: Duration = Duration::from_secs(1);
/// After a failure, and twice as long after each further one, up to the interval: the server logs each attempt.
const FIRST_RETRY: Duration = Duration::from_mins(1);

pub(super) struct ProbeSource {
    config: Arc<ProbesConfig>,
    databases: BTreeMap<String, Database>,
    /// The database that was asked for last.
    asked: String,
    /// The agent's own session has been tried: on a server that is nearly full, it comes before the probes.
    may_begin: bool,
}

/// What is kept of one database between its probes.
struct Database {
    config: Arc<ProbeConfig>,
    due: Duration,
    /// In a row.
    failures: u32,
    slots: SeriesSlots,
    reading: Result<Arc<ProbeView>, Down>,
    health: Health,
    /// The problem that was logged last; None: there is none.
    logged: Option<String>,
}

impl Database {
    fn new(config: Arc<ProbeConfig>, now: Duration) -> Self {
        Self {
            config,
            due: now,
            failures: 0,
            slots: SeriesSlots::default(),
            reading: Err(Down::Starting),
            health: Health::of(ProbeSource::JOBS),
            logged: None,
        }
    }

    fn succeeded(&mut self, answer: ProbeAnswer, took: Duration, now: Duration) -> Option<String> {
        let view = ProbeView::of(answer, &mut self.slots, now);
        let workspaces = view.workspaces.as_ref();
        let unknown = workspaces.and_then(|it| it.estimate.as_ref().err());
        let problem = unknown.map(|why| format!("workspaces are unknown: {}", why.text()));
        self.reading = Ok(Arc::new(view));
        self.health.polled(0, Outcome::Ok, took, wall_clock());
        (self.failures, self.due) = (0, now + self.config.interval);
        problem
    }

    fn failed(&mut self, down: Down, took: Duration, now: Duration) {
        let outcome = match down {
            Down::Poll(outcome) => outcome,
            Down::Connect(reason) => {
                self.health.connect_failed(reason);
                outcome_of(reason)
            }
            Down::Starting => Outcome::Error,
        };
        self.health.polled(0, outcome, took, wall_clock());
        self.reading = Err(down);
        let rest = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.due = now + rest.min(self.config.interval);
    }

    /// Logs a problem when it changes.
    fn log(&mut self, server: &str, datname: &str, problem: Option<String>) {
        if self.logged == problem {
            return;
        }
        if let Some(error) = &problem {
            warn!(server, datname, error, "probe failed");
        } else {
            info!(server, datname, "probe succeeded again");
        }
        self.logged = problem;
    }
}

fn outcome_of(reason: ConnectFailure) -> Outcome {
    match reason {
        ConnectFailure::Timeout => Outcome::Timeout,
        ConnectFailure::OutOfMemory => Outcome::OutOfMemory,
        ConnectFailure::Credentials
        | ConnectFailure::Dns
        | ConnectFailure::Refused
        | ConnectFailure::Tls
        | ConnectFailure::Auth
        | ConnectFailure::TooManyConnections
        | ConnectFailure::StartingUp
        | ConnectFailure::Database
        | ConnectFailure::Pooler
        | ConnectFailure::Other => Outcome::Error,
    }
}

/// Has no connection: each question opens one.
#[derive(Default)]
pub(super) struct Prober {
    /// The files of each target: one that hangs must not delay the probes of others.
    files: HashMap<String, CredentialFiles>,
}

pub(super) struct ProbeQuestion {
    datname: String,
    config: Arc<ProbeConfig>,
}

type Answer = Result<ProbeAnswer, Failed<Down>>;

impl Session for Prober {
    type Question = ProbeQuestion;
    type Answer = Answer;

    /// A failure is an answer, because it is that of one database.
    async fn ask(
        &mut self,
        question: &ProbeQuestion,
        _: Duration,
    ) -> Result<Answer, Failed<Outcome>> {
        let files = self.files.entry(question.datname.clone()).or_default();
        Ok(probe(&question.config, files).await)
    }
}

/// Takes at most twice `poll.timeout`, and a second to close the connection.
async fn probe(config: &ProbeConfig, files: &mut CredentialFiles) -> Answer {
    let session = ProbeSession::connect(config, files).await;
    let session = session.map_err(|error| Failed {
        why: Down::Connect(error.reason()),
        error: error.into(),
    })?;
    let asked = timeout(config.timeout, session.probe(config.workspaces.as_ref())).await;
    session.close().await;
    match asked {
        Ok(answer) => answer.map_err(|error| Failed {
            why: Down::Poll(error.outcome()),
            error: error.into(),
        }),
        Err(late) => Err(Failed {
            why: Down::Poll(Outcome::Timeout),
            error: late.into(),
        }),
    }
}

impl Source for ProbeSource {
    type Config = ProbesConfig;
    type Session = Prober;
    type Opener = ();
    const JOBS: &'static [&'static str] = &["probe"];
    const MESSAGES: LogMessages = LogMessages {
        ready: "probes run",
        down: "probes do not run",
    };

    fn new(config: Arc<ProbesConfig>) -> Self {
        let databases = config.databases.iter();
        let databases = databases.map(|(name, probe)| {
            (
                name.clone(),
                Database::new(Arc::clone(probe), Duration::ZERO),
            )
        });
        Self {
            databases: databases.collect(),
            config,
            asked: String::new(),
            may_begin: false,
        }
    }

    fn id(config: &ProbesConfig) -> SourceId {
        SourceId {
            server: config.server.clone(),
            part: None,
        }
    }

    fn config(&self) -> &Arc<ProbesConfig> {
        &self.config
    }

    /// The deadline is longer than a probe takes: the poller would otherwise give up the probes of all databases.
    fn timing(&self) -> PollTiming {
        let deadline = self.config.timeout * 3 + TICK;
        PollTiming::attached(TICK, deadline, 1.0)
    }

    async fn open(_: Arc<ProbesConfig>, (): &mut ()) -> Result<Prober, Failed<ConnectFailure>> {
        Ok(Prober::default())
    }

    fn observe(&mut self, published: &State) {
        let server = published.server(&self.config.server);
        let is_tried = server.is_some_and(|it| it.status.as_ref().err() != Some(&Down::Starting));
        self.may_begin |= is_tried;
    }

    /// The database that is due for the longest time.
    fn question(&mut self, _: usize, now: Duration) -> Option<ProbeQuestion> {
        if !self.may_begin {
            return None;
        }
        let due = self.databases.iter().filter(|(_, it)| it.due <= now);
        let (datname, database) = due.min_by_key(|(_, it)| it.due)?;
        self.asked.clone_from(datname);
        Some(ProbeQuestion {
            datname: datname.clone(),
            config: Arc::clone(&database.config),
        })
    }

    fn answered(&mut self, _: &Prober, answer: Answer, took: Duration, now: Duration) -> Duration {
        if let Some(database) = self.databases.get_mut(&self.asked) {
            let problem = match answer {
                Ok(answer) => database.succeeded(answer, took, now),
                Err(failed) => {
                    database.failed(failed.why, took, now);
                    Some(chain(&*failed.error))
                }
            };
            database.log(&self.config.server, &self.asked, problem);
        }
        Duration::ZERO // the interval is fixed: a probe is rare
    }

    /// The agent was stopped, and the answer is out of date.
    fn failed(&mut self, _: usize, why: Outcome, took: Duration, now: Duration) {
        if let Some(database) = self.databases.get_mut(&self.asked) {
            database.failed(Down::Poll(why), took, now);
        }
    }

    /// A database whose configuration has changed is probed at once.
    fn reconfigure(&mut self, config: Arc<ProbesConfig>, now: Duration) -> bool {
        let mut before = std::mem::take(&mut self.databases);
        for (name, probe) in &config.databases {
            let known = before.remove(name).filter(|it| it.config == *probe);
            let database = known.unwrap_or_else(|| Database::new(Arc::clone(probe), now));
            self.databases.insert(name.clone(), database);
        }
        self.config = config;
        false
    }

    /// Whatever the poller says: each database has a state of its own.
    fn publish(&self, publisher: &Publisher, _: Publication) {
        publisher.send_modify(|state| {
            let changed = state.with_attached(&self.config.server, |attached| {
                for (datname, database) in &self.databases {
                    let (reading, health) = (database.reading.clone(), database.health.clone());
                    attached.set_probe(datname, Attachment::new(reading, health));
                }
            });
            *state = Arc::new(changed);
        });
    }
}
