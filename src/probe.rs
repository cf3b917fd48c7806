//! A look into the database of a tenant: how its rows are shared out among workspaces, and what is open inside it. Pure: what was read
//! in, what is published out. What is not known completely is unknown: a part is never shown as the whole.

mod label;
mod workspaces;

use crate::isolation::{self, InnerFinding};
use crate::sample::probe::{MAX_TABLES, ProbeAnswer};
use crate::series::slots::SeriesSlots;

pub(crate) use workspaces::{Amount, Estimate, TableState, Unknown, Workspaces, count};

/// The series of what is summed up.
pub(crate) const OTHER: &str = "other";

/// How many workspaces of a database have series of their own. Tenants choose their names.
pub(crate) const SERIES: usize = 50;

/// One database as of its last probe.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProbeView {
    /// None: not configured.
    pub(crate) workspaces: Option<Workspaces>,
    /// By kind; none: nothing is open.
    pub(crate) findings: Vec<InnerFinding>,
}

impl ProbeView {
    /// `slots`: the workspaces of this database that have series; `now` is the time since the poller began.
    pub(crate) fn of(
        answer: ProbeAnswer,
        slots: &mut SeriesSlots,
        now: std::time::Duration,
    ) -> Self {
        let workspaces = answer.workspaces;
        Self {
            workspaces: workspaces.map(|read| Workspaces::of(&read, slots, now)),
            findings: isolation::inside(&answer.inside),
        }
    }
}

/// Whether there are more tables than are summed up.
fn is_too_many(tables: usize) -> bool {
    tables > MAX_TABLES
}

#[cfg(test)]
mod tests;
