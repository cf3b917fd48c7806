//! Judges the privileges when they were read. Only the judgement is kept: the facts are big, and nothing else shows them.

use std::sync::Arc;

use super::ServerSource;
use crate::isolation::{self, Question};
use crate::postgres;
use crate::postgres::view::{ACCESS_JOB, SLOW};
use crate::sample::Readings;

impl ServerSource {
    pub(super) fn judge(&mut self, session: &postgres::Session) {
        if let Some(access) = self.readings.access.take() {
            let info = session.info();
            let judgement = isolation::judge(Question::new(
                &access,
                &self.config.policy,
                info,
                &self.config.target.dbname,
            ));
            self.isolation = Some(Arc::new(judgement.into()));
        }
    }

    /// Forgets what all slow jobs but the sizes have read.
    pub(super) fn forget_all(&mut self) {
        self.readings = Readings::default();
        self.isolation = None;
        self.statements = None;
        self.processes = None;
    }

    /// Forgets what a failed job has read: its readings, and the judgement of them.
    pub(super) fn forget(&mut self, view: usize) {
        (SLOW[view].clear)(&mut self.readings);
        if SLOW[view].job == ACCESS_JOB {
            self.isolation = None;
        }
    }
}
