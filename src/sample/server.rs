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
    /// `backend_start` of the checkpointer, seconds since the epoch. None: the role lacks `pg_monitor`, or the server has just
    /// started and shows no checkpointer yet.
    pub(crate) checkpointer_start: Option<f64>,
    /// When this was read, by the server's clock, seconds since the epoch.
    pub(crate) read_at: f64,
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

    /// When the server last restarted after a crash, by its clock, seconds since the epoch. None: it did not since the start of
    /// the postmaster, or within [`START_SECONDS`] after it, or nothing tells. From 15 on the postmaster starts the checkpointer
    /// before recovery, and again only after a crash. Before 15 it starts it after recovery, which may take any time.
    pub(crate) fn last_crash(&self) -> Option<f64> {
        self.checkpointer_start
            .filter(|start| self.major() >= 15 && start - self.start_time > START_SECONDS)
    }
}

/// How much later than the postmaster the first checkpointer may start, in seconds. On 15 to 18 this takes 0.001 to 0.02 s, also
/// before a long recovery; the rest allows for a machine that is overloaded.
const START_SECONDS: f64 = 10.0;

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

/// A server that was started at 1000 s.
#[cfg(test)]
impl ServerInfo {
    pub(crate) fn of_test(version_num: u32, checkpointer_start: Option<f64>) -> Self {
        Self {
            version_num,
            version: String::new(),
            start_time: 1000.0,
            checkpointer_start,
            read_at: 9000.0,
            max_connections: 100,
            superuser_reserved_connections: 3,
            reserved_connections: None,
            rds_reserved_connections: None,
            role: 10,
            superuser: false,
            uses_reserved_connections: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_crash_is_told_since_15_by_a_checkpointer_that_is_younger_than_the_postmaster() {
        for (version_num, checkpointer, crash) in [
            (150_018, Some(1000.01), None),
            (150_018, Some(1009.9), None),
            (150_018, Some(1033.0), Some(1033.0)),
            (180_004, Some(4000.0), Some(4000.0)),
            (180_004, None, None),
            // The same after a start with 33 s of recovery.
            (140_022, Some(1033.0), None),
        ] {
            let info = ServerInfo::of_test(version_num, checkpointer);
            assert_eq!(info.last_crash(), crash);
        }
    }
}
