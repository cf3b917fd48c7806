//! Judges the privileges when they were read. Only the judgement is kept: the facts are big, and nothing else shows them.

use std::sync::Arc;
use std::time::Duration;

use super::ServerSource;
use super::access::AccessSchedule;
use crate::isolation::{self, Question};
use crate::postgres;
use crate::sample::Readings;
use crate::sample::access::Access;

impl ServerSource {
    /// `changed`: the privileges and their sum; None: they are as before.
    pub(super) fn privileges(
        &mut self,
        session: &postgres::Session,
        changed: Option<(Access, i64)>,
        took: Duration,
        now: Duration,
    ) {
        let sum = changed.map(|(access, sum)| {
            let (policy, dbname) = (&self.config.policy, &self.config.target.dbname);
            let question = Question::new(&access, policy, session.info(), dbname);
            self.isolation = Some(Arc::new(isolation::judge(question).into()));
            sum
        });
        self.access
            .answered(sum, took, now, self.config.cadence.stats);
    }

    pub(super) fn privileges_failed(&mut self, now: Duration) {
        self.isolation = None;
        self.access.failed(now, self.config.cadence.stats);
    }

    /// Forgets what all slow jobs but the sizes have read.
    pub(super) fn forget_all(&mut self) {
        self.readings = Readings::default();
        self.access = AccessSchedule::default();
        self.isolation = None;
        self.statements = None;
        self.processes = None;
    }
}
