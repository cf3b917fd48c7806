//! The log of one server: states, not steps. What repeats on every poll is said when it changes.

use std::error::Error;

use tracing::{info, warn};

use crate::health::{Job, Outcome};
use crate::logging::chain;
use crate::memory::Seen;
use crate::sample::Support;
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
    support: Support,
    /// How each of the slower jobs ended last; the fast one decides about up and down.
    jobs: [Outcome; Job::ALL.len()],
    sees_all_sessions: bool,
    superuser: bool,
    missing: Vec<String>,
    /// Databases whose files PostgreSQL could not read.
    unreadable: Vec<String>,
    /// Not every database and role is shown.
    folds: bool,
}

impl Journal {
    pub(super) fn new(server: String) -> Self {
        Self {
            server,
            said: Said::Nothing,
            support: Support::Known,
            jobs: [Outcome::Ok; Job::ALL.len()],
            sees_all_sessions: true,
            superuser: false,
            missing: Vec::new(),
            unreadable: Vec::new(),
            folds: false,
        }
    }

    pub(super) fn up(&mut self, seen: &Seen) {
        let roster = &seen.roster;
        if self.said != Said::Up {
            info!(
                server = self.server,
                version = roster.info.short_version(),
                "ready"
            );
            self.said = Said::Up;
        }
        if let Some(news) = self.version(roster.info.support()) {
            warn!(server = self.server, "{news}");
        }
        if roster.superuser && !self.superuser {
            warn!(
                server = self.server,
                "the role is a superuser; pgcommons role-sql prints what creates a lesser one"
            );
        }
        self.superuser = roster.superuser;
        self.missing(&roster.missing);
        self.folded(roster.folded);
        let all = seen.sees_all_sessions();
        match (self.sees_all_sessions, all) {
            (true, false) => {
                warn!(
                    server = self.server,
                    "the role lacks pg_monitor: sessions of others are hidden, counts left out"
                );
            }
            (false, true) => info!(server = self.server, "the role sees all sessions again"),
            (true, true) | (false, false) => {}
        }
        self.sees_all_sessions = all;
    }

    fn missing(&mut self, databases: &[String]) {
        if self.missing != databases {
            self.missing = databases.to_vec();
            if !databases.is_empty() {
                warn!(
                    server = self.server,
                    ?databases,
                    "budgets for databases that are not there"
                );
            }
        }
    }

    pub(super) fn unreadable(&mut self, databases: &[&str]) {
        if self.unreadable != databases {
            self.unreadable = databases.iter().map(ToString::to_string).collect();
            if !databases.is_empty() {
                warn!(
                    server = self.server,
                    ?databases,
                    "PostgreSQL cannot read the files of databases: a directory is missing, or may not be opened"
                );
            }
        }
    }

    /// What there is to say of the server's version; a restart alone does not change it, an upgrade may.
    fn version(&mut self, support: Support) -> Option<&'static str> {
        if std::mem::replace(&mut self.support, support) == support {
            return None;
        }
        match support {
            Support::Known => None,
            Support::TooOld => {
                Some("PostgreSQL before 13 is not supported, and watched as far as that goes")
            }
            Support::TooNew => Some(
                "PostgreSQL after 18 is not known to this agent, and watched as far as that goes",
            ),
        }
    }

    fn folded(&mut self, (databases, roles): (usize, usize)) {
        let folds = databases + roles > 0;
        if folds && !self.folds {
            warn!(
                server = self.server,
                databases,
                roles,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_out_of_range_is_said_once_for_each_upgrade() {
        let mut journal = Journal::new("a".to_owned());
        let versions = [
            (120_022, true),
            (120_022, false),
            (130_000, false),
            (189_999, false),
            (190_000, true),
            (200_001, false),
            (180_004, false),
            (190_000, true),
        ];
        for (n, (version_num, news)) in versions.into_iter().enumerate() {
            let said = journal.version(Support::of(version_num));
            assert_eq!(said.is_some(), news, "{n}: {version_num}");
        }
    }
}
