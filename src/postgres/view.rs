//! The views of a server that are read: one file each, with its SQL, its row, its decoding and, if it is slow, its cadence.

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

/// The views that are read less often than every poll, each as a job of its own. A new one is a line here.
pub(crate) const SLOW: [SlowView; 2] = [statistics::VIEW, archiver::VIEW];

/// What a slow view has brought, for the readings.
pub(crate) type Update = Box<dyn FnOnce(&mut Readings) + Send>;

/// A view without parameters.
pub(crate) struct SlowView {
    /// The label `poll`.
    pub(crate) job: &'static str,
    pub(crate) interval: fn(&Cadence) -> Duration,
    /// Takes what is known of it from the readings: it has failed.
    pub(crate) clear: fn(&mut Readings),
    pub(super) context: QueryContext,
    /// For this `server_version_num`. They share one round trip.
    pub(super) statements: fn(u32) -> Vec<String>,
    /// The rows of each statement.
    pub(super) decode: fn(&[Vec<Row>]) -> Result<Update, QueryError>,
}
