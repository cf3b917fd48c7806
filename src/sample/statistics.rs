//! Cumulative statistics of each database.

use std::collections::HashMap;
use std::sync::Arc;

use super::Oid;

/// One row of `pg_stat_database`, cumulative since `stats_reset`, except `numbackends`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct DatabaseStats {
    pub(crate) oid: Oid,
    pub(crate) numbackends: i32,
    pub(crate) xact_commit: i64,
    pub(crate) xact_rollback: i64,
    pub(crate) blks_read: i64,
    pub(crate) blks_hit: i64,
    pub(crate) tup_returned: i64,
    pub(crate) tup_fetched: i64,
    pub(crate) tup_inserted: i64,
    pub(crate) tup_updated: i64,
    pub(crate) tup_deleted: i64,
    pub(crate) conflicts: i64,
    pub(crate) temp_files: i64,
    pub(crate) temp_bytes: i64,
    pub(crate) deadlocks: i64,
    /// Milliseconds, as in the view.
    pub(crate) blk_read_time: f64,
    pub(crate) blk_write_time: f64,
    /// Seconds since the epoch; None: never reset.
    pub(crate) stats_reset: Option<f64>,
    /// Milliseconds; the column exists since PostgreSQL 14.
    pub(crate) active_time: Option<f64>,
    /// The columns exist since PostgreSQL 14.
    pub(crate) sessions: Option<SessionCounts>,
    /// `age(datfrozenxid)`, in transactions.
    pub(crate) frozen_xid_age: i32,
    /// `mxid_age(datminmxid)`, in multixacts.
    pub(crate) min_mxid_age: i32,
}

/// Sessions of one database that were opened, and those that the client did not close (`pg_stat_database`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionCounts {
    pub(crate) sessions: i64,
    /// The connection to the client was lost.
    pub(crate) abandoned: i64,
    /// Ended by a fatal error: includes refused logins and timeouts such as `idle_session_timeout`.
    pub(crate) fatal: i64,
    /// Ended by `pg_terminate_backend()` or another operator's action.
    pub(crate) killed: i64,
}

/// The statistics of all databases, by OID.
pub(crate) type Stats = HashMap<Oid, Arc<DatabaseStats>>;
