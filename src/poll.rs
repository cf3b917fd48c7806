//! The life of one server's poller: connect, poll on every tick, publish, reconnect. It owns all that changes; what it
//! publishes does not. Decisions that need no clock are made elsewhere.

mod backoff;
mod journal;
mod pace;
mod publish;
mod slower;
mod ticks;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::clock::wall_clock;
use crate::config::ServerConfig;
use crate::health::{Health, Job, Outcome};
use crate::memory::{Memory, Seen};
use crate::pg::{ConnectError, Files, QueryError, Session};
use crate::sample::{Backend, Stats};
use crate::sizes::Sizes;
use crate::state::{Down, Publisher};
use backoff::{Backoff, rest};
use journal::Journal;
use pace::Pace;
use ticks::Ticks;

/// How long a session that missed its deadline is waited for before it is given up. Until then nothing else is opened: a
/// frozen server would only gather more and more of our logins.
const PATIENCE: Duration = Duration::from_secs(5);

/// How late a change of a role's memberships is seen at most, whatever `stats.interval` is.
const CATALOGUE_INTERVAL: Duration = Duration::from_secs(15);

/// A session on which so many polls in a row end with an error is given up: it may be the session that is ill. Never for
/// being late: on a busy server it may be the last that could be had.
const ERRORS: u32 = 10;

pub(crate) struct Poller {
    config: watch::Receiver<Arc<ServerConfig>>,
    settings: Arc<ServerConfig>,
    publisher: Publisher,
    journal: Journal,
    began: Instant,
    health: Health,
    pace: Pace,
    memory: Memory,
    /// The last poll; None: it failed.
    seen: Option<Arc<Seen>>,
    /// Until when the last poll is current.
    current_until: watch::Sender<Instant>,
    sizes: Arc<Sizes>,
    stats: Option<Arc<Stats>>,
    stats_due: Instant,
    /// The catalogue is read then even if its fingerprint has not changed: the fingerprint does not cover memberships.
    catalogue_due: Instant,
    /// `pg_postmaster_start_time()` of the last session: another one means another run of the server.
    start_time: Option<f64>,
    /// Of a session that was lost over a size. None is measured while it hangs on, or each try could leave another, until
    /// the role's own limit locks the agent out.
    left_behind: Option<Backend>,
}

impl Poller {
    pub(crate) fn new(
        mut config: watch::Receiver<Arc<ServerConfig>>,
        publisher: Publisher,
    ) -> Self {
        let settings = Arc::clone(&config.borrow_and_update());
        let now = Instant::now();
        Self {
            config,
            journal: Journal::new(settings.name.clone()),
            settings,
            publisher,
            began: now,
            health: Health::default(),
            pace: Pace::default(),
            memory: Memory::default(),
            seen: None,
            current_until: watch::channel(now).0,
            sizes: Arc::default(),
            stats: None,
            stats_due: now,
            catalogue_due: now,
            start_time: None,
            left_behind: None,
        }
    }

    /// Goes on until it is dropped.
    pub(crate) async fn run(mut self) -> Infallible {
        let (mut backoff, mut files) = (Backoff::default(), Files::default());
        loop {
            let (target, timeout) = (&self.settings.target, self.settings.cadence.timeout);
            match Session::connect(target, timeout, &mut files).await {
                Ok(mut session) => {
                    self.begin(&session);
                    self.serve(&mut session, &mut backoff).await;
                }
                Err(error) => self.connect_failed(&error),
            }
            self.pause(backoff.next(fastrand::f64())).await;
        }
    }

    /// Polls until the session is lost, or another one is wanted.
    async fn serve(&mut self, session: &mut Session, backoff: &mut Backoff) {
        let mut errors = 0;
        let Some(mut ticks) = self.ticks() else {
            return;
        };
        loop {
            tokio::select! {
                () = ticks.tick() => {
                    match self.poll(session).await {
                        Outcome::Ok => {
                            *backoff = Backoff::default();
                            errors = 0;
                        }
                        Outcome::Timeout => {}
                        Outcome::Error if errors < ERRORS => errors += 1,
                        Outcome::Error => return,
                        Outcome::Lost => return self.publish_down(Down::Poll(Outcome::Lost)),
                    }
                    self.slow_down(&ticks);
                }
                // Between two polls, and the next may be long in coming. This one finds out at once.
                () = session.ended() => {
                    self.poll(session).await;
                    return self.publish_down(Down::Poll(Outcome::Lost));
                }
                Ok(()) = self.config.changed() => {
                    if self.reconfigured() {
                        *backoff = Backoff::default();
                        self.publish_down(Down::Starting);
                        return;
                    }
                    let Some(new) = self.ticks() else {
                        return;
                    };
                    ticks = new;
                }
            }
        }
    }

    /// None: there is no timer to be had, and no poll without one.
    fn ticks(&mut self) -> Option<Ticks> {
        match Ticks::every(self.settings.cadence.poll) {
            Ok(ticks) => Some(ticks),
            Err(error) => {
                self.journal.down(Down::Poll(Outcome::Error), &error);
                self.publish_down(Down::Poll(Outcome::Error));
                None
            }
        }
    }

    /// The next poll is later, if this one took too long or cost too much.
    fn slow_down(&self, ticks: &Ticks) {
        let (took, interval) = (self.took(), self.interval());
        let mut wait = interval;
        if let Some(rest) = rest(took, interval) {
            // After a timeout the server may have done no work and may recover at any moment: retry after one interval.
            let is_late = took > self.settings.cadence.timeout;
            wait = if is_late { rest.min(interval) } else { rest };
            ticks.reset_after(wait);
        } else if interval > ticks.period() {
            ticks.reset_after(interval.saturating_sub(took));
        }
        self.keep_current(wait + self.settings.cadence.grace());
    }

    /// The last fast poll, however it ended.
    fn took(&self) -> Duration {
        self.health.duration(Job::Activity).unwrap_or_default()
    }

    /// A poll has cost the server this.
    fn paid(&mut self, cost: Duration) {
        self.pace.spent(cost);
        self.health.paced(self.interval());
    }

    fn interval(&self) -> Duration {
        let cadence = self.settings.cadence;
        self.pace.interval(cadence.poll, cadence.share)
    }

    /// Takes over the configuration; true when it wants another session.
    fn reconfigured(&mut self) -> bool {
        let new = Arc::clone(&self.config.borrow_and_update());
        let old = std::mem::replace(&mut self.settings, new);
        let cadence = self.settings.cadence;
        self.stats_due = self.stats_due.min(Instant::now() + cadence.stats);
        self.memory.redraw();
        Arc::make_mut(&mut self.sizes).hasten(self.began.elapsed() + cadence.sizes.interval);
        old.target != self.settings.target || old.cadence.timeout != cadence.timeout
    }

    async fn pause(&mut self, wait: Duration) {
        tokio::select! {
            () = sleep(wait) => {}
            Ok(()) = self.config.changed() => { self.reconfigured(); }
        }
    }

    fn begin(&mut self, session: &Session) {
        let info = session.info();
        if self.start_time.replace(info.start_time) != Some(info.start_time) {
            self.sizes = Arc::default();
            self.memory.another_server();
        }
        self.stats = None;
        self.stats_due = Instant::now();
        self.catalogue_due = self.stats_due;
    }

    fn connect_failed(&mut self, error: &ConnectError) {
        let reason = error.reason();
        self.health.connect_failed(reason);
        self.journal.down(Down::Connect(reason), error);
        self.publish_down(Down::Connect(reason));
    }

    /// One tick: how the fast poll ended, or that the session is lost.
    async fn poll(&mut self, session: &Session) -> Outcome {
        let now = Instant::now();
        if now > *self.current_until.borrow() {
            self.memory.gap(); // the agent was stopped: nothing is known of the time since the last poll
        }
        let known = self.memory.catalogue();
        let known = known.filter(|_| now < self.catalogue_due);
        if known.is_none() {
            self.catalogue_due = now + CATALOGUE_INTERVAL;
        }
        match self
            .ask(Job::Activity, session.activity(self.left_behind, known))
            .await
        {
            Ok(activity) => self.publish(session, activity),
            Err(outcome) => {
                // What the server has spent on it nobody knows; no more than this.
                self.paid(self.took());
                self.publish_down(Down::Poll(outcome));
                return outcome;
            }
        }
        self.poll_slower(session).await
    }

    /// One question, under the deadline. A session that is late is waited for, with scrapers told at once; its late answer
    /// is not worth publishing.
    async fn ask<T>(
        &mut self,
        job: Job,
        question: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<T, Outcome> {
        let started = Instant::now();
        self.keep_current(self.settings.cadence.timeout);
        let mut question = pin!(question);
        let answer = if let Ok(answer) = timeout(self.settings.cadence.timeout, &mut question).await
        {
            answer.map_err(|error| {
                let outcome = error.outcome();
                self.journal.failed(job, outcome, &error);
                outcome
            })
        } else {
            self.journal.late(job);
            self.publish_down(Down::Poll(Outcome::Timeout));
            Err(match timeout(PATIENCE, question).await {
                Ok(late) if late.as_ref().err().map(QueryError::outcome) != Some(Outcome::Lost) => {
                    Outcome::Timeout
                }
                Ok(_) | Err(_) => Outcome::Lost,
            })
        };
        // It had come in time and nobody looked: a process that was stopped reads what was so when it was.
        let answer = if answer.is_ok() && started.elapsed() > self.settings.cadence.timeout {
            self.journal.late(job);
            self.publish_down(Down::Poll(Outcome::Timeout));
            Err(Outcome::Timeout)
        } else {
            answer
        };
        let outcome = outcome(&answer);
        self.journal.ended(job, outcome);
        self.health
            .polled(job, outcome, started.elapsed(), wall_clock());
        answer
    }
}

fn outcome<T>(answer: &Result<T, Outcome>) -> Outcome {
    answer.as_ref().err().copied().unwrap_or(Outcome::Ok)
}

#[cfg(test)]
mod tests;
