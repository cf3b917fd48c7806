//! The sessions of a server, from one primary poll.

use std::sync::Arc;

use super::{Catalogue, Oid};

/// Sessions that are equal in all columns that the agent reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sessions {
    /// None: not connected to a database (a background process, or a login in progress).
    pub(crate) database: Option<Oid>,
    pub(crate) role: Option<Oid>,
    pub(crate) application_name: String,
    /// None: a background process, or hidden from the agent's role. An unknown state is `other`.
    pub(crate) state: Option<&'static str>,
    /// None: hidden from the agent's role, or a background worker that is just ending. Extensions choose the names of their
    /// workers, also after databases and jobs: all of these are `background worker` here.
    pub(crate) backend_type: Option<&'static str>,
    pub(crate) count: u32,
    /// How many of them wait for a lock.
    pub(crate) blocked: u32,
    /// Seconds since the oldest open transaction of the group began.
    pub(crate) oldest_transaction: Option<f64>,
}

/// The answer of the primary poll: all that is needed to compare connections with limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Activity {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) sessions: Vec<Sessions>,
    /// `pg_is_in_recovery()`: true on a standby until it is promoted. Promotion ends no session.
    pub(crate) in_recovery: bool,
    /// The orphaned backend that the poll asked about still runs.
    pub(crate) has_orphan: bool,
    /// The server had no shared memory for the whole question: only sessions are new, the catalogue is that of an earlier poll.
    pub(crate) is_reduced: bool,
    /// Server time that the poll took, by the server's clock, which may have been set in between.
    pub(crate) seconds: f64,
}

impl Activity {
    /// Whether the agent's role sees the sessions of other roles. Without `pg_read_all_stats` the server returns NULL as the
    /// `backend_type` of sessions of other roles, and of the checkpointer, which always runs and has no role. One NULL proves
    /// nothing: a background worker that is just ending has NULL too.
    pub(crate) fn sees_all_sessions(&self) -> bool {
        let mut without_role = self.sessions.iter().filter(|group| group.role.is_none());
        without_role.any(|group| group.backend_type.is_some())
    }
}
