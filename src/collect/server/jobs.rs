//! The jobs of a server: activity, the slow views, statements, processes, sizes.

use crate::collect::source::PRIMARY;
use crate::postgres::view::{self, SLOW};

pub(super) const FIRST_SLOW: usize = PRIMARY + 1;
pub(super) const STATEMENTS: usize = FIRST_SLOW + SLOW.len();
pub(super) const PROCESSES: usize = STATEMENTS + 1;
pub(super) const SIZES: usize = PROCESSES + 1;

/// The label values `poll`.
pub(crate) const JOBS: [&str; SIZES + 1] = {
    let mut jobs = ["activity"; SIZES + 1];
    let mut view = 0;
    while view < SLOW.len() {
        jobs[FIRST_SLOW + view] = SLOW[view].job;
        view += 1;
    }
    jobs[STATEMENTS] = view::STATEMENTS;
    jobs[PROCESSES] = view::PROCESSES;
    jobs[SIZES] = "sizes";
    jobs
};
