//! A PostgreSQL server as a source: its primary job is activity, its slow jobs are the slow views and the sizes.

mod access;
mod answers;
mod host;
mod jobs;
mod judge;
mod questions;

use std::sync::Arc;
use std::time::Duration;

use access::AccessSchedule;
use jobs::{ACCESS, FIRST_SLOW, FOLLOWING, PROCESSES, SIZES, STATEMENTS};
use questions::{Answer, Question};

pub(crate) use jobs::JOBS;

use super::server_log::ServerLog;
use super::source::{PRIMARY, PollTiming, Publication, Source, SourceId};
use crate::clock::wall_clock;
use crate::config::ServerConfig;
use crate::crashes::CrashWitness;
use crate::history::{ProcessTotals, StatementTotals};
use crate::isolation::Summary;
use crate::outcome::{ConnectFailure, Failed, Outcome};
use crate::postgres::view::{self, SLOW};
use crate::postgres::{self, ActivityQuestion, CredentialFiles};
use crate::sample::{Backend, Oid, ProcessTable, Readings, ServerProcesses};
use crate::size_schedule::{SizeSchedule, cost};
use crate::state::Publisher;
use crate::tracker::{PollTracker, PolledState};

/// The catalogue is read at least this often, because the fingerprint does not cover memberships of roles.
const CATALOGUE_INTERVAL: Duration = Duration::from_secs(15);

pub(crate) struct ServerSource {
    config: Arc<ServerConfig>,
    log: ServerLog,
    tracker: PollTracker,
    /// The last successful poll; None: there was none yet.
    polled: Option<Arc<PolledState>>,
    readings: Readings,
    access: AccessSchedule,
    /// The judgement of the last privileges that were read.
    isolation: Option<Arc<Summary>>,
    /// None: `pg_stat_statements` is not there, or its last poll failed.
    statements: Option<Arc<StatementTotals>>,
    /// None: `/proc` is not read, or its last poll failed.
    processes: Option<Arc<ProcessTotals>>,
    /// The last look at `/proc`.
    process_table: Option<Arc<ProcessTable>>,
    /// The agent's backend and the postmaster, as `/proc` shows them; kept while the server is down.
    own_processes: Option<ServerProcesses>,
    sizes: Arc<SizeSchedule>,
    /// The databases whose sizes were asked for last.
    batch: Vec<Oid>,
    /// When the catalogue is read even if its fingerprint has not changed.
    catalogue_due: Duration,
    /// `pg_postmaster_start_time()` of the last session. Another value means that the server was restarted.
    start_time: Option<f64>,
    crashes: CrashWitness,
    /// The job and the backend of a session that was abandoned. The job is not asked while that backend runs: each try could
    /// leave another backend, until the agent's role reaches its own connection limit.
    orphaned_backend: Option<(usize, Backend)>,
}

impl Source for ServerSource {
    type Config = ServerConfig;
    type Session = postgres::Session;
    type Opener = CredentialFiles;
    const JOBS: &'static [&'static str] = &JOBS;
    const FOLLOWING: &'static [usize] = &FOLLOWING;

    fn new(config: Arc<ServerConfig>) -> Self {
        Self {
            log: ServerLog::new(config.name.clone()),
            config,
            tracker: PollTracker::default(),
            polled: None,
            readings: Readings::default(),
            access: AccessSchedule::default(),
            isolation: None,
            statements: None,
            processes: None,
            process_table: None,
            own_processes: None,
            sizes: Arc::default(),
            batch: Vec::new(),
            catalogue_due: Duration::ZERO,
            start_time: None,
            crashes: CrashWitness::default(),
            orphaned_backend: None,
        }
    }

    fn id(config: &ServerConfig) -> SourceId {
        SourceId {
            server: config.name.clone(),
            part: None,
        }
    }

    fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    fn timing(&self) -> PollTiming {
        let cadence = self.config.cadence;
        PollTiming {
            interval: cadence.poll,
            timeout: cadence.timeout,
            max_time_fraction: cadence.max_time_fraction,
            grace: cadence.grace(),
        }
    }

    async fn open(
        config: Arc<ServerConfig>,
        files: &mut CredentialFiles,
    ) -> Result<postgres::Session, Failed<ConnectFailure>> {
        let (target, timeout) = (&config.target, config.cadence.timeout);
        let session = postgres::Session::connect(target, timeout, files).await;
        session.map_err(|error| Failed {
            why: error.reason(),
            error: error.into(),
        })
    }

    fn opened(&mut self, session: &postgres::Session) {
        self.replaced(session);
        self.forget_all();
        self.catalogue_due = Duration::ZERO;
    }

    fn replaced(&mut self, session: &postgres::Session) {
        if let Some(evidence) = self.crashes.session_opened(session.info()) {
            self.log.crashed(evidence);
        }
        let start_time = session.info().start_time;
        if self.start_time.replace(start_time) != Some(start_time) {
            self.sizes = Arc::default();
            self.forget_all();
            self.tracker.reset();
        }
    }

    fn lost(&mut self, session: &postgres::Session) {
        let told = session.was_told_of_crash();
        let ended = self
            .crashes
            .session_lost(session.info(), told, wall_clock());
        if let Some(evidence) = ended {
            self.log.crashed(evidence);
        }
    }

    fn interval(&self, job: usize) -> Option<Duration> {
        let cadence = &self.config.cadence;
        match job {
            STATEMENTS => return Some(view::rarely(cadence)),
            PROCESSES => return Some(cadence.stats),
            _ => {}
        }
        let view = SLOW.get(job.checked_sub(FIRST_SLOW)?)?;
        Some((view.interval)(cadence))
    }

    fn question(&mut self, job: usize, now: Duration) -> Option<Question> {
        if self.orphaned_backend.is_some_and(|(of, _)| of == job) {
            return None;
        }
        match job {
            PRIMARY => {
                let is_due = now >= self.catalogue_due;
                if is_due {
                    self.catalogue_due = now + CATALOGUE_INTERVAL;
                }
                Some(Question::Activity(ActivityQuestion {
                    orphan: self.orphaned_backend.map(|(_, backend)| backend),
                    known: self.tracker.catalogue(),
                    is_due,
                }))
            }
            SIZES => {
                self.batch = self.sizes.next_batch(now);
                if self.batch.is_empty() {
                    return None;
                }
                self.log_unreadable();
                Some(Question::Sizes {
                    databases: self.batch.clone(),
                    permitted: self.sees_all_sessions(),
                })
            }
            ACCESS => self.access.question(now).map(Question::Access),
            STATEMENTS => Some(Question::Statements),
            PROCESSES => self.processes_question(),
            slow if JOBS[slow] == view::BLOCKING && !self.some_session_waits() => None,
            job => {
                let view = &SLOW[job - FIRST_SLOW];
                if view.needs_monitor && !self.sees_all_sessions() {
                    (view.clear)(&mut self.readings);
                    return None;
                }
                Some(Question::Slow(job - FIRST_SLOW))
            }
        }
    }

    fn answered(
        &mut self,
        session: &postgres::Session,
        answer: Answer,
        took: Duration,
        now: Duration,
    ) -> Duration {
        match answer {
            Answer::Activity(activity) => {
                let cost = cost(activity.seconds, took);
                self.activity(session, activity, now);
                cost
            }
            Answer::Slow(update) => {
                let before = self.readings.statistics.clone();
                update(&mut self.readings);
                self.measure_written(before.as_ref());
                took
            }
            Answer::Access(changed) => {
                self.privileges(session, changed, took, now);
                took
            }
            Answer::Statements(statements) => {
                self.statements = statements.map(|now| self.tracker.statements(now));
                took
            }
            Answer::Processes(reading) => {
                self.looked(reading);
                took
            }
            Answer::Sizes(measured) => {
                let sizes = Arc::make_mut(&mut self.sizes);
                sizes.measured(now, &self.batch, &measured, took, self.config.cadence.sizes);
                took
            }
        }
    }

    fn failed(&mut self, job: usize, why: Outcome, took: Duration, now: Duration) {
        if job == SIZES {
            self.sizes_failed(why, took, now);
        } else if job == STATEMENTS {
            self.statements = None;
        } else if job == ACCESS {
            self.privileges_failed(now);
        } else if job == PROCESSES {
            self.look_failed(why);
        } else if let Some(view) = job.checked_sub(FIRST_SLOW) {
            (SLOW[view].clear)(&mut self.readings);
        }
    }

    fn abandoned(&mut self, job: usize, session: &postgres::Session) {
        self.orphaned_backend = Some((job, session.backend()));
    }

    fn may_abandon(&self) -> bool {
        self.orphaned_backend.is_none()
    }

    fn mark_gap(&mut self) {
        self.tracker.mark_gap();
    }

    fn reconfigure(&mut self, config: Arc<ServerConfig>, now: Duration) -> bool {
        let old = std::mem::replace(&mut self.config, config);
        let cadence = self.config.cadence;
        self.tracker.invalidate();
        self.access = AccessSchedule::default(); // the same privileges may be another judgement now
        Arc::make_mut(&mut self.sizes).limit_due(now + cadence.sizes.interval);
        if old.target != self.config.target {
            self.polled = None; // it may be another server
        }
        old.target != self.config.target || old.cadence.timeout != cadence.timeout
    }

    fn version(&self) -> String {
        let polled = self.polled.as_ref();
        polled.map_or_else(String::new, |polled| polled.tenants.info.short_version())
    }

    fn publish(&self, publisher: &Publisher, publication: Publication) {
        let server = self.published(publication);
        publisher.send_modify(|state| *state = Arc::new(state.with(server)));
    }
}
