//! Which limit binds, and how many connections can still be opened, as PostgreSQL enforces it. Pure: a sample and the
//! operator's policy in, a status out; no clock, no I/O, no logging.
//!
//! Sources: `InitPostgres` and `HaveNFreeProcs` for the slots, `CountDBConnections` and `CountUserBackends` for which
//! backends count against `datconnlimit` and `rolconnlimit`.

mod usage;

use crate::policy::{Budget, Policy};
use crate::sample::{Database, Role, ServerInfo};

pub(crate) use usage::{Usage, add};

/// The connection slots of the server, by the privilege of the role. No particular slot is reserved: the last free ones are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionSlots {
    /// How many a role without privileges may use.
    pub(crate) ordinary: u32,
    /// How many a member of `pg_use_reserved_connections` may use (16+).
    pub(crate) reserved: u32,
    /// How many a superuser may use: `max_connections`.
    pub(crate) superuser: u32,
}

impl ConnectionSlots {
    pub(crate) fn of(info: &ServerInfo, policy: &Policy) -> Self {
        let reserved = info
            .max_connections
            .saturating_sub(info.superuser_reserved_connections);
        let kept_back =
            info.reserved_connections.unwrap_or(0) + info.rds_reserved_connections.unwrap_or(0);
        let ordinary = reserved.saturating_sub(kept_back);
        Self {
            ordinary: policy
                .connections_limit
                .map_or(ordinary, |limit| limit.min(ordinary)),
            reserved,
            superuser: info.max_connections,
        }
    }

    fn for_role(self, role: &Role) -> u32 {
        if role.superuser {
            self.superuser
        } else if role.uses_reserved_connections {
            self.reserved
        } else {
            self.ordinary
        }
    }
}

/// What a limit is set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitKind {
    Server,
    Database,
    Role,
    Budget,
}

impl LimitKind {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Database => "database",
            Self::Role => "role",
            Self::Budget => "budget",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) kind: LimitKind,
    pub(crate) connections: u32,
    /// The connections that count against this limit. Those of all databases and roles count against the server's.
    pub(crate) used: u32,
}

impl Limit {
    pub(crate) fn free(self) -> u32 {
        self.connections.saturating_sub(self.used)
    }

    /// By how much it is exceeded: a budget may be, and a limit that was lowered.
    pub(crate) fn excess(self) -> u32 {
        self.used.saturating_sub(self.connections)
    }
}

/// The connections of the server, a database or a role, and every limit that applies to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitStatus {
    pub(crate) used: u32,
    /// What PostgreSQL enforces: the server's limit, then `datconnlimit` or `rolconnlimit`. Without the first no login is
    /// possible.
    enforced: [Option<Limit>; 2],
    /// What the operator has allotted. PostgreSQL knows nothing of it and refuses nothing.
    pub(crate) budget: Option<Limit>,
}

impl LimitStatus {
    /// The limits that PostgreSQL enforces.
    pub(crate) fn enforced(&self) -> impl Iterator<Item = Limit> {
        self.enforced.into_iter().flatten()
    }

    /// The enforced limits and the budget.
    pub(crate) fn all(&self) -> impl Iterator<Item = Limit> {
        self.enforced().chain(self.budget)
    }

    pub(crate) fn limit(&self, kind: LimitKind) -> Option<Limit> {
        self.all().find(|limit| limit.kind == kind)
    }

    /// `datconnlimit` or `rolconnlimit`, while it applies.
    pub(crate) fn own(&self) -> Option<Limit> {
        self.enforced()
            .find(|limit| limit.kind != LimitKind::Server)
    }

    /// The enforced limit that is reached first. Among equals the one with the widest scope, because raising another would not help.
    pub(crate) fn binding(&self) -> Option<Limit> {
        self.enforced().min_by_key(|limit| limit.free())
    }

    /// Connections that can still be opened; None when no login is possible, whatever the limits are.
    pub(crate) fn headroom(&self) -> Option<u32> {
        self.limit(LimitKind::Server)?;
        self.binding().map(Limit::free)
    }
}

/// Whether logins to the database are possible: `datallowconn` is true and the database is valid.
fn reachable(database: &Database) -> bool {
    database.accepts_connections && database.connection_limit >= -1
}

/// A limit from the catalogue. -1, and -2 of an invalid database, are no limits.
fn catalogue_limit(raw: i32) -> Option<u32> {
    u32::try_from(raw).ok()
}

/// The sum of the databases' own limits. A database without one counts as all slots that ordinary roles may use.
pub(crate) fn committed<'a>(
    databases: impl Iterator<Item = &'a Database>,
    slots: ConnectionSlots,
) -> u64 {
    databases
        .filter(|database| reachable(database))
        .map(|database| {
            u64::from(catalogue_limit(database.connection_limit).unwrap_or(slots.ordinary))
        })
        .sum()
}

/// The status of the server, for an ordinary role.
pub(crate) fn server(usage: &Usage, slots: ConnectionSlots) -> LimitStatus {
    LimitStatus {
        used: usage.server,
        enforced: [Some(server_limit(slots.ordinary, usage)), None],
        budget: None,
    }
}

fn server_limit(connections: u32, usage: &Usage) -> Limit {
    Limit {
        kind: LimitKind::Server,
        connections,
        used: usage.server,
    }
}

/// The budget also applies to a database that is closed for logins, because closing it ends no session.
pub(crate) fn database(
    database: &Database,
    budget: Option<&Budget>,
    usage: &Usage,
    slots: ConnectionSlots,
) -> LimitStatus {
    let used = usage.database(database.oid);
    let limit = |kind, connections| Limit {
        kind,
        connections,
        used,
    };
    let is_open = reachable(database);
    let own = catalogue_limit(database.connection_limit).filter(|_| is_open);
    let budget = budget.and_then(|budget| budget.connections);
    LimitStatus {
        used,
        enforced: [
            is_open.then(|| server_limit(slots.ordinary, usage)),
            own.map(|connections| limit(LimitKind::Database, connections)),
        ],
        budget: budget.map(|connections| limit(LimitKind::Budget, connections)),
    }
}

/// Neither its own limit nor the reserved slots restrict a superuser.
pub(crate) fn role(role: &Role, usage: &Usage, slots: ConnectionSlots) -> LimitStatus {
    let used = usage.role(role.oid);
    let own = catalogue_limit(role.connection_limit).filter(|_| !role.superuser);
    let own = own.map(|connections| Limit {
        kind: LimitKind::Role,
        connections,
        used,
    });
    LimitStatus {
        used,
        enforced: [Some(server_limit(slots.for_role(role), usage)), own],
        budget: None,
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
