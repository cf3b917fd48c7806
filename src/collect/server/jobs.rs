//! The jobs of a PostgreSQL server, in the order of their numbers.

use super::super::source::PRIMARY;
use crate::postgres::view::{self, SLOW};

pub(super) const FIRST_SLOW: usize = PRIMARY + 1;
pub(super) const ACCESS: usize = FIRST_SLOW + SLOW.len();
pub(super) const STATEMENTS: usize = ACCESS + 1;
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
    jobs[ACCESS] = view::ACCESS;
    jobs[STATEMENTS] = view::STATEMENTS;
    jobs[PROCESSES] = view::PROCESSES;
    jobs[SIZES] = "sizes";
    jobs
};

/// The cumulative statistics: a graph of their rates needs new ones at each scrape.
pub(super) const FOLLOWING: [usize; 2] = [
    FIRST_SLOW + view::FOLLOWING[0],
    FIRST_SLOW + view::FOLLOWING[1],
];
