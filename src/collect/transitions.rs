//! The log of one source. It logs changes of state: a failure that repeats on every poll is logged once.

use std::error::Error;

use tracing::{info, warn};

use super::source::{LogMessages, PRIMARY, SourceId};
use crate::logging::chain;
use crate::outcome::{Failed, Outcome};
use crate::state::Down;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Logged {
    Nothing,
    Up,
    Down(Down),
}

pub(super) struct TransitionLog {
    id: SourceId,
    messages: LogMessages,
    logged: Logged,
    jobs: &'static [&'static str],
    /// The last outcome of each job. That of the primary job is not used: `logged` has it.
    outcomes: Vec<Outcome>,
}

impl TransitionLog {
    pub(super) fn new(id: SourceId, messages: LogMessages, jobs: &'static [&'static str]) -> Self {
        Self {
            id,
            messages,
            logged: Logged::Nothing,
            jobs,
            outcomes: vec![Outcome::Ok; jobs.len()],
        }
    }

    pub(super) fn ready(&mut self, version: &str) {
        if self.logged != Logged::Up {
            let version = Some(version).filter(|version| !version.is_empty());
            info!(
                server = self.id.server,
                name = self.id.part,
                version,
                "{}",
                self.messages.ready
            );
            self.logged = Logged::Up;
        }
    }

    pub(super) fn down(&mut self, down: Down, error: &dyn Error) {
        if self.logged != Logged::Down(down) {
            warn!(
                server = self.id.server,
                name = self.id.part,
                reason = down.label(),
                error = chain(error),
                "{}",
                self.messages.down
            );
            self.logged = Logged::Down(down);
        }
    }

    /// No answer within the deadline; the poller still waits for the session.
    pub(super) fn timed_out(&mut self, job: usize) {
        let down = Down::Poll(Outcome::Timeout);
        if job == PRIMARY && self.logged != Logged::Down(down) {
            warn!(
                server = self.id.server,
                name = self.id.part,
                reason = down.label(),
                poll = self.jobs[job],
                "{}: no answer in time",
                self.messages.down
            );
            self.logged = Logged::Down(down);
        } else if job != PRIMARY && self.outcomes[job] != Outcome::Timeout {
            warn!(
                server = self.id.server,
                name = self.id.part,
                poll = self.jobs[job],
                reason = Outcome::Timeout.label(),
                "job failed: no answer in time"
            );
        }
    }

    pub(super) fn failed(&mut self, job: usize, failed: &Failed<Outcome>) {
        if job == PRIMARY || failed.why == Outcome::Lost {
            self.down(Down::Poll(failed.why), &*failed.error);
        } else if self.outcomes[job] != failed.why {
            warn!(
                server = self.id.server,
                name = self.id.part,
                poll = self.jobs[job],
                reason = failed.why.label(),
                error = chain(&*failed.error),
                "job failed"
            );
        }
    }

    pub(super) fn ended(&mut self, job: usize, outcome: Outcome) {
        self.outcomes[job] = outcome;
    }
}
