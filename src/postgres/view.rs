//! The views that the agent reads: one file each, with its SQL, its row, its decoding and, for a slow view, its interval.

pub(super) mod access;
pub(super) mod activity;
pub(crate) mod archive_queue;
mod archiver;
mod blocking;
pub(super) mod catalogue;
pub(super) mod info;
mod locks;
pub(super) mod processes;
mod replication;
mod resources;
pub(super) mod running;
mod server_stats;
pub(super) mod sessions;
mod settings;
pub(super) mod sizes;
mod slots;
pub(super) mod statements;
pub(super) mod statistics;
mod temporary;
mod wal;

use std::time::Duration;

use tokio_postgres::Row;

use super::QueryError;
use super::column::QueryContext;
use crate::config::Cadence;
use crate::sample::Readings;

/// The views that are read less often than every poll, each as its own job. A new view needs a line here.
pub(crate) const SLOW: [SlowView; 12] = [
    statistics::VIEW,
    locks::VIEW,
    archiver::VIEW,
    wal::VIEW,
    temporary::VIEW,
    slots::VIEW,
    resources::VIEW,
    archive_queue::VIEW,
    server_stats::VIEW,
    replication::VIEW,
    settings::VIEW,
    blocking::VIEW,
];

/// The job that reads privileges. It is not one of [`SLOW`]: it reads them only when they have changed.
pub(crate) const ACCESS: &str = "access";
/// The views in [`SLOW`] that have cumulative figures which boards show as rates: `statistics` and `server_stats`.
pub(crate) const FOLLOWING: [usize; 2] = [0, 8];

/// The job of the view that is only read while a session waits for a lock.
pub(crate) const BLOCKING: &str = blocking::JOB;
/// The job that reads `pg_stat_statements`. It is not one of [`SLOW`]: the server's catalogue decides what it asks.
pub(crate) const STATEMENTS: &str = "statements";

/// The job that reads `/proc`, for the processes that PostgreSQL lists.
pub(crate) const PROCESSES: &str = "processes";

/// The beginning of a statement: `wal.lsn` is the position of the server in the WAL. A standby sends what it received to standbys
/// of its own, and keeps it for its slots.
const WAL_POSITION: &str = "
with wal as materialized (
    select case when pg_catalog.pg_is_in_recovery()
                then coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
                else pg_catalog.pg_current_wal_lsn() end as lsn)";

/// Stores the answer of a slow view in the readings.
pub(crate) type Update = Box<dyn FnOnce(&mut Readings) + Send>;

/// A view without parameters.
pub(crate) struct SlowView {
    /// The label `poll`.
    pub(crate) job: &'static str,
    /// PostgreSQL refuses the view to a role without `pg_monitor`, and would log each attempt.
    pub(crate) needs_monitor: bool,
    pub(crate) interval: fn(&Cadence) -> Duration,
    /// Removes the view's answer from the readings, after the job has failed.
    pub(crate) clear: fn(&mut Readings),
    pub(super) context: QueryContext,
    /// The statements for this `server_version_num`. They share one round trip.
    pub(super) statements: fn(u32) -> Vec<String>,
    /// Decodes the rows of each statement.
    pub(super) decode: fn(&[Vec<Row>]) -> Result<Update, QueryError>,
}

/// The interval of a view that costs more, or changes seldom: three times `stats.interval`, up to 45 s. The alert
/// `PgcommonsPollStale` fires after 60 s.
pub(crate) fn rarely(cadence: &Cadence) -> Duration {
    let longest = cadence.stats.max(Duration::from_secs(45));
    longest.min(cadence.stats * 3)
}
