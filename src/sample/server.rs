//! The server: its version, its settings, and the privileges of the agent's role.

use super::Oid;

/// The process of the server that serves a session. PIDs are reused; (pid, `backend_start`) identifies a backend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Backend {
    pub(crate) pid: i32,
    /// Seconds since the epoch.
    pub(crate) start_time: f64,
}

/// What is read once per session. The settings change only at a restart of the server. The role's privileges may change at any
/// time; the catalogue has those that `pg_roles` shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerInfo {
    /// `server_version_num`, such as 150018.
    pub(crate) version_num: u32,
    /// `version()`, such as `PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, ...`.
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
    /// The role is a superuser, which the agent does not need.
    pub(crate) superuser: bool,
    /// The agent's own role may use the reserved slots (`pg_use_reserved_connections`); none before PostgreSQL 16.
    pub(crate) uses_reserved_connections: Option<bool>,
}

impl ServerInfo {
    /// Such as `15.18`.
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

/// Whether the agent supports the server's version. It polls other versions too, as far as that works.
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
