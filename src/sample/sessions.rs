//! Single sessions, which only `check --sessions` lists. Their texts are what tenants chose.

use serde::Serialize;

/// One session or worker, as `pg_stat_activity` has it. Ages are in seconds, by the clock of the server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ListedSession {
    pub(crate) pid: i32,
    /// None: a worker without a role, such as one of autovacuum.
    pub(crate) usename: Option<String>,
    pub(crate) datname: Option<String>,
    pub(crate) application_name: String,
    /// None: hidden from the role of the check.
    pub(crate) backend_type: Option<String>,
    /// None: hidden, or a process without a state.
    pub(crate) state: Option<String>,
    /// Since it changed its state.
    pub(crate) state_seconds: Option<f64>,
    /// Since its transaction began. None: none is open, or it has failed (PostgreSQL then shows no start).
    pub(crate) transaction_seconds: Option<f64>,
    /// Since its statement began. None: none runs.
    pub(crate) statement_seconds: Option<f64>,
    /// `wait_event_type` and `wait_event`, as in `Lock: transactionid`.
    pub(crate) wait: Option<String>,
    /// The beginning of the statement that runs, or ran last. None: not asked for, or hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) query: Option<String>,
}

/// The oldest sessions of a server.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct SessionList {
    /// How many sessions and workers there are, without that of the check.
    pub(crate) total: usize,
    /// Those with a transaction, the oldest first; then the others, the longest in their state first.
    pub(crate) sessions: Vec<ListedSession>,
}
