//! What is asked less often than every tick, after the fast poll: statistics and sizes.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Poller, outcome};
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
        if self.seen.is_none() {
            return Outcome::Ok; // late with the statistics, and down until the next poll: what it may see is not known
        }
        let sizes = self.poll_sizes(session).await;
        if sizes == Some(Outcome::Lost) {
            return Outcome::Lost;
        }
        if stats.or(sizes).is_some() {
            self.show();
        }
        Outcome::Ok
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
        self.stats = answer.ok().map(Arc::new);
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
        let permitted = self
            .seen
            .as_ref()
            .is_some_and(|seen| seen.sees_all_sessions());
        let question = session.sizes(&batch, permitted);
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
        let sizes = Arc::make_mut(&mut self.sizes);
        match answer {
            Ok(answer) => sizes.measured(now, &batch, &answer, took, cadence),
            Err(_) => sizes.failed(now, &batch, took, why, cadence),
        }
        Some(outcome)
    }
}
