//! What scrapers see of one poll: a sample, its judgement and the memory of earlier polls, put together when somebody
//! looks. Pure, and free of names of metrics.

mod sessions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::limits::Slots;
use crate::policy::Budget;
use crate::sample::{Database, DatabaseStats, Readings, Role, ServerInfo};
use crate::series::tenants::Tenant;
use crate::size_schedule::{Sizes, Unknown};
use crate::tracker::PolledState;

use sessions::grouped;
pub(crate) use sessions::{SessionKey, SessionTotal};

pub(crate) use crate::tracker::Judged;

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
    /// What the slow jobs have brought last.
    pub(crate) readings: Readings,
    /// When the oldest of the sizes known was measured, seconds since the epoch.
    pub(crate) oldest_size: Option<f64>,
}

/// What the slower jobs have brought, and when it is looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlowReadings {
    pub(crate) readings: Readings,
    pub(crate) sizes: Arc<Sizes>,
    /// Since the poller began.
    pub(crate) now: Duration,
    /// The same moment in seconds since the epoch.
    pub(crate) wall_clock: f64,
}

impl Snapshot {
    /// What is said of the server as a whole counts also those that are not shown.
    pub(crate) fn of(polled: &PolledState, slow: &SlowReadings) -> Self {
        let tenants = &*polled.tenants;
        let grouped = polled.sees_all_sessions().then(|| grouped(polled));
        let blocked = |row: &Database| {
            let grouped = grouped.as_ref()?;
            Some(grouped.blocked.get(&row.oid).copied().unwrap_or(0))
        };
        let stats = slow.readings.statistics.as_ref();
        let database = |(tenant, judged): &(Arc<Tenant>, Option<Judged>)| DatabaseView {
            row: tenant.row.clone(),
            judged: *judged,
            size: size(&tenant.row, &slow.sizes),
            budget: tenant.budget.clone(),
            blocked: blocked(&tenant.row),
            stats: stats.and_then(|stats| stats.get(&tenant.row.oid).cloned()),
        };
        let role = |(row, judged): &(Arc<Role>, Option<Judged>)| RoleView {
            row: Role::clone(row),
            judged: *judged,
        };
        Self {
            info: Arc::clone(&tenants.info),
            superuser: tenants.superuser,
            uses_reserved_connections: tenants.uses_reserved_connections,
            in_recovery: polled.in_recovery,
            slots: tenants.slots,
            committed: tenants.committed,
            server: polled.server,
            starting: polled.starting,
            databases: polled.databases.iter().map(database).collect(),
            roles: polled.roles.iter().map(role).collect(),
            folded: Folded {
                databases: tenants.folded.0,
                roles: tenants.folded.1,
                applications: grouped.as_ref().map(|grouped| grouped.folded),
            },
            sessions: grouped.map(|grouped| grouped.totals).unwrap_or_default(),
            missing: tenants.missing.clone(),
            readings: slow.readings.clone(),
            oldest_size: oldest(slow),
        }
    }

    pub(crate) fn sees_all_sessions(&self) -> bool {
        self.server.is_some()
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
fn oldest(slow: &SlowReadings) -> Option<f64> {
    let age = slow.sizes.oldest(slow.now)?;
    Some(slow.wall_clock - age.as_secs_f64())
}

#[cfg(test)]
mod tests;
