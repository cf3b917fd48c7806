//! A PostgreSQL server as a source: its primary job is activity, its slow jobs are the slow views and the sizes.

mod judge;
mod questions;

use std::sync::Arc;
use std::time::Duration;

use questions::{Answer, Question};

use super::server_log::ServerLog;
use super::source::{PRIMARY, PollTiming, Publication, Source};
use crate::clock::wall_clock;
use crate::config::ServerConfig;
use crate::isolation::Summary;
use crate::outcome::{ConnectFailure, Failed, Outcome};
use crate::postgres::view::SLOW;
use crate::postgres::{self, CredentialFiles};
use crate::sample::{Activity, Backend, Oid, Readings};
use crate::size_schedule::{SizeSchedule, UnknownSize, cost};
use crate::snapshot::{SlowReadings, Snapshot};
use crate::state::{Down, LazySnapshot, Publisher, Server};
use crate::tracker::{PollContext, PollTracker, PolledState};

/// The catalogue is read at least this often, because the fingerprint does not cover memberships of roles.
const CATALOGUE_INTERVAL: Duration = Duration::from_secs(15);

const FIRST_SLOW: usize = PRIMARY + 1;
const SIZES: usize = FIRST_SLOW + SLOW.len();

/// The label values `poll`.
pub(crate) const JOBS: [&str; SIZES + 1] = {
    let mut jobs = ["activity"; SIZES + 1];
    let mut view = 0;
    while view < SLOW.len() {
        jobs[FIRST_SLOW + view] = SLOW[view].job;
        view += 1;
    }
    jobs[SIZES] = "sizes";
    jobs
};

pub(crate) struct ServerSource {
    config: Arc<ServerConfig>,
    log: ServerLog,
    tracker: PollTracker,
    /// The last successful poll; None: there was none yet.
    polled: Option<Arc<PolledState>>,
    readings: Readings,
    /// The judgement of the last privileges that were read.
    isolation: Option<Arc<Summary>>,
    sizes: Arc<SizeSchedule>,
    /// The databases whose sizes were asked for last.
    batch: Vec<Oid>,
    /// When the catalogue is read even if its fingerprint has not changed.
    catalogue_due: Duration,
    /// `pg_postmaster_start_time()` of the last session. Another value means that the server was restarted.
    start_time: Option<f64>,
    /// The job and the backend of a session that was abandoned. The job is not asked while that backend runs: each try could
    /// leave another backend, until the agent's role reaches its own connection limit.
    orphaned_backend: Option<(usize, Backend)>,
}

impl ServerSource {
    fn sees_all_sessions(&self) -> bool {
        let polled = self.polled.as_ref();
        polled.is_some_and(|polled| polled.sees_all_sessions())
    }

    fn activity(&mut self, session: &postgres::Session, activity: Activity, now: Duration) {
        let orphan = self.orphaned_backend;
        self.orphaned_backend = orphan.filter(|_| activity.has_orphan);
        let context = PollContext {
            info: session.info(),
            policy: &self.config.policy,
            now,
            window: self.config.cadence.window,
        };
        let polled = self.tracker.observe(activity, context);
        let tracked = self.polled.as_ref().map(|before| &before.tenants);
        if tracked.is_none_or(|tenants| !Arc::ptr_eq(tenants, &polled.tenants)) {
            let databases = polled.tenants.databases.iter().map(|tenant| &tenant.row);
            let measurable = databases.filter(|row| !row.is_invalid());
            Arc::make_mut(&mut self.sizes).track(now, measurable.map(|row| row.oid));
        }
        self.log.polled(&polled);
        self.polled = Some(Arc::new(polled));
    }

    /// Called before the next batch, when databases that were dropped during the last one are no longer tracked.
    fn log_unreadable(&mut self) {
        if let Some(polled) = &self.polled {
            let unreadable = self.sizes.unreadable().into_iter();
            let names = unreadable.filter_map(|oid| polled.tenants.datname(oid));
            self.log.unreadable(&names.collect::<Vec<_>>());
        }
    }

    fn lazy_snapshot(&self, polled: Arc<PolledState>, now: Duration) -> LazySnapshot {
        let slow = SlowReadings {
            readings: self.readings.clone(),
            isolation: self.isolation.clone(),
            sizes: Arc::clone(&self.sizes),
            now,
            wall_clock: wall_clock(),
        };
        LazySnapshot::new(Box::new(move || Snapshot::of(&polled, &slow)))
    }
}

impl Source for ServerSource {
    type Config = ServerConfig;
    type Session = postgres::Session;
    type Opener = CredentialFiles;
    const JOBS: &'static [&'static str] = &JOBS;

    fn new(config: Arc<ServerConfig>) -> Self {
        Self {
            log: ServerLog::new(config.name.clone()),
            config,
            tracker: PollTracker::default(),
            polled: None,
            readings: Readings::default(),
            isolation: None,
            sizes: Arc::default(),
            batch: Vec::new(),
            catalogue_due: Duration::ZERO,
            start_time: None,
            orphaned_backend: None,
        }
    }

    fn name(&self) -> &str {
        &self.config.name
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
        self.readings = Readings::default();
        self.isolation = None;
        self.catalogue_due = Duration::ZERO;
    }

    fn replaced(&mut self, session: &postgres::Session) {
        let start_time = session.info().start_time;
        if self.start_time.replace(start_time) != Some(start_time) {
            self.sizes = Arc::default();
            self.readings = Readings::default();
            self.isolation = None;
            self.tracker.reset();
        }
    }

    fn interval(&self, job: usize) -> Option<Duration> {
        let view = SLOW.get(job.checked_sub(FIRST_SLOW)?)?;
        Some((view.interval)(&self.config.cadence))
    }

    fn question(&mut self, job: usize, now: Duration) -> Option<Question> {
        if self.orphaned_backend.is_some_and(|(of, _)| of == job) {
            return None;
        }
        match job {
            PRIMARY => {
                let known = self.tracker.catalogue();
                let known = known.filter(|_| now < self.catalogue_due);
                if known.is_none() {
                    self.catalogue_due = now + CATALOGUE_INTERVAL;
                }
                let orphan = self.orphaned_backend.map(|(_, backend)| backend);
                Some(Question::Activity { orphan, known })
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
            view => Some(Question::Slow(view - FIRST_SLOW)),
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
                update(&mut self.readings);
                self.judge(session);
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
            let why = match why {
                Outcome::Error => UnknownSize::Error,
                Outcome::Ok | Outcome::Timeout | Outcome::Lost => UnknownSize::Timeout,
            };
            let sizes = Arc::make_mut(&mut self.sizes);
            sizes.failed(now, &self.batch, took, why, self.config.cadence.sizes);
        } else if let Some(view) = job.checked_sub(FIRST_SLOW) {
            self.forget(view);
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
        Arc::make_mut(&mut self.sizes).limit_due(now + cadence.sizes.interval);
        old.target != self.config.target || old.cadence.timeout != cadence.timeout
    }

    fn version(&self) -> String {
        let polled = self.polled.as_ref();
        polled.map_or_else(String::new, |polled| polled.tenants.info.short_version())
    }

    fn publish(&self, publisher: &Publisher, publication: Publication) {
        let status = match (publication.down, &self.polled) {
            (None, Some(polled)) => {
                let snapshot = self.lazy_snapshot(Arc::clone(polled), publication.now);
                Ok(Box::new(snapshot))
            }
            (None, None) => Err(Down::Starting),
            (Some(down), _) => Err(down),
        };
        let server = Server::new(self.config.name.clone(), status, publication.health)
            .current_until(publication.current_until);
        publisher.send_modify(|state| *state = Arc::new(state.with(server)));
    }
}
