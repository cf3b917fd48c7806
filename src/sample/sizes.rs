//! Sizes of databases, and what it cost to measure them.

use super::Oid;

/// What asking for the size of one database brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Bytes(u64),
    /// Neither CONNECT on the database nor `pg_read_all_stats`.
    Forbidden,
    /// `pg_database_size()` gave NULL to a role that may ask: PostgreSQL found no file that it could read, because the
    /// directory of the database is missing or cannot be opened.
    Unreadable,
    /// Dropped, or being dropped, while it was asked for.
    Gone,
}

/// The answer for one database, with the time that the server took for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SizeMeasurement {
    pub(crate) oid: Oid,
    pub(crate) size: Size,
    /// Seconds of server time; what the next measurement of this database will cost, as far as one can know.
    pub(crate) seconds: f64,
}
