//! The poller of one source: open a session, poll on every tick, publish, reconnect. It owns all mutable state; what it
//! publishes is immutable. Decisions that need no clock are made in other modules.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::backoff::{Backoff, rest};
use super::freshness::Freshness;
use super::schedule::JobSchedule;
use super::source::{PRIMARY, Publication, Session as _, Source};
use super::throttle::CostThrottle;
use super::ticks::{Alarm, Ticks};
use super::transitions::TransitionLog;
use crate::clock::wall_clock;
use crate::health::Health;
use crate::outcome::{ConnectFailure, Failed, Outcome};
use crate::scrapes::Scrapes;
use crate::state::{Down, Publisher};

/// After this many errors in a row the poller closes the session, which may be the cause. Timeouts do not count: on a busy
/// server a new session may be refused.
const MAX_ERRORS: u32 = 10;

pub(crate) struct Poller<S: Source> {
    pub(super) source: S,
    pub(super) opener: S::Opener,
    config: watch::Receiver<Arc<S::Config>>,
    publisher: Publisher,
    pub(super) log: TransitionLog,
    began: Instant,
    pub(super) health: Health,
    throttle: CostThrottle,
    pub(super) freshness: Freshness,
    /// In the order of the source's jobs. The entry of the primary job is not used.
    pub(super) schedule: Vec<JobSchedule>,
    /// The last primary poll succeeded.
    pub(super) is_up: bool,
    /// Until when the last poll is current.
    pub(super) current_until: watch::Sender<Instant>,
}

impl<S: Source> Poller<S> {
    pub(crate) fn new(
        mut config: watch::Receiver<Arc<S::Config>>,
        publisher: Publisher,
        scrapes: watch::Receiver<Scrapes>,
    ) -> Self {
        let source = S::new(Arc::clone(&config.borrow_and_update()));
        let now = Instant::now();
        Self {
            log: TransitionLog::new(S::id(source.config()), S::MESSAGES, S::JOBS),
            source,
            opener: S::Opener::default(),
            config,
            publisher,
            began: now,
            health: Health::of(S::JOBS),
            throttle: CostThrottle::default(),
            freshness: Freshness::new(scrapes),
            schedule: vec![JobSchedule::default(); S::JOBS.len()],
            is_up: false,
            current_until: watch::channel(now).0,
        }
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(mut self) -> Infallible {
        let mut backoff = Backoff::default();
        loop {
            let config = Arc::clone(self.source.config());
            match S::open(config, &mut self.opener).await {
                Ok(session) => {
                    self.opened(&session);
                    self.serve(session, &mut backoff).await;
                }
                Err(failed) => self.connect_failed(&failed),
            }
            self.pause(backoff.next(fastrand::f64())).await;
        }
    }

    /// Polls until the session is lost, or the configuration needs another one.
    async fn serve(&mut self, mut session: S::Session, backoff: &mut Backoff) {
        let mut errors = 0;
        let Some((mut ticks, mut alarm)) = self.timers() else {
            return;
        };
        loop {
            self.set(&mut alarm);
            tokio::select! {
                () = ticks.tick() => {
                    match self.poll(&mut session).await {
                        Outcome::Ok => {
                            *backoff = Backoff::default();
                            errors = 0;
                        }
                        // A new login would fail too.
                        Outcome::Timeout | Outcome::OutOfMemory => {}
                        Outcome::Error | Outcome::Denied if errors < MAX_ERRORS => errors += 1,
                        Outcome::Error | Outcome::Denied => return,
                        Outcome::Lost => return self.lost(&session),
                    }
                    self.slow_down(&ticks);
                }
                () = alarm.rings() => {
                    if self.refresh(&mut session).await == Outcome::Lost {
                        return self.lost(&session);
                    }
                }
                // The session was closed between two polls. A poll now finds out why, instead of after the interval.
                () = session.closed() => {
                    self.poll(&mut session).await;
                    return self.lost(&session);
                }
                Ok(()) = self.config.changed() => {
                    if self.reconfigured() {
                        *backoff = Backoff::default();
                        return self.publish_down(Down::Starting);
                    }
                    let Some(new) = self.timers() else {
                        return;
                    };
                    (ticks, alarm) = new;
                }
            }
        }
    }

    /// One tick: asks the primary job, then the slow jobs that are due. Returns the outcome of the primary job, or `Lost`.
    async fn poll(&mut self, session: &mut S::Session) -> Outcome {
        if Instant::now() > *self.current_until.borrow() {
            self.source.mark_gap(); // the agent was stopped: the time since the last poll is unknown
        }
        let outcome = self.poll_primary(session).await;
        if outcome != Outcome::Ok {
            // The cost is unknown; it is at most the time that the poll took.
            self.add_cost(self.took());
            self.publish_down(Down::Poll(outcome));
            return outcome;
        }
        self.poll_slow_jobs(session).await
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// None: the kernel gives no timer, so the agent cannot poll.
    fn timers(&mut self) -> Option<(Ticks, Alarm)> {
        let ticks = Ticks::every(self.source.timing().interval);
        match ticks.and_then(|ticks| Ok((ticks, Alarm::new()?))) {
            Ok(timers) => Some(timers),
            Err(error) => {
                let down = Down::Poll(Outcome::Error);
                self.log.down(down, &error);
                self.publish_down(down);
                None
            }
        }
    }

    /// Delays the next poll if this one took too long or cost too much.
    fn slow_down(&self, ticks: &Ticks) {
        let (timing, took, interval) = (self.source.timing(), self.took(), self.interval());
        let mut wait = interval;
        if let Some(rest) = rest(took, interval) {
            // After a timeout the server may have done no work and may recover at any moment: retry after one interval.
            let timed_out = took > timing.timeout;
            wait = if timed_out { rest.min(interval) } else { rest };
            ticks.reset_after(wait);
        } else if interval > ticks.period() {
            ticks.reset_after(interval.saturating_sub(took));
        }
        self.set_current(wait + timing.grace);
    }

    /// How long the last primary poll took, whatever its outcome.
    fn took(&self) -> Duration {
        self.health.jobs()[PRIMARY].duration.unwrap_or_default()
    }

    /// Adds what a primary poll cost the source.
    pub(super) fn add_cost(&mut self, cost: Duration) {
        self.throttle.add_cost(cost);
        self.health.set_interval(self.interval());
    }

    pub(super) fn interval(&self) -> Duration {
        let timing = self.source.timing();
        self.throttle
            .interval(timing.interval, timing.max_time_fraction)
    }

    /// True when the configuration needs another session.
    fn reconfigured(&mut self) -> bool {
        let new = Arc::clone(&self.config.borrow_and_update());
        let now = self.now();
        let needs_session = self.source.reconfigure(new, now);
        for (job, schedule) in self.schedule.iter_mut().enumerate() {
            schedule.make_due(now + self.source.interval(job).unwrap_or_default());
        }
        needs_session
    }

    async fn pause(&mut self, wait: Duration) {
        tokio::select! {
            () = sleep(wait) => {}
            Ok(()) = self.config.changed() => { self.reconfigured(); }
        }
    }

    fn opened(&mut self, session: &S::Session) {
        self.source.opened(session);
        let now = self.now();
        self.schedule.iter_mut().for_each(|job| job.make_due(now));
    }

    fn lost(&mut self, session: &S::Session) {
        self.source.lost(session);
        self.publish_down(Down::Poll(Outcome::Lost));
    }

    fn connect_failed(&mut self, failed: &Failed<ConnectFailure>) {
        self.health.connect_failed(failed.why);
        let down = Down::Connect(failed.why);
        self.log.down(down, &*failed.error);
        self.publish_down(down);
    }

    /// Counts the outcome of a question.
    pub(super) fn count(&mut self, job: usize, outcome: Outcome, took: Duration) {
        self.log.ended(job, outcome);
        self.health.polled(job, outcome, took, wall_clock());
    }

    /// The primary job has just succeeded: its data is current until the next poll is due.
    pub(super) fn mark_current(&mut self) {
        let next = self.interval() + self.source.timing().grace;
        self.current_until.send_replace(Instant::now() + next);
        self.is_up = true;
        self.log.ready(&self.source.version());
    }

    pub(super) fn observe(&mut self) {
        self.source.observe(&self.publisher.borrow());
    }

    /// Publishes the last poll, with the last answers of the slow jobs.
    pub(super) fn publish(&self) {
        self.send(None);
    }

    pub(super) fn publish_down(&mut self, down: Down) {
        self.source.mark_gap();
        self.is_up = false;
        self.send(Some(down));
    }

    fn send(&self, down: Option<Down>) {
        let publication = Publication {
            health: self.health.clone(),
            current_until: self.current_until.subscribe(),
            down,
            now: self.now(),
        };
        self.source.publish(&self.publisher, publication);
    }
}

#[cfg(test)]
mod tests;
