//! WAL files that wait to be archived.

/// The `.ready` files in `pg_wal/archive_status`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ArchiveQueue {
    pub(crate) files: u64,
    /// When the file that waits longest was completed, seconds since the epoch; None: none waits.
    pub(crate) oldest: Option<f64>,
    /// Seconds that this file had waited at the poll, by the server's clock.
    pub(crate) longest_wait: Option<f64>,
}
