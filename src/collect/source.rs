//! What the loop wants of a source: a PostgreSQL server now, or anything else that is opened and then asked.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::health::Health;
use crate::outcome::{ConnectFailure, Failed, Outcome};
use crate::state::{Down, Publisher};

/// The job that decides whether the source is up. All others cost only their own series when they fail.
pub(crate) const PRIMARY: usize = 0;

/// How often, how long, and at what cost the primary job is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PollTiming {
    pub(crate) interval: Duration,
    /// The deadline of each question.
    pub(crate) timeout: Duration,
    /// The part of one core that the primary job may cost the source.
    pub(crate) max_time_fraction: f64,
    /// How late a poll may begin before the one before it is not current any more.
    pub(crate) grace: Duration,
}

/// A connection to a source, or whatever stands for it.
pub(crate) trait Session: Send + Sync {
    type Question: Send + Sync;
    type Answer: Send;

    /// The source itself gives up on a job that is not the primary one after `limit`, if it can.
    fn ask(
        &self,
        question: &Self::Question,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::Answer, Failed<Outcome>>> + Send;

    /// Returns once, when the session is over: a question fails then.
    fn ended(&mut self) -> impl Future<Output = ()> + Send;
}

/// Something that is polled. Keeps what the answers bring; `now` is the time since its poller began.
pub(crate) trait Source: Send + Sized + 'static {
    type Config: PartialEq + Send + Sync + 'static;
    type Session: Session;
    /// What outlives an attempt to open a session.
    type Opener: Default + Send;
    /// The labels `poll` of its jobs. The first is the primary one.
    const JOBS: &'static [&'static str];

    fn new(config: Arc<Self::Config>) -> Self;

    /// The label `server`, and the field of the log.
    fn name(&self) -> &str;

    fn timing(&self) -> PollTiming;

    fn config(&self) -> &Arc<Self::Config>;

    /// Within the deadline of the timing.
    fn open(
        config: Arc<Self::Config>,
        opener: &mut Self::Opener,
    ) -> impl Future<Output = Result<Self::Session, Failed<ConnectFailure>>> + Send;

    /// A session begins. What is known from the ones before may be of another server.
    fn opened(&mut self, session: &Self::Session);

    /// How long a job that is not the primary one rests after a success. None: the source says when it is due.
    fn interval(&self, job: usize) -> Option<Duration>;

    /// What to ask for a job. None: nothing now.
    fn question(
        &mut self,
        job: usize,
        now: Duration,
    ) -> Option<<Self::Session as Session>::Question>;

    /// Takes an answer; returns what it cost the source, which is not more than `took`.
    fn answered(
        &mut self,
        session: &Self::Session,
        answer: <Self::Session as Session>::Answer,
        took: Duration,
        now: Duration,
    ) -> Duration;

    /// A job got no answer: what it brought before is not known any more.
    fn failed(&mut self, job: usize, why: Outcome, took: Duration, now: Duration);

    /// A session was given up in the middle of a job, and what the source does for it may go on.
    fn abandoned(&mut self, job: usize, session: &Self::Session);

    /// A second session may be opened while one hangs. False: there is one already that was abandoned.
    fn may_abandon(&self) -> bool;

    /// Nothing is known of the time between the last poll and the next one.
    fn mark_gap(&mut self);

    /// Takes over a changed configuration; true when it wants another session.
    fn reconfigure(&mut self, config: Arc<Self::Config>, now: Duration) -> bool;

    /// What the log says of the version when the source is ready.
    fn version(&self) -> String;

    /// Shows what is known now, or why nothing is.
    fn publish(&self, publisher: &Publisher, publication: Publication);
}

/// What the loop knows of a source when something is published.
pub(crate) struct Publication {
    pub(crate) health: Health,
    /// Until when the last poll is current.
    pub(crate) current_until: watch::Receiver<Instant>,
    /// None: the source is up.
    pub(crate) down: Option<Down>,
    /// The time since the poller began.
    pub(crate) now: Duration,
}
