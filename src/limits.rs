//! Which limit binds, and how many connections can still be opened, as PostgreSQL enforces it. Pure: a sample and the
//! operator's policy in, a judgement out; no clock, no I/O, no logging.
//!
//! Sources: `InitPostgres` and `HaveNFreeProcs` for the slots, `CountDBConnections` and `CountUserBackends` for who
//! counts against `datconnlimit` and `rolconnlimit`.

mod usage;

use crate::policy::{Budget, Policy};
use crate::sample::{Database, Role, ServerInfo};

pub(crate) use usage::{Usage, add};

/// The slots of the server, by who may take them. The reserved ones belong to nobody by name: they are the last free ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConnectionSlots {
    /// Roles without a privilege.
    pub(crate) ordinary: u32,
    /// Members of `pg_use_reserved_connections` (16+).
    pub(crate) reserved: u32,
    /// Superusers: `max_connections`.
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
    /// What counts against this limit: the server's is used up by everybody.
    pub(crate) used: u32,
}

impl Limit {
    pub(crate) fn free(self) -> u32 {
        self.connections.saturating_sub(self.used)
    }
}

/// How one database or role stands against every limit that applies to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitStatus {
    pub(crate) used: u32,
    /// The server's first, then the one of PostgreSQL's catalogue, then the budget. Without the first nobody can connect.
    limits: [Option<Limit>; 3],
}

impl LimitStatus {
    pub(crate) fn all(&self) -> impl Iterator<Item = Limit> {
        self.limits.into_iter().flatten()
    }

    pub(crate) fn limit(&self, kind: LimitKind) -> Option<Limit> {
        self.all().find(|limit| limit.kind == kind)
    }

    /// The limit that refuses first. Of equals it is the one that more people share, for raising another would not help.
    pub(crate) fn binding(&self) -> Option<Limit> {
        self.all().min_by_key(|limit| limit.free())
    }

    /// Connections that can still be opened; None where nobody can connect whatever the limits say.
    pub(crate) fn headroom(&self) -> Option<u32> {
        self.limit(LimitKind::Server)?;
        self.binding().map(Limit::free)
    }
}

/// A database that logins can reach at all: not closed by `datallowconn`, not invalid.
fn reachable(database: &Database) -> bool {
    database.accepts_connections && database.connection_limit >= -1
}

/// A limit as the catalogue has it; -1 and the -2 of an invalid database are none.
fn catalogue_limit(raw: i32) -> Option<u32> {
    u32::try_from(raw).ok()
}

/// The sum of the databases' own limits, one without a limit counted as all that ordinary roles may use.
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

/// The server as an ordinary role sees it.
pub(crate) fn server(usage: &Usage, slots: ConnectionSlots) -> LimitStatus {
    LimitStatus {
        used: usage.server,
        limits: [Some(server_limit(slots.ordinary, usage)), None, None],
    }
}

fn server_limit(connections: u32, usage: &Usage) -> Limit {
    Limit {
        kind: LimitKind::Server,
        connections,
        used: usage.server,
    }
}

/// The budget is the operator's word, and holds for one that its owner has closed, too: sessions are not ended by that.
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
    let limits = [
        is_open.then(|| server_limit(slots.ordinary, usage)),
        own.map(|connections| limit(LimitKind::Database, connections)),
        budget.map(|connections| limit(LimitKind::Budget, connections)),
    ];
    LimitStatus { used, limits }
}

/// A role's own limit does not bind a superuser, and neither do the reserved slots.
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
        limits: [Some(server_limit(slots.for_role(role), usage)), own, None],
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
