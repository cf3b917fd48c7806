//! Figures of the server as a whole: the background writer, the checkpointer, and open transactions.

/// One poll of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ServerStats {
    pub(crate) bgwriter: Bgwriter,
    /// `pg_stat_checkpointer`; the view exists since PostgreSQL 17.
    pub(crate) checkpointer: Option<Checkpointer>,
    /// None: the agent's role does not see all sessions.
    pub(crate) transactions: Option<OpenTransactions>,
}

/// The row of `pg_stat_bgwriter`, cumulative since `stats_reset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bgwriter {
    /// Buffers written by the background writer.
    pub(crate) buffers_clean: i64,
    /// How often the background writer stopped because it had written `bgwriter_lru_maxpages` buffers.
    pub(crate) maxwritten_clean: i64,
    pub(crate) buffers_alloc: i64,
    /// Seconds since the epoch; None: never reset.
    pub(crate) stats_reset: Option<f64>,
    /// The columns that PostgreSQL 17 removed.
    pub(crate) until_16: Option<BgwriterUntil16>,
}

/// Columns of `pg_stat_bgwriter` before PostgreSQL 17.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BgwriterUntil16 {
    pub(crate) checkpoints_timed: i64,
    pub(crate) checkpoints_req: i64,
    /// Milliseconds.
    pub(crate) checkpoint_write_time: f64,
    /// Milliseconds.
    pub(crate) checkpoint_sync_time: f64,
    pub(crate) buffers_checkpoint: i64,
    pub(crate) buffers_backend: i64,
    pub(crate) buffers_backend_fsync: i64,
}

/// The row of `pg_stat_checkpointer`, cumulative since `stats_reset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Checkpointer {
    pub(crate) num_timed: i64,
    pub(crate) num_requested: i64,
    pub(crate) restartpoints_timed: i64,
    pub(crate) restartpoints_req: i64,
    pub(crate) restartpoints_done: i64,
    /// Milliseconds.
    pub(crate) write_time: f64,
    /// Milliseconds.
    pub(crate) sync_time: f64,
    pub(crate) buffers_written: i64,
    /// Seconds since the epoch; None: never reset.
    pub(crate) stats_reset: Option<f64>,
}

/// Transactions of all sessions except the agent's own and those of autovacuum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OpenTransactions {
    pub(crate) count: i64,
    /// Seconds since the oldest began; None: none is open.
    pub(crate) oldest: Option<f64>,
}
