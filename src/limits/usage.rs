//! Which backends take a connection slot, and which count against the limits of databases and roles.

use std::collections::HashMap;

use crate::sample::{Oid, Sessions};

pub(super) const CLIENT: &str = "client backend";

/// Which backends count against the limits of databases and roles. It changed in minor releases (13.19, 14.16, 15.11,
/// 16.7, 17.3: "Exclude parallel workers from connection privilege checks and limits").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    ClientBackends,
    /// Older releases: logical walsenders count against both limits, autovacuum workers against the database's.
    AlsoWorkers,
}

impl Counting {
    pub(super) fn of(version_num: u32) -> Self {
        let first_minor = match version_num / 10_000 {
            ..=12 => return Self::AlsoWorkers,
            13 => 19,
            14 => 16,
            15 => 11,
            16 => 7,
            17 => 3,
            18.. => 0,
        };
        if version_num % 10_000 >= first_minor {
            Self::ClientBackends
        } else {
            Self::AlsoWorkers
        }
    }

    fn against_database(self, backend_type: &str) -> bool {
        backend_type == CLIENT
            || self == Self::AlsoWorkers
                && matches!(
                    backend_type,
                    "walsender" | "autovacuum worker" | "slotsync worker"
                )
    }

    fn against_role(self, backend_type: &str) -> bool {
        backend_type == CLIENT || self == Self::AlsoWorkers && backend_type == "walsender"
    }
}

/// Whether a backend takes one of the `max_connections` slots. Walsenders and workers have their own pools; the slotsync
/// worker of 17.0 to 17.2 took a connection slot.
fn takes_slot(backend_type: &str, version_num: u32) -> bool {
    backend_type == CLIENT
        || backend_type == "slotsync worker" && (170_000..170_003).contains(&version_num)
}

/// Connections per server, database and role. Correct only when the agent's role sees all sessions.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Usage {
    /// Connection slots in use, including those of superusers and of the agent.
    pub(crate) server: u32,
    /// The logins among them that have not reached a database yet; None when the server does not show them (before 18).
    pub(crate) starting: Option<u32>,
    databases: HashMap<Oid, u32>,
    roles: HashMap<Oid, u32>,
}

impl Usage {
    pub(crate) fn count(sessions: &[Sessions], version_num: u32) -> Self {
        let counting = Counting::of(version_num);
        let mut usage = Self {
            starting: (version_num >= 180_000).then_some(0),
            ..Self::default()
        };
        for group in sessions {
            usage.add(group, counting, version_num);
        }
        usage
    }

    fn add(&mut self, group: &Sessions, counting: Counting, version_num: u32) {
        let Some(backend_type) = group.backend_type else {
            return;
        };
        if takes_slot(backend_type, version_num) {
            add(&mut self.server, group.count);
            if let Some(starting) = &mut self.starting
                && group.state == Some("starting")
            {
                add(starting, group.count);
            }
        }
        if let Some(oid) = group.database
            && counting.against_database(backend_type)
        {
            add(self.databases.entry(oid).or_default(), group.count);
        }
        if let Some(oid) = group.role
            && counting.against_role(backend_type)
        {
            add(self.roles.entry(oid).or_default(), group.count);
        }
    }

    pub(crate) fn database(&self, oid: Oid) -> u32 {
        self.databases.get(&oid).copied().unwrap_or(0)
    }

    pub(crate) fn role(&self, oid: Oid) -> u32 {
        self.roles.get(&oid).copied().unwrap_or(0)
    }
}

/// The server's numbers may be wrong: a sum that would overflow stays at the maximum.
pub(crate) fn add(sum: &mut u32, count: u32) {
    *sum = sum.saturating_add(count);
}
