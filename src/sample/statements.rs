//! What `pg_stat_statements` has counted, summed up by database.

use super::Oid;

/// A figure of [`StatementRow`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementFigure {
    /// `total_exec_time` in seconds.
    Seconds,
    /// `rows`
    Rows,
    /// `wal_bytes`; unknown in an extension that is older than 1.8.
    WalBytes,
    /// `temp_blks_written` in bytes.
    TemporaryBytes,
    /// `shared_blks_read` in bytes: blocks that were not in shared buffers.
    ReadBytes,
}

impl StatementFigure {
    pub(crate) const ALL: [Self; 5] = [
        Self::Seconds,
        Self::Rows,
        Self::WalBytes,
        Self::TemporaryBytes,
        Self::ReadBytes,
    ];
    pub(crate) const COUNT: usize = Self::ALL.len();
}

/// The sums over all statements of one database that have an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StatementRow {
    /// May be a database that was dropped.
    pub(crate) database: Oid,
    /// By [`StatementFigure`].
    pub(crate) figures: [Option<f64>; StatementFigure::COUNT],
}

/// One reading.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Statements {
    pub(crate) databases: Vec<StatementRow>,
    /// How often entries were removed because there were more than `pg_stat_statements.max` (`dealloc`), since the reset. None:
    /// an extension older than 1.9.
    pub(crate) evictions: Option<f64>,
    /// When all entries were removed last, by the server's clock, seconds since the epoch.
    pub(crate) reset_at: Option<f64>,
}
