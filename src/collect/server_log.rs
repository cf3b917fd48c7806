//! What the agent logs about a PostgreSQL server besides up and down: an unsupported version, missing privileges, budgets
//! without a database, names without series. Each is logged when it changes.

use tracing::{info, warn};

use crate::crashes::Evidence;
use crate::sample::Support;
use crate::tracker::PolledState;

pub(super) struct ServerLog {
    server: String,
    support: Support,
    sees_all_sessions: bool,
    superuser: bool,
    missing: Vec<String>,
    /// Databases whose files PostgreSQL could not read.
    unreadable: Vec<String>,
    /// Databases and roles without series of their own.
    overflow: (usize, usize),
    /// The last poll counted sessions only.
    is_reduced: bool,
}

impl ServerLog {
    pub(super) fn new(server: String) -> Self {
        Self {
            server,
            support: Support::Known,
            sees_all_sessions: true,
            superuser: false,
            missing: Vec::new(),
            unreadable: Vec::new(),
            overflow: (0, 0),
            is_reduced: false,
        }
    }

    pub(super) fn polled(&mut self, polled: &PolledState) {
        let tenants = &polled.tenants;
        if let Some(message) = self.version(tenants.info.support()) {
            warn!(server = self.server, "{message}");
        }
        if tenants.superuser && !self.superuser {
            warn!(
                server = self.server,
                "the role is a superuser; use pgcommons role-sql to create one with fewer privileges"
            );
        }
        self.superuser = tenants.superuser;
        self.missing(&tenants.missing);
        self.without_series(tenants.overflow);
        let all = polled.sees_all_sessions();
        match (self.sees_all_sessions, all) {
            (true, false) => {
                warn!(
                    server = self.server,
                    "the role lacks pg_monitor: it does not see the sessions of other roles, so their counts are absent"
                );
            }
            (false, true) => info!(server = self.server, "the role sees all sessions again"),
            (true, true) | (false, false) => {}
        }
        self.sees_all_sessions = all;
    }

    /// The server had no shared memory to read the catalogue, or has it again.
    pub(super) fn reduced(&mut self, is_reduced: bool) {
        match (self.is_reduced, is_reduced) {
            (false, true) => warn!(
                server = self.server,
                "out of shared memory: only sessions are counted, and PostgreSQL refuses logins; the lock table is probably full"
            ),
            (true, false) => info!(server = self.server, "the catalogue can be read again"),
            (true, true) | (false, false) => {}
        }
        self.is_reduced = is_reduced;
    }

    pub(super) fn crashed(&self, evidence: Evidence) {
        warn!(
            server = self.server,
            reason = evidence.label(),
            "crash: a process of the server died, and the server ended all sessions"
        );
    }

    fn missing(&mut self, databases: &[String]) {
        if self.missing != databases {
            self.missing = databases.to_vec();
            if !databases.is_empty() {
                warn!(
                    server = self.server,
                    ?databases,
                    "budgets for databases that do not exist"
                );
            }
        }
    }

    pub(super) fn unreadable(&mut self, databases: &[&str]) {
        if self.unreadable != databases {
            self.unreadable = databases.iter().map(ToString::to_string).collect();
            if !databases.is_empty() {
                warn!(
                    server = self.server,
                    ?databases,
                    "PostgreSQL cannot read the files of databases: a directory is missing or cannot be opened"
                );
            }
        }
    }

    /// The message about the server's version. It is repeated only after an upgrade, not after a restart.
    fn version(&mut self, support: Support) -> Option<&'static str> {
        if std::mem::replace(&mut self.support, support) == support {
            return None;
        }
        match support {
            Support::Known => None,
            Support::TooOld => {
                Some("PostgreSQL before 13 is not supported: some series may be missing")
            }
            Support::TooNew => {
                Some("PostgreSQL after 18 is not known to this agent: some series may be missing")
            }
        }
    }

    fn without_series(&mut self, overflow: (usize, usize)) {
        let (databases, roles) = overflow;
        if overflow != (0, 0) && self.overflow == (0, 0) {
            warn!(
                server = self.server,
                databases,
                roles,
                "more databases or roles than series_limits.databases and series_limits.roles allow: some have no series of their own"
            );
        }
        self.overflow = overflow;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsupported_version_is_logged_once_per_upgrade() {
        let mut log = ServerLog::new("a".to_owned());
        let versions = [
            (120_022, true),
            (120_022, false),
            (130_000, false),
            (189_999, false),
            (190_000, true),
            (200_001, false),
            (180_004, false),
            (190_000, true),
        ];
        for (n, (version_num, is_logged)) in versions.into_iter().enumerate() {
            let message = log.version(Support::of(version_num));
            assert_eq!(message.is_some(), is_logged, "{n}: {version_num}");
        }
    }
}
