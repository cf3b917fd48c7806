//! The sessions of a server, from one fast poll.

use std::sync::Arc;

use super::{Catalogue, Oid};

/// Sessions that are alike in everything that is looked at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sessions {
    /// None: connected to no database (a background process, or a login that has not come that far).
    pub(crate) database: Option<Oid>,
    pub(crate) role: Option<Oid>,
    pub(crate) application_name: String,
    /// None: a background process, or hidden from the agent's role. One that is not known here is `other`.
    pub(crate) state: Option<&'static str>,
    /// None: hidden from the agent's role, or a background worker that is just ending. Extensions call their workers as they
    /// like, after databases and jobs too: here all of these are `background worker`.
    pub(crate) backend_type: Option<&'static str>,
    pub(crate) count: u32,
    /// Of these, those that wait for a lock.
    pub(crate) blocked: u32,
    /// Seconds since the oldest open transaction of the group began.
    pub(crate) oldest_transaction: Option<f64>,
}

/// The fast poll: everything that judging connections takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Activity {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) sessions: Vec<Sessions>,
    /// `pg_is_in_recovery()`: a standby, until it is promoted, which ends no session.
    pub(crate) in_recovery: bool,
    /// The orphaned backend that the poll asked about still runs.
    pub(crate) has_orphan: bool,
    /// Server time that the poll took, by the server's clock, which may have been set meanwhile.
    pub(crate) seconds: f64,
}

impl Activity {
    /// Whether the agent's role sees the sessions of others. Without `pg_read_all_stats` the server keeps the
    /// `backend_type` of every session NULL that is not the role's own, also of the checkpointer, which always runs and
    /// belongs to no role. A NULL alone says nothing: a background worker that is just ending has one too.
    pub(crate) fn sees_all_sessions(&self) -> bool {
        let mut without_role = self.sessions.iter().filter(|group| group.role.is_none());
        without_role.any(|group| group.backend_type.is_some())
    }
}
