//! Replication, as this server sees it: its own delay if it is a standby, and the standbys that it sends to.

/// One poll of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Replication {
    /// Seconds; 0 on a primary, and on a standby that has replayed all that it received. None: unknown.
    pub(crate) lag: Option<f64>,
    /// Seconds since the commit that a standby replayed last. None: a primary, or nothing was replayed since the start.
    pub(crate) last_replay: Option<f64>,
    /// The worst first.
    pub(crate) senders: Vec<WalSenders>,
}

/// Rows of `pg_stat_replication` that are equal in what the agent reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WalSenders {
    /// A role with REPLICATION chooses it.
    pub(crate) application_name: String,
    /// `streaming`, ... An unknown state is `other`.
    pub(crate) state: &'static str,
    pub(crate) slot_name: Option<String>,
    /// The present position of the WAL, in bytes since its start.
    pub(crate) current_lsn: Option<f64>,
    /// Bytes that the slowest of them has not replayed. None: it reports no position, such as a base backup.
    pub(crate) lag_bytes: Option<f64>,
}
