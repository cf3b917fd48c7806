//! When the jobs that follow the scrapes are asked: shortly before the next request for the page, but not more often than each
//! second, and not more often than their cost allows. Without requests they keep their own interval.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::poller::Poller;
use super::source::Source;
use super::throttle::CostThrottle;
use super::ticks::Alarm;
use crate::outcome::Outcome;
use crate::scrapes::Scrapes;

/// A little less than the shortest interval of a scraper: a timer that rings late must not delay the next reading.
const MIN_INTERVAL: Duration = Duration::from_millis(900);

pub(super) struct Freshness {
    scrapes: watch::Receiver<Scrapes>,
    throttle: CostThrottle,
    /// When the first of the jobs was asked last. None: not yet, and then their own schedule asks them at once.
    asked: Option<Instant>,
    /// What the jobs have cost the source since then.
    cost: Duration,
    /// The part of the time of a question that is not work of the source: the network.
    overhead: Duration,
}

impl Freshness {
    pub(super) fn new(scrapes: watch::Receiver<Scrapes>) -> Self {
        Self {
            scrapes,
            throttle: CostThrottle::default(),
            asked: None,
            cost: Duration::ZERO,
            overhead: Duration::ZERO,
        }
    }

    /// The primary job took so long, and cost the source so much of it.
    pub(super) fn primary_ended(&mut self, took: Duration, cost: Duration) {
        self.overhead = took.saturating_sub(cost);
    }

    /// The first of the jobs is asked.
    fn began(&mut self, now: Instant) {
        let cost = std::mem::take(&mut self.cost);
        if cost > Duration::ZERO {
            self.throttle.add_cost(cost);
        }
        self.asked = Some(now);
    }

    /// When the next request of a scraper needs new figures.
    fn due(&self, server: &str, max_time_fraction: f64) -> Option<Instant> {
        let asked = self.asked?;
        let due = self.scrapes.borrow().due(server, asked, Instant::now())?;
        let shortest = self.throttle.interval(MIN_INTERVAL, max_time_fraction);
        Some(due.max(asked + shortest))
    }
}

impl<S: Source> Poller<S> {
    /// Sets the alarm for the next request of a scraper.
    pub(super) fn set(&self, alarm: &mut Alarm) {
        let follows = self.is_up && !S::FOLLOWING.is_empty();
        let due = follows.then(|| {
            let server = S::id(self.source.config()).server;
            let fraction = self.source.timing().max_time_fraction;
            self.freshness.due(&server, fraction)
        });
        alarm.set(due.flatten());
    }

    /// Asks the jobs that follow the scrapes, between two primary polls. A job that rests after a failure is not asked.
    pub(super) async fn refresh(&mut self, session: &mut S::Session) -> Outcome {
        let (now, until) = (self.now(), self.current_until());
        if Instant::now() > until {
            return Outcome::Ok; // the agent was stopped: the primary job comes first
        }
        for job in S::FOLLOWING {
            self.schedule[*job].bring_forward(now);
        }
        self.freshness.began(Instant::now()); // also if none of them may be asked: the next attempt is for the next request
        let outcome = self.poll_slow_jobs(session).await;
        self.limit_current(until);
        outcome
    }

    pub(super) fn slow_job_began(&mut self, job: usize, now: Instant) {
        if S::FOLLOWING.first() == Some(&job) {
            self.freshness.began(now);
        }
    }

    pub(super) fn slow_job_ended(&mut self, job: usize, took: Duration) {
        if S::FOLLOWING.contains(&job) {
            let cost = took.saturating_sub(self.freshness.overhead);
            self.freshness.cost += cost;
        }
    }
}
