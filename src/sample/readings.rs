//! What the slow jobs of a server have brought last: one field for each job, `None` while it is not known.

use std::sync::Arc;

use super::Stats;

/// The job that a field belongs to fills it, and empties it when it fails.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Readings {
    pub(crate) statistics: Option<Arc<Stats>>,
    pub(crate) archiver: Option<Archiver>,
}

/// The row of `pg_stat_archiver`, cumulative since its `stats_reset` but for the age.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Archiver {
    /// WAL files archived.
    pub(crate) archived_count: i64,
    /// Failed attempts.
    pub(crate) failed_count: i64,
    /// Seconds since the last WAL file was archived; None: none was.
    pub(crate) last_archive_age: Option<f64>,
}
