//! Which limit binds, and how many connections can still be opened, as PostgreSQL enforces it. Pure: a sample and the
//! operator's policy in, a judgement out; no clock, no I/O, no logging.
//!
//! Sources: `InitPostgres` and `HaveNFreeProcs` for the slots, `CountDBConnections` and `CountUserBackends` for who
//! counts against `datconnlimit` and `rolconnlimit`.

use std::collections::HashMap;

use crate::policy::{Budget, Policy};
use crate::sample::{Database, Oid, Role, ServerInfo, Sessions};

const CLIENT: &str = "client backend";

/// Which backends count against the limits of databases and roles. It changed in minor releases (13.19, 14.16, 15.11,
/// 16.7, 17.3: "Exclude parallel workers from connection privilege checks and limits").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    ClientBackends,
    /// Before: logical walsenders count against both limits, autovacuum workers against the database's.
    AlsoWorkers,
}

impl Counting {
    pub(crate) fn of(version_num: u32) -> Self {
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

/// Whether a backend takes one of the `max_connections` slots. Walsenders and workers have pools of their own; the
/// slotsync worker of 17.0 to 17.2 had not.
fn takes_slot(backend_type: &str, version_num: u32) -> bool {
    backend_type == CLIENT
        || backend_type == "slotsync worker" && (170_000..170_003).contains(&version_num)
}

/// Connections counted three ways. Right only when the agent's role sees all sessions.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Usage {
    /// Slots of `max_connections`, superusers' and the agent's own included.
    pub(crate) server: u32,
    /// Of these, logins that have not come as far as a database; None where the server does not show them (before 18).
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
        let Some(backend_type) = group.backend_type.as_deref() else {
            return;
        };
        if takes_slot(backend_type, version_num) {
            self.server += group.count;
            if let Some(starting) = &mut self.starting
                && group.state.as_deref() == Some("starting")
            {
                *starting += group.count;
            }
        }
        if let Some(oid) = group.database
            && counting.against_database(backend_type)
        {
            *self.databases.entry(oid).or_default() += group.count;
        }
        if let Some(oid) = group.role
            && counting.against_role(backend_type)
        {
            *self.roles.entry(oid).or_default() += group.count;
        }
    }

    pub(crate) fn database(&self, oid: Oid) -> u32 {
        self.databases.get(&oid).copied().unwrap_or(0)
    }

    pub(crate) fn role(&self, oid: Oid) -> u32 {
        self.roles.get(&oid).copied().unwrap_or(0)
    }
}

/// The slots of the server, by who may take them. The reserved ones belong to nobody by name: they are the last free ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots {
    /// Roles without a privilege.
    pub(crate) ordinary: u32,
    /// Members of `pg_use_reserved_connections` (16+).
    pub(crate) reserved: u32,
    /// Superusers: `max_connections`.
    pub(crate) superuser: u32,
}

impl Slots {
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) used: u32,
    /// The server's first, then the one of PostgreSQL's catalogue, then the budget. Empty: nobody can connect at all.
    limits: Vec<Limit>,
}

impl Standing {
    pub(crate) fn limits(&self) -> &[Limit] {
        &self.limits
    }

    pub(crate) fn limit(&self, kind: LimitKind) -> Option<Limit> {
        self.limits.iter().copied().find(|limit| limit.kind == kind)
    }

    /// The limit that refuses first. Of equals it is the one that more people share, for raising another would not help.
    pub(crate) fn binding(&self) -> Option<Limit> {
        self.limits.iter().copied().min_by_key(|limit| limit.free())
    }

    /// Connections that can still be opened; None where nobody can connect whatever the limits say.
    pub(crate) fn headroom(&self) -> Option<u32> {
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
pub(crate) fn committed(databases: &[Database], slots: Slots) -> u64 {
    databases
        .iter()
        .filter(|database| reachable(database))
        .map(|database| {
            u64::from(catalogue_limit(database.connection_limit).unwrap_or(slots.ordinary))
        })
        .sum()
}

/// The server as an ordinary role sees it.
pub(crate) fn server(usage: &Usage, slots: Slots) -> Standing {
    Standing {
        used: usage.server,
        limits: vec![server_limit(slots.ordinary, usage)],
    }
}

fn server_limit(connections: u32, usage: &Usage) -> Limit {
    Limit {
        kind: LimitKind::Server,
        connections,
        used: usage.server,
    }
}

pub(crate) fn database(
    database: &Database,
    budget: Option<&Budget>,
    usage: &Usage,
    slots: Slots,
) -> Standing {
    let used = usage.database(database.oid);
    let mut limits = Vec::new();
    if reachable(database) {
        limits.push(server_limit(slots.ordinary, usage));
        if let Some(connections) = catalogue_limit(database.connection_limit) {
            limits.push(Limit {
                kind: LimitKind::Database,
                connections,
                used,
            });
        }
        if let Some(connections) = budget.and_then(|budget| budget.connections) {
            limits.push(Limit {
                kind: LimitKind::Budget,
                connections,
                used,
            });
        }
    }
    Standing { used, limits }
}

/// A role's own limit does not bind a superuser, and neither do the reserved slots.
pub(crate) fn role(role: &Role, usage: &Usage, slots: Slots) -> Standing {
    let used = usage.role(role.oid);
    let mut limits = vec![server_limit(slots.for_role(role), usage)];
    if let Some(connections) = catalogue_limit(role.connection_limit)
        && !role.superuser
    {
        limits.push(Limit {
            kind: LimitKind::Role,
            connections,
            used,
        });
    }
    Standing { used, limits }
}

#[cfg(test)]
mod tests;
