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
    /// Not every database and role has series of its own.
    is_full: bool,
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
            is_full: false,
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

    fn without_series(&mut self, (databases, roles): (usize, usize)) {
        let is_full = databases + roles > 0;
        if is_full && !self.is_full {
            warn!(
                server = self.server,
                databases,
                roles,
                "more databases or roles than series_limits.databases and series_limits.roles allow: some have no series of their own"
            );
        }
        self.is_full = is_full;
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
