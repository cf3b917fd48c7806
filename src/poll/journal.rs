//! The log of one server: states, not steps. What repeats on every poll is said when it changes.

use std::error::Error;

use tracing::{info, warn};

use crate::health::{Job, Outcome};
use crate::logging::chain;
use crate::snapshot::{Folded, Snapshot};
use crate::state::Down;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Said {
    Nothing,
    Up,
    Down(Down),
}

pub(super) struct Journal {
    server: String,
    said: Said,
    /// How each of the slower jobs ended last; the fast one decides about up and down.
    jobs: [Outcome; Job::ALL.len()],
    sees_all_sessions: bool,
    superuser: bool,
    missing: Vec<String>,
    /// Not every database and role is shown.
    folds: bool,
}

impl Journal {
    pub(super) fn new(server: String) -> Self {
        Self {
            server,
            said: Said::Nothing,
            jobs: [Outcome::Ok; Job::ALL.len()],
            sees_all_sessions: true,
            superuser: false,
            missing: Vec::new(),
            folds: false,
        }
    }

    pub(super) fn up(&mut self, snapshot: &Snapshot) {
        if self.said != Said::Up {
            info!(
                server = self.server,
                version = snapshot.info.short_version(),
                "ready"
            );
            self.said = Said::Up;
        }
        if snapshot.superuser && !self.superuser {
            warn!(
                server = self.server,
                "the role is a superuser; pgcommons role-sql prints what creates a lesser one"
            );
        }
        self.superuser = snapshot.superuser;
        if snapshot.missing != self.missing {
            self.missing.clone_from(&snapshot.missing);
            if !self.missing.is_empty() {
                warn!(
                    server = self.server,
                    databases = ?self.missing,
                    "budgets for databases that are not there"
                );
            }
        }
        self.folded(snapshot.folded);
        let sees = snapshot.sees_all_sessions();
        match (self.sees_all_sessions, sees) {
            (true, false) => {
                warn!(
                    server = self.server,
                    "the role lacks pg_monitor: sessions of others are hidden, counts left out"
                );
            }
            (false, true) => info!(server = self.server, "the role sees all sessions again"),
            (true, true) | (false, false) => {}
        }
        self.sees_all_sessions = sees;
    }

    fn folded(&mut self, folded: Folded) {
        let folds = folded.databases + folded.roles > 0;
        if folds && !self.folds {
            warn!(
                server = self.server,
                databases = folded.databases,
                roles = folded.roles,
                "more names than are shown one by one: activity.databases and activity.roles say how many"
            );
        }
        self.folds = folds;
    }

    pub(super) fn down(&mut self, down: Down, error: &dyn Error) {
        if self.said != Said::Down(down) {
            warn!(
                server = self.server,
                reason = down.label(),
                error = chain(error),
                "down"
            );
            self.said = Said::Down(down);
        }
    }

    /// No answer within the deadline; the session is waited for.
    pub(super) fn late(&mut self, job: Job) {
        let down = Down::Poll(Outcome::Timeout);
        if self.said != Said::Down(down) {
            warn!(
                server = self.server,
                reason = down.label(),
                poll = job.label(),
                "down: no answer in time"
            );
            self.said = Said::Down(down);
        }
    }

    pub(super) fn failed(&mut self, job: Job, outcome: Outcome, error: &dyn Error) {
        if job == Job::Activity || outcome == Outcome::Lost {
            self.down(Down::Poll(outcome), error);
        } else if self.jobs[job as usize] != outcome {
            warn!(
                server = self.server,
                poll = job.label(),
                reason = outcome.label(),
                error = chain(error),
                "job failed"
            );
        }
    }

    pub(super) fn ended(&mut self, job: Job, outcome: Outcome) {
        self.jobs[job as usize] = outcome;
    }
}
