//! What the loop needs from a source: a PostgreSQL server, a volume, or anything else that is opened and then asked.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::health::Health;
use crate::outcome::{ConnectFailure, Failed, Outcome};
use crate::state::{Attached, Attachment, Down, Publisher, State};

/// The job that decides whether the source is up. When another job fails, only its own series are lost.
pub(crate) const PRIMARY: usize = 0;

/// The interval, deadline and cost limit of the primary job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PollTiming {
    pub(crate) interval: Duration,
    /// The deadline of each question.
    pub(crate) timeout: Duration,
    /// The maximum fraction of one core that the primary job may cost the source.
    pub(crate) max_time_fraction: f64,
    /// How much later than due a poll may begin before the previous one is no longer current.
    pub(crate) grace: Duration,
}

impl PollTiming {
    /// The timing of an attached source.
    pub(super) fn attached(interval: Duration, timeout: Duration, max_time_fraction: f64) -> Self {
        Self {
            interval,
            timeout,
            max_time_fraction,
            grace: timeout.min(Duration::from_secs(1)),
        }
    }
}

/// Identifies a source among those of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceId {
    /// The value of the label `server`, and of the log field of that name.
    pub(crate) server: String,
    /// The name of the source where a server may have several, such as a volume.
    pub(crate) part: Option<String>,
}

/// What the log says when a source becomes ready, and when it is down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogMessages {
    pub(crate) ready: &'static str,
    pub(crate) down: &'static str,
}

/// A connection to a source.
pub(crate) trait Session: Send + Sync {
    type Question: Send + Sync;
    type Answer: Send;

    /// For jobs other than the primary one, the source itself gives up after `limit`, if it can.
    fn ask(
        &mut self,
        question: &Self::Question,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::Answer, Failed<Outcome>>> + Send;

    /// How an answer counts. The source may have answered only in part.
    fn outcome(_answer: &Self::Answer) -> Outcome {
        Outcome::Ok
    }

    /// Returns once, when the session is closed. Questions fail from then on.
    /// The default is for a session without a connection.
    fn closed(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Something that is polled. It keeps what the answers bring. `now` is the time since its poller began. The defaults are for an attached
/// source with one job, which keeps only the last answer.
pub(crate) trait Source: Send + Sized + 'static {
    type Config: PartialEq + Send + Sync + 'static;
    type Session: Session;
    /// State that is kept between attempts to open a session.
    type Opener: Default + Send;
    /// The label values `poll` of its jobs. The first is the primary one.
    const JOBS: &'static [&'static str];
    /// The jobs that are also asked shortly before the page is.
    const FOLLOWING: &'static [usize] = &[];
    const MESSAGES: LogMessages = LogMessages {
        ready: "ready",
        down: "down",
    };

    fn new(config: Arc<Self::Config>) -> Self;

    fn id(config: &Self::Config) -> SourceId;

    fn timing(&self) -> PollTiming;

    fn config(&self) -> &Arc<Self::Config>;

    /// Opens a session within [`PollTiming::timeout`].
    fn open(
        config: Arc<Self::Config>,
        opener: &mut Self::Opener,
    ) -> impl Future<Output = Result<Self::Session, Failed<ConnectFailure>>> + Send;

    /// A session was opened. What earlier sessions brought may be of another server.
    fn opened(&mut self, _session: &Self::Session) {}

    /// A second session replaces one that hangs. The readings of other jobs stay valid if it is a session of the same server.
    fn replaced(&mut self, _session: &Self::Session) {}

    /// The session was lost. Called before the source is published as down.
    fn lost(&mut self, _session: &Self::Session) {}

    /// What is published now, before each primary question. An attached source may need what its server has found out.
    fn observe(&mut self, _published: &State) {}

    /// How long a job other than the primary one rests after a success. None: [`Source::question`] decides when it is due.
    fn interval(&self, _job: usize) -> Option<Duration> {
        None
    }

    /// What to ask for a job. None: nothing now.
    fn question(
        &mut self,
        job: usize,
        now: Duration,
    ) -> Option<<Self::Session as Session>::Question>;

    /// Takes an answer. Returns what it cost the source, at most `took`.
    fn answered(
        &mut self,
        session: &Self::Session,
        answer: <Self::Session as Session>::Answer,
        took: Duration,
        now: Duration,
    ) -> Duration;

    /// A job got no answer: the source drops what the job brought before.
    fn failed(&mut self, job: usize, why: Outcome, took: Duration, now: Duration);

    /// The poller gave up a session during a job. The source may still be working on that job.
    fn abandoned(&mut self, _job: usize, _session: &Self::Session) {}

    /// Whether the poller may open a second session while one hangs. False when one was abandoned already.
    fn may_abandon(&self) -> bool {
        false
    }

    /// The time between the last poll and the next one is unknown.
    fn mark_gap(&mut self) {}

    /// Takes a changed configuration. True when it needs another session.
    fn reconfigure(&mut self, config: Arc<Self::Config>, now: Duration) -> bool;

    /// The version for the log, when the source is ready. Empty: it has none.
    fn version(&self) -> String {
        String::new()
    }

    /// Publishes what is known now, or why the source is down.
    fn publish(&self, publisher: &Publisher, publication: Publication);
}

/// What the loop knows about a source when it publishes.
pub(crate) struct Publication {
    pub(crate) health: Health,
    /// Until when the last poll is current.
    pub(crate) current_until: watch::Receiver<Instant>,
    /// None: the source is up.
    pub(crate) down: Option<Down>,
    /// The time since the poller began.
    pub(crate) now: Duration,
}

impl Publication {
    /// What is published of an attached source. `last`: its last answer; None: there was none yet.
    fn attachment<T: Clone>(self, last: Option<T>) -> Attachment<T> {
        let reading = match self.down {
            Some(down) => Err(down),
            None => last.ok_or(Down::Starting),
        };
        Attachment::new(reading, self.health).current_until(self.current_until)
    }

    /// Publishes the last answer of a source that is attached to `server`. `set` puts it into its place.
    pub(super) fn send<T: Clone>(
        self,
        publisher: &Publisher,
        server: &str,
        last: Option<T>,
        set: impl FnOnce(&mut Attached, Attachment<T>),
    ) {
        let attachment = self.attachment(last);
        publisher.send_modify(|state| {
            let changed = state.with_attached(server, |attached| set(attached, attachment));
            *state = Arc::new(changed);
        });
    }
}
