//! Sizes of databases, and the cost of measuring them.

use super::Oid;

/// The result of measuring one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Bytes(u64),
    /// Neither CONNECT on the database nor `pg_read_all_stats`.
    Forbidden,
    /// `pg_database_size()` returned NULL although the role may call it: PostgreSQL could read no file, because the directory
    /// of the database is missing or cannot be opened.
    Unreadable,
    /// Dropped, or being dropped, while it was measured.
    Gone,
}

/// The size of one database, and the time that the server took to measure it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SizeMeasurement {
    pub(crate) oid: Oid,
    pub(crate) size: Size,
    /// Seconds of server time; the estimate for the next measurement of this database.
    pub(crate) seconds: f64,
}
