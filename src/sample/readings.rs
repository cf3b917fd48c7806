//! The last answers of the slow jobs of a server: one field per job, `None` while it is unknown.

use std::sync::Arc;

use super::Stats;
use super::access::Access;

/// Each job sets its field, and clears it when the job fails.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Readings {
    pub(crate) statistics: Option<Arc<Stats>>,
    pub(crate) archiver: Option<Archiver>,
    /// Until it is judged, which is before the next publication: it is big, and only the judgement is shown.
    pub(crate) access: Option<Access>,
}

/// The row of `pg_stat_archiver`; the counts are cumulative since its `stats_reset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Archiver {
    /// WAL files archived.
    pub(crate) archived_count: i64,
    /// Failed attempts to archive a WAL file.
    pub(crate) failed_count: i64,
    /// Seconds since the last WAL file was archived; None: none was archived.
    pub(crate) last_archive_age: Option<f64>,
}
