//! What a server said: plain rows of one poll, nothing computed from them. `Option` is for what may be unknown; a value
//! that is not there is never written as 0. No driver types, no limits, no labels.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// An object identifier of the server's catalogue. A database that is dropped and created again gets a new one.
pub(crate) type Oid = u32;

/// A process of the server that serves a session. Numbers of processes are used again; one that began then is this one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Backend {
    pub(crate) pid: i32,
    /// Seconds since the epoch.
    pub(crate) start_time: f64,
}

/// What is read once for each session. The server's figures need a restart to change; the role's privileges may change
/// meanwhile, and every poll brings those that a row of roles shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerInfo {
    /// `server_version_num`, as in 150018.
    pub(crate) version_num: u32,
    /// `version()`, as in `PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, ...`.
    pub(crate) version: String,
    /// `pg_postmaster_start_time()`, seconds since the epoch.
    pub(crate) start_time: f64,
    pub(crate) max_connections: u32,
    pub(crate) superuser_reserved_connections: u32,
    /// `reserved_connections`; the setting exists since PostgreSQL 16.
    pub(crate) reserved_connections: Option<u32>,
    /// `rds.rds_superuser_reserved_connections`; Amazon RDS only.
    pub(crate) rds_reserved_connections: Option<u32>,
    /// The agent's own role.
    pub(crate) role: Oid,
    /// It is a superuser, which it need not be.
    pub(crate) superuser: bool,
    /// The agent's own role may use the reserved slots (`pg_use_reserved_connections`); none before PostgreSQL 16.
    pub(crate) uses_reserved_connections: Option<bool>,
}

impl ServerInfo {
    /// As people say it: `15.18`.
    pub(crate) fn short_version(&self) -> String {
        format!("{}.{}", self.major(), self.version_num % 10_000)
    }

    pub(crate) fn major(&self) -> u32 {
        self.version_num / 10_000
    }

    pub(crate) fn support(&self) -> Support {
        Support::of(self.version_num)
    }
}

/// Whether the agent was made for the server's version; any other is served as far as it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    TooOld,
    Known,
    TooNew,
}

impl Support {
    pub(crate) fn of(version_num: u32) -> Self {
        match version_num {
            ..130_000 => Self::TooOld,
            130_000..190_000 => Self::Known,
            190_000.. => Self::TooNew,
        }
    }
}

/// One row of `pg_database`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Database {
    pub(crate) oid: Oid,
    /// Bytes that are not UTF-8 stand as `\xe9`: a name may have been made in another encoding.
    pub(crate) name: String,
    /// `datconnlimit`: -1 no limit, -2 invalid (an interrupted DROP), else the number of sessions.
    pub(crate) connection_limit: i32,
    /// `datallowconn`.
    pub(crate) accepts_connections: bool,
}

impl Database {
    /// What an interrupted DROP DATABASE leaves behind, and what a running one shows for as long as it takes.
    pub(crate) fn is_invalid(&self) -> bool {
        self.connection_limit == -2
    }
}

/// One login role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Role {
    pub(crate) oid: Oid,
    pub(crate) name: String,
    /// `rolconnlimit`: -1 no limit.
    pub(crate) connection_limit: i32,
    pub(crate) superuser: bool,
    /// Has the privileges of `pg_use_reserved_connections` (16+).
    pub(crate) uses_reserved_connections: bool,
}

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

/// Databases and login roles: read anew when the fast poll sees that they have changed, and with the statistics.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Catalogue {
    pub(crate) databases: Vec<Database>,
    /// Those with sessions first; at most 10,000.
    pub(crate) roles: Vec<Role>,
    /// How many roles there are that would be in `roles`.
    pub(crate) logins: usize,
    /// What the fast poll said before this was read.
    pub(crate) fingerprint: Fingerprint,
    /// Those in `roles`, and those that had sessions then and are not: they were dropped.
    pub(crate) known_roles: HashSet<Oid>,
}

/// Sums of hashes over the rows of `pg_database` and of login roles, with a random key for each session, and the numbers of
/// rows. It changes when a database or a login role is created, dropped, renamed or given another limit. A change of a row of
/// `pg_database` gives it another `xmin`, except that of a DROP that has begun, which sets `datconnlimit` in place.
/// Memberships of roles are not in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) databases: (i64, i64),
    pub(crate) roles: (i64, i64),
}

/// The fast poll: everything that judging connections takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Activity {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) sessions: Vec<Sessions>,
    /// `pg_is_in_recovery()`: a standby, until it is promoted, which ends no session.
    pub(crate) in_recovery: bool,
    /// The backend that was asked for, of a session that is lost, is still there.
    pub(crate) left_behind: bool,
    /// Server time that the poll took, by the server's clock, which may have been set meanwhile.
    pub(crate) seconds: f64,
}

impl Activity {
    /// Whether the agent's role sees the sessions of others. Without `pg_read_all_stats` the server keeps the
    /// `backend_type` of every session NULL that is not the role's own, also of the checkpointer, which always runs and
    /// belongs to no role. A NULL alone says nothing: a background worker that is just ending has one too.
    pub(crate) fn sees_all_sessions(&self) -> bool {
        let mut nobodys = self.sessions.iter().filter(|group| group.role.is_none());
        nobodys.any(|group| group.backend_type.is_some())
    }
}

/// One row of `pg_stat_database`, cumulative since `stats_reset` but for `numbackends`, and the locks in that database.
#[derive(Debug, Clone, PartialEq)]
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
    /// Milliseconds, as the view has them.
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
    pub(crate) locks: Vec<Locks>,
}

/// Sessions of one database that have begun, and those that ended other than by the client's request (`pg_stat_database`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionCounts {
    pub(crate) sessions: i64,
    /// The connection to the client was lost.
    pub(crate) abandoned: i64,
    /// Ended by a fatal error: refused logins and timeouts such as `idle_session_timeout` alike.
    pub(crate) fatal: i64,
    /// Ended by `pg_terminate_backend()` or another operator's action.
    pub(crate) killed: i64,
}

/// Locks held or awaited in one database, in one mode.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Locks {
    /// Lower case, as in `accesssharelock`.
    pub(crate) mode: String,
    pub(crate) count: i64,
}

/// The slow poll: what need not be read every second.
pub(crate) type Stats = HashMap<Oid, Arc<DatabaseStats>>;

/// What asking for the size of one database brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Bytes(u64),
    /// Neither CONNECT on the database nor `pg_read_all_stats`.
    Forbidden,
    /// Dropped, or being dropped, while it was asked for.
    Gone,
}

/// The answer for one database, with the time that the server took for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub(crate) oid: Oid,
    pub(crate) size: Size,
    /// Seconds of server time; what the next measurement of this database will cost, as far as one can know.
    pub(crate) seconds: f64,
}
