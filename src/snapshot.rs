//! What scrapers see of one poll: a sample, its judgement and the memory of earlier polls, put together when somebody
//! looks. Pure, and free of names of metrics.

mod sessions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::limits::{self, Slots, Standing, Usage};
use crate::memory::Seen;
use crate::policy::Budget;
use crate::roster::{Roster, Tenant};
use crate::sample::{Database, DatabaseStats, Role, ServerInfo, Stats};
use crate::sizes::{Sizes, Unknown};
use crate::window::{Past, Remembered};

use sessions::grouped;
pub(crate) use sessions::{SessionKey, SessionTotal};

/// A standing now, and what the polls before saw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) standing: Standing,
    pub(crate) past: Remembered,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DatabaseView {
    pub(crate) row: Database,
    /// None: the agent's role does not see all sessions.
    pub(crate) judged: Option<Judged>,
    pub(crate) size: Result<u64, Unknown>,
    pub(crate) budget: Option<Arc<Budget>>,
    /// Sessions that wait for a lock; None: the agent's role does not see all sessions.
    pub(crate) blocked: Option<u32>,
    pub(crate) stats: Option<Arc<DatabaseStats>>,
}

impl DatabaseView {
    /// The configured quota, in bytes.
    pub(crate) fn size_limit(&self) -> Option<u64> {
        self.budget.as_ref().and_then(|budget| budget.size_bytes)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoleView {
    pub(crate) row: Role,
    pub(crate) judged: Option<Judged>,
}

/// Names that have no series of their own in this poll.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Folded {
    pub(crate) databases: usize,
    pub(crate) roles: usize,
    /// Over all databases. None: the agent's role does not see all sessions, and no application is shown.
    pub(crate) applications: Option<usize>,
}

/// One poll that got its data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) info: Arc<ServerInfo>,
    /// The agent's own role is a superuser, which it need not be.
    pub(crate) superuser: bool,
    /// It may use the reserved slots; None before PostgreSQL 16.
    pub(crate) uses_reserved_connections: Option<bool>,
    /// A standby that has not been promoted.
    pub(crate) in_recovery: bool,
    pub(crate) slots: Slots,
    pub(crate) committed: u64,
    /// None: the agent's role does not see all sessions, and a part of them is not shown as the whole.
    pub(crate) server: Option<Judged>,
    /// Logins under way; None where the server does not show them.
    pub(crate) starting: Option<u32>,
    /// Those that are shown one by one.
    pub(crate) databases: Vec<DatabaseView>,
    pub(crate) roles: Vec<RoleView>,
    /// Of every database watched. Empty when the agent's role does not see all sessions.
    pub(crate) sessions: BTreeMap<SessionKey, SessionTotal>,
    pub(crate) folded: Folded,
    /// Databases that have a budget and are not there.
    pub(crate) missing: Vec<String>,
    /// When the oldest of the sizes known was measured, seconds since the epoch.
    pub(crate) oldest_size: Option<f64>,
}

/// What the slower jobs have brought, and when it is looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slower {
    pub(crate) stats: Option<Arc<Stats>>,
    pub(crate) sizes: Arc<Sizes>,
    /// Since the poller began.
    pub(crate) now: Duration,
    /// The same moment in seconds since the epoch.
    pub(crate) wall_clock: f64,
}

impl Snapshot {
    /// What is said of the server as a whole counts also those that are not shown.
    pub(crate) fn of(seen: &Seen, slower: &Slower) -> Self {
        let roster = &*seen.roster;
        let counted = seen.counted.as_ref();
        let grouped = counted.map(|_| grouped(seen));
        let judge = Judge { roster, counted };
        let blocked = |row: &Database| {
            let grouped = grouped.as_ref()?;
            Some(grouped.blocked.get(&row.oid).copied().unwrap_or(0))
        };
        let database = |(at, tenant): (usize, &Tenant)| DatabaseView {
            row: tenant.row.clone(),
            judged: judge.database(at, tenant),
            size: size(&tenant.row, &slower.sizes),
            budget: tenant.budget.clone(),
            blocked: blocked(&tenant.row),
            stats: slower
                .stats
                .as_ref()
                .and_then(|stats| stats.get(&tenant.row.oid).cloned()),
        };
        let role = |(at, row): (usize, &Role)| RoleView {
            row: row.clone(),
            judged: judge.role(at, row),
        };
        Self {
            info: Arc::clone(&roster.info),
            superuser: roster.superuser,
            uses_reserved_connections: roster.uses_reserved_connections,
            in_recovery: seen.in_recovery,
            slots: roster.slots,
            committed: roster.committed,
            server: judge.server(),
            starting: counted.and_then(|(usage, _)| usage.starting),
            databases: roster.databases.iter().enumerate().map(database).collect(),
            roles: roster.roles.iter().enumerate().map(role).collect(),
            folded: Folded {
                databases: roster.folded.0,
                roles: roster.folded.1,
                applications: grouped.as_ref().map(|grouped| grouped.folded),
            },
            sessions: grouped.map(|grouped| grouped.totals).unwrap_or_default(),
            missing: roster.missing.clone(),
            oldest_size: oldest(slower),
        }
    }

    pub(crate) fn sees_all_sessions(&self) -> bool {
        self.server.is_some()
    }
}

/// Each against the limits that apply to it; nobody, where not all sessions are seen.
struct Judge<'a> {
    roster: &'a Roster,
    counted: Option<&'a (Usage, Past)>,
}

impl Judge<'_> {
    fn server(&self) -> Option<Judged> {
        let (usage, past) = self.counted?;
        Some(Judged {
            standing: limits::server(usage, self.roster.slots),
            past: past.server,
        })
    }

    fn database(&self, at: usize, tenant: &Tenant) -> Option<Judged> {
        let (usage, past) = self.counted?;
        let (budget, slots) = (tenant.budget.as_deref(), self.roster.slots);
        Some(Judged {
            standing: limits::database(&tenant.row, budget, usage, slots),
            past: *past.databases.get(at)?,
        })
    }

    fn role(&self, at: usize, row: &Role) -> Option<Judged> {
        let (usage, past) = self.counted?;
        Some(Judged {
            standing: limits::role(row, usage, self.roster.slots),
            past: *past.roles.get(at)?,
        })
    }
}

fn size(row: &Database, sizes: &Sizes) -> Result<u64, Unknown> {
    if row.is_invalid() {
        Err(Unknown::Invalid)
    } else {
        sizes.of(row.oid)
    }
}

/// Seconds since the epoch.
fn oldest(slower: &Slower) -> Option<f64> {
    let age = slower.sizes.oldest(slower.now)?;
    Some(slower.wall_clock - age.as_secs_f64())
}

#[cfg(test)]
mod tests;
