//! The sessions of a server, from one primary poll.

use std::sync::Arc;

use super::{Catalogue, Oid};

/// What a session that works waits for: `wait_event_type` of `pg_stat_activity`. The label `wait`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitClass {
    /// It waits for nothing that PostgreSQL reports: it runs, or waits for a CPU.
    Cpu,
    Io,
    /// A lock that another transaction holds.
    Lock,
    /// A lock inside the server, held for a moment.
    Lwlock,
    /// Another process of the server, such as a parallel worker.
    Ipc,
    /// The client: it sends the rows of a COPY, or reads its result slowly. Not the work of the server.
    Client,
    /// A pause (`pg_sleep`, `vacuum_cost_delay`), a pinned buffer, or an extension.
    Other,
}

impl WaitClass {
    pub(crate) const ALL: [Self; 7] = [
        Self::Cpu,
        Self::Io,
        Self::Lock,
        Self::Lwlock,
        Self::Ipc,
        Self::Client,
        Self::Other,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Io => "io",
            Self::Lock => "lock",
            Self::Lwlock => "lwlock",
            Self::Ipc => "ipc",
            Self::Client => "client",
            Self::Other => "other",
        }
    }
}

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
    /// 1 if the agent's own session is one of them: it takes a slot, but series of sessions leave it out.
    pub(crate) own: u32,
    /// What they wait for while they work. None: they do not work (idle, in a transaction or not; a process that waits for
    /// work), or it is the agent's own session.
    pub(crate) wait: Option<WaitClass>,
    /// Seconds since the oldest open transaction of the group began, without that of the agent.
    pub(crate) oldest_transaction: Option<f64>,
    /// When the statement began that has run longest in a client session of the group, in seconds since the epoch, without the agent's.
    pub(crate) oldest_statement: Option<f64>,
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
    /// The server's clock when it answered, in seconds since the epoch.
    pub(crate) time: f64,
}

impl Sessions {
    /// How many of them are not the agent's own session.
    pub(crate) fn others(&self) -> u32 {
        self.count.saturating_sub(self.own)
    }

    /// How many of them wait for a lock.
    pub(crate) fn blocked(&self) -> u32 {
        if self.wait == Some(WaitClass::Lock) {
            self.count
        } else {
            0
        }
    }
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
