//! The views that the agent reads: one file each, with its SQL, its row, its decoding and, for a slow view, its interval.

pub(super) mod access;
pub(super) mod activity;
mod archiver;
pub(super) mod catalogue;
pub(super) mod info;
pub(super) mod owners;
pub(super) mod sizes;
pub(super) mod statistics;

use std::time::Duration;

use tokio_postgres::Row;

use super::QueryError;
use super::column::QueryContext;
use crate::config::Cadence;
use crate::sample::Readings;

/// The views that are read less often than every poll, each as its own job. A new view needs a line here.
pub(crate) const SLOW: [SlowView; 3] = [statistics::VIEW, archiver::VIEW, access::VIEW];

/// The job that reads privileges; its answer is judged before it is published.
pub(crate) const ACCESS_JOB: &str = access::VIEW.job;

/// Stores the answer of a slow view in the readings.
pub(crate) type Update = Box<dyn FnOnce(&mut Readings) + Send>;

/// A view without parameters.
pub(crate) struct SlowView {
    /// The label `poll`.
    pub(crate) job: &'static str,
    pub(crate) interval: fn(&Cadence) -> Duration,
    /// Removes the view's answer from the readings, after the job has failed.
    pub(crate) clear: fn(&mut Readings),
    pub(super) context: QueryContext,
    /// The statements for this `server_version_num`. They share one round trip.
    pub(super) statements: fn(u32) -> Vec<String>,
    /// Decodes the rows of each statement.
    pub(super) decode: fn(&[Vec<Row>]) -> Result<Update, QueryError>,
}
