//! The life of one server's poller: connect, poll on every tick, publish, reconnect. It owns all that changes; what it
//! publishes does not. Decisions that need no clock are made elsewhere.

mod backoff;
mod journal;
mod slower;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::clock::wall_clock;
use crate::config::ServerConfig;
use crate::health::{Health, Job, Outcome};
use crate::memory::{Memory, Moment, Seen};
use crate::pg::{ConnectError, QueryError, Question, Session};
use crate::sample::{Activity, Backend, Stats};
use crate::sizes::Sizes;
use crate::snapshot::{Slower, Snapshot};
use crate::state::{Down, Publisher, Server, Shown};
use backoff::{Backoff, rest};
use journal::Journal;

/// How long a session that missed its deadline is waited for before it is given up. Until then nothing else is opened: a
/// frozen server would only gather more and more of our logins.
const PATIENCE: Duration = Duration::from_secs(5);

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
    memory: Memory,
    /// The last poll; None: it failed.
    seen: Option<Arc<Seen>>,
    sizes: Arc<Sizes>,
    stats: Option<Arc<Stats>>,
    /// Also of the catalogue, should its fingerprint not have told that it changed.
    stats_due: Instant,
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
            memory: Memory::default(),
            seen: None,
            sizes: Arc::default(),
            stats: None,
            stats_due: now,
            start_time: None,
            left_behind: None,
        }
    }

    /// Goes on until it is dropped.
    pub(crate) async fn run(mut self) -> Infallible {
        let mut backoff = Backoff::default();
        loop {
            match Session::connect(&self.settings.target, self.settings.cadence.timeout).await {
                Ok(session) => {
                    self.begin(&session);
                    self.serve(&session, &mut backoff).await;
                }
                Err(error) => self.connect_failed(&error),
            }
            self.pause(backoff.next(fastrand::f64())).await;
        }
    }

    /// Polls until the session is lost, or another one is wanted.
    async fn serve(&mut self, session: &Session, backoff: &mut Backoff) {
        let mut ticks = self.ticks();
        let mut errors = 0;
        loop {
            tokio::select! {
                _ = ticks.tick() => match self.poll(session).await {
                    Outcome::Ok => {
                        *backoff = Backoff::default();
                        errors = 0;
                        let took = self.health.duration(Job::Activity).unwrap_or_default();
                        if let Some(rest) = rest(took, ticks.period()) {
                            ticks.reset_after(rest);
                        }
                    }
                    Outcome::Timeout => {}
                    Outcome::Error if errors < ERRORS => errors += 1,
                    Outcome::Error => return,
                    Outcome::Lost => return self.publish_down(Down::Poll(Outcome::Lost)),
                },
                Ok(()) = self.config.changed() => {
                    if self.reconfigured() {
                        *backoff = Backoff::default();
                        self.publish_down(Down::Starting);
                        return;
                    }
                    ticks = self.ticks();
                }
            }
        }
    }

    fn ticks(&self) -> tokio::time::Interval {
        let mut ticks = interval(self.settings.cadence.poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
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
    }

    fn connect_failed(&mut self, error: &ConnectError) {
        let reason = error.reason();
        self.health.connect_failed(reason);
        self.journal.down(Down::Connect(reason), error);
        self.publish_down(Down::Connect(reason));
    }

    /// One tick: how the fast poll ended, or that the session is lost.
    async fn poll(&mut self, session: &Session) -> Outcome {
        let near_limit = self.memory.near_limit().to_vec();
        let question = Question {
            left_behind: self.left_behind,
            near_limit: &near_limit,
        };
        let is_current = Instant::now() < self.stats_due;
        let known = self.memory.catalogue().filter(|_| is_current);
        match self
            .ask(Job::Activity, session.activity(question, known))
            .await
        {
            Ok(activity) => self.publish(session, activity),
            Err(outcome) => {
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

    fn publish(&mut self, session: &Session, activity: Activity) {
        let now = self.began.elapsed();
        self.left_behind = self.left_behind.filter(|_| activity.left_behind);
        let moment = Moment {
            info: session.info(),
            policy: &self.settings.policy,
            now,
            window: self.settings.cadence.window,
        };
        let seen = self.memory.observe(activity, moment);
        let tracked = self.seen.as_ref().map(|before| &before.roster);
        if tracked.is_none_or(|roster| !Arc::ptr_eq(roster, &seen.roster)) {
            let databases = seen.roster.databases.iter().map(|tenant| &tenant.row);
            let measurable = databases.filter(|row| !row.is_invalid());
            Arc::make_mut(&mut self.sizes).track(now, measurable.map(|row| row.oid));
        }
        self.journal.up(&seen);
        self.seen = Some(Arc::new(seen));
        self.show();
    }

    /// The last poll, with what the slower ones have brought so far.
    fn show(&self) {
        // None: it was late with an answer, and is down until the next poll.
        let Some(seen) = self.seen.clone() else {
            return;
        };
        let slower = Slower {
            stats: self.stats.clone(),
            sizes: Arc::clone(&self.sizes),
            now: self.began.elapsed(),
            wall_clock: wall_clock(),
        };
        let shown = Shown::new(Box::new(move || Snapshot::of(&seen, &slower)));
        self.send(Ok(Box::new(shown)));
    }

    fn publish_down(&mut self, down: Down) {
        self.memory.gap();
        self.seen = None;
        self.send(Err(down));
    }

    fn send(&self, status: Result<Box<Shown>, Down>) {
        let server = Server::new(self.settings.name.clone(), status, self.health.clone())
            .expiring(Instant::now() + self.settings.cadence.longest_silence());
        self.publisher
            .send_modify(|state| *state = Arc::new(state.with(server)));
    }
}

fn outcome<T>(answer: &Result<T, Outcome>) -> Outcome {
    answer.as_ref().err().copied().unwrap_or(Outcome::Ok)
}

#[cfg(test)]
mod tests;
