//! What is asked less often than every tick, after the fast poll: statistics and sizes.

use tokio::time::Instant;

use super::{Poller, outcome};
use crate::clock::wall_clock;
use crate::health::{Job, Outcome};
use crate::pg::Session;
use crate::sizes::Unknown;

impl Poller {
    /// Those that are due; what they bring is shown at once, for the next poll may be long in coming.
    pub(super) async fn poll_slower(&mut self, session: &Session) -> Outcome {
        let stats = self.poll_stats(session).await;
        if stats == Some(Outcome::Lost) {
            return Outcome::Lost;
        }
        let sizes = self.poll_sizes(session).await;
        if sizes == Some(Outcome::Lost) {
            return Outcome::Lost;
        }
        if stats.or(sizes).is_some() {
            self.refresh();
        }
        Outcome::Ok
    }

    fn refresh(&self) {
        let published = self.publisher.borrow().clone();
        let shown = published.server(&self.settings.name);
        // None: it was late with an answer, and is down until the next poll.
        if let Some(snapshot) = shown.and_then(|server| server.snapshot()) {
            let now = self.began.elapsed();
            let stats = self.stats.as_ref();
            let refreshed = snapshot.refreshed(stats, &self.sizes, now, wall_clock());
            self.send(Ok(Box::new(refreshed)));
        }
    }

    /// None: it is not due.
    async fn poll_stats(&mut self, session: &Session) -> Option<Outcome> {
        let now = Instant::now();
        if now < self.stats_due {
            return None;
        }
        self.stats_due = now + self.settings.cadence.stats;
        let answer = self.ask(Job::Stats, session.stats()).await;
        let outcome = outcome(&answer);
        if let Ok(stats) = &answer {
            self.history.read(stats);
        }
        self.stats = answer.ok();
        Some(outcome)
    }

    /// None: none is due, or none is to be asked for.
    async fn poll_sizes(&mut self, session: &Session) -> Option<Outcome> {
        let batch = self.sizes.next_batch(self.began.elapsed());
        if batch.is_empty() || self.left_behind.is_some() {
            return None;
        }
        let cadence = self.settings.cadence.sizes;
        let started = Instant::now();
        let question = session.sizes(&batch, self.sees_all_sessions);
        let answer = self.ask(Job::Sizes, question).await;
        let (now, took, outcome) = (self.began.elapsed(), started.elapsed(), outcome(&answer));
        if outcome == Outcome::Lost {
            self.left_behind = Some(session.backend());
        }
        let why = if outcome == Outcome::Error {
            Unknown::Error
        } else {
            Unknown::Timeout
        };
        match answer {
            Ok(answer) => self.sizes.measured(now, &batch, &answer, took, cadence),
            Err(_) => self.sizes.failed(now, &batch, took, why, cadence),
        }
        Some(outcome)
    }
}
