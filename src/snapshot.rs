//! One poll as series and findings show it: what the poll brought, its status against the limits, and the history. Pure;
//! names of metrics do not occur here.

mod load;
mod sessions;
mod shared;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::history::{ProcessTotals, StatementTotals};
use crate::isolation::Summary;
use crate::limits::ConnectionSlots;
use crate::plan::{self, Drift};
use crate::policy::{Budget, Machine};
use crate::resources::StorageParts;
use crate::sample::readings::Blocking;
use crate::sample::{Database, DatabaseStats, Readings, Role, ServerInfo};
use crate::series::tenants::Tenant;
use crate::size_schedule::{SizeSchedule, UnknownSize};
use crate::tracker::PolledState;

pub(crate) use crate::history::{ActiveSeconds, WorkingSessions};
pub(crate) use load::{Load, ProcessesView, StatementsView};
use sessions::{Grouped, grouped};
pub(crate) use sessions::{SessionKey, SessionTotal};
pub(crate) use shared::ResourceView;

pub(crate) use crate::tracker::ConnectionStatus;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DatabaseView {
    pub(crate) row: Database,
    /// None: the agent's role does not see all sessions.
    pub(crate) connections: Option<ConnectionStatus>,
    pub(crate) size: Result<u64, UnknownSize>,
    pub(crate) budget: Option<Arc<Budget>>,
    /// Sessions that wait for a lock; None: the agent's role does not see all sessions.
    pub(crate) blocked: Option<u32>,
    pub(crate) stats: Option<Arc<DatabaseStats>>,
    /// Where it differs from its budget. The declared roles are left out until the privileges were read.
    pub(crate) drift: Vec<Drift>,
}

impl DatabaseView {
    /// The configured quota, in bytes.
    pub(crate) fn size_limit(&self) -> Option<u64> {
        self.budget.as_ref().and_then(|budget| budget.size_bytes)
    }

    /// Why no role can connect: it is invalid, `datallowconn` is false, or its connection limit is 0.
    pub(crate) fn closed(&self) -> Option<&'static str> {
        match (self.row.connection_limit, self.row.accepts_connections) {
            (-2, _) => Some("invalid"),
            (_, false) => Some("datallowconn"),
            (0, true) => Some("limit 0"),
            (_, true) => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoleView {
    pub(crate) row: Role,
    pub(crate) connections: Option<ConnectionStatus>,
}

/// How many names have no series of their own in this poll.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SeriesOverflow {
    pub(crate) databases: usize,
    pub(crate) roles: usize,
    /// The sum over all databases. None: the agent's role does not see all sessions, and no application is shown.
    pub(crate) applications: Option<usize>,
}

/// One successful poll.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) info: Arc<ServerInfo>,
    /// The agent's own role is a superuser, which it need not be.
    pub(crate) superuser: bool,
    /// The agent's own role may use the reserved slots; None before PostgreSQL 16.
    pub(crate) uses_reserved_connections: Option<bool>,
    /// A standby that has not been promoted.
    pub(crate) in_recovery: bool,
    pub(crate) slots: ConnectionSlots,
    pub(crate) machine: Machine,
    /// Lock modes without a lock are shown as 0.
    pub(crate) zero_locks: bool,
    pub(crate) committed: u64,
    /// None: the agent's role does not see all sessions, and a partial count must not pass for the total.
    pub(crate) server: Option<ConnectionStatus>,
    /// Logins in progress; None where the server does not show them.
    pub(crate) starting: Option<u32>,
    /// The databases with series of their own.
    pub(crate) databases: Vec<DatabaseView>,
    pub(crate) roles: Vec<RoleView>,
    /// The sessions of every watched database. Empty when the agent's role does not see all sessions.
    pub(crate) sessions: BTreeMap<SessionKey, SessionTotal>,
    pub(crate) overflow: SeriesOverflow,
    /// Databases that have a budget and do not exist.
    pub(crate) missing: Vec<String>,
    /// The last answers of the slow jobs.
    pub(crate) readings: Readings,
    /// All but connections and storage.
    pub(crate) resources: Vec<ResourceView>,
    /// What the settings admit, in bytes. None: a setting is unknown.
    pub(crate) memory_worst_case: Option<u64>,
    pub(crate) storage: StorageParts,
    /// Bytes in open temporary files by database; None: unknown.
    pub(crate) temporary: Option<BTreeMap<String, u64>>,
    /// Bytes of WAL that slots keep, for the databases that have slots.
    pub(crate) wal_retained: BTreeMap<String, u64>,
    /// None until the privileges were read, and after they could not be read.
    pub(crate) isolation: Option<Arc<Summary>>,
    /// None: the agent's role does not see all sessions.
    pub(crate) load: Option<Load>,
    /// The sessions that others wait for, by database. None: unknown.
    pub(crate) blocking: Option<BTreeMap<String, Blocking>>,
    /// None: `pg_stat_statements` is not installed in the agent's database.
    pub(crate) statements: Option<StatementsView>,
    /// None: `/proc` is not read, or its last poll failed.
    pub(crate) processes: Option<ProcessesView>,
    /// When the oldest known size was measured, in seconds since the epoch.
    pub(crate) oldest_size: Option<f64>,
}

/// The last answers of the slow jobs, and the time of the snapshot.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlowReadings {
    pub(crate) readings: Readings,
    pub(crate) isolation: Option<Arc<Summary>>,
    pub(crate) statements: Option<Arc<StatementTotals>>,
    pub(crate) processes: Option<Arc<ProcessTotals>>,
    pub(crate) sizes: Arc<SizeSchedule>,
    /// Time since the poller began.
    pub(crate) now: Duration,
    /// The same time in seconds since the epoch.
    pub(crate) wall_clock: f64,
}

impl Snapshot {
    /// The figures of the server as a whole include databases and roles without series of their own.
    pub(crate) fn of(polled: &PolledState, slow: &SlowReadings) -> Self {
        let tenants = &*polled.tenants;
        let grouped = polled.sees_all_sessions().then(|| grouped(polled));
        let memory_worst_case = shared::memory_worst_case(polled, slow);
        Self {
            info: Arc::clone(&tenants.info),
            superuser: tenants.superuser,
            uses_reserved_connections: tenants.uses_reserved_connections,
            in_recovery: polled.in_recovery,
            slots: tenants.slots,
            machine: tenants.machine,
            zero_locks: tenants.zero_locks,
            committed: tenants.committed,
            server: polled.server,
            starting: polled.starting,
            databases: databases(polled, slow, grouped.as_ref()),
            roles: polled.roles.iter().map(role).collect(),
            overflow: SeriesOverflow {
                databases: tenants.overflow.0,
                roles: tenants.overflow.1,
                applications: grouped.as_ref().map(|grouped| grouped.overflow),
            },
            sessions: grouped.map(|grouped| grouped.totals).unwrap_or_default(),
            missing: tenants.missing.clone(),
            resources: shared::resources(polled, slow, memory_worst_case),
            memory_worst_case,
            storage: shared::storage_parts(slow),
            temporary: shared::temporary(tenants, slow.readings.temporary.as_deref()),
            wal_retained: shared::retained(tenants, slow.readings.slots.as_deref()),
            load: Load::of(polled),
            blocking: load::blocking(polled, &slow.readings),
            statements: slow
                .statements
                .as_deref()
                .map(|totals| load::statements(tenants, totals)),
            processes: slow
                .processes
                .as_deref()
                .map(|totals| load::processes(tenants, totals)),
            readings: slow.readings.clone(),
            isolation: slow.isolation.clone(),
            oldest_size: oldest(slow),
        }
    }

    pub(crate) fn sees_all_sessions(&self) -> bool {
        self.server.is_some()
    }
}

fn databases(
    polled: &PolledState,
    slow: &SlowReadings,
    grouped: Option<&Grouped>,
) -> Vec<DatabaseView> {
    let stats = slow.readings.statistics.as_ref();
    let view = |(tenant, connections): &(Arc<Tenant>, Option<ConnectionStatus>)| DatabaseView {
        row: tenant.row.clone(),
        connections: *connections,
        size: size(&tenant.row, &slow.sizes),
        budget: tenant.budget.clone(),
        blocked: grouped.map(|grouped| grouped.blocked_in(tenant.row.oid)),
        stats: stats.and_then(|stats| stats.get(&tenant.row.oid).cloned()),
        drift: drift(tenant, slow.isolation.as_deref()),
    };
    polled.databases.iter().map(view).collect()
}

fn drift(tenant: &Tenant, isolation: Option<&Summary>) -> Vec<Drift> {
    let (row, Some(budget)) = (&tenant.row, &tenant.budget) else {
        return Vec::new();
    };
    let unmet = isolation.and_then(|it| it.unmet.as_ref());
    let unmet = unmet.into_iter().flatten();
    let unmet = unmet.filter(|it| it.datname == row.name).map(Drift::from);
    let own = plan::drift(row.connection_limit, &row.owner, budget);
    own.into_iter().chain(unmet).collect()
}

fn role((row, connections): &(Arc<Role>, Option<ConnectionStatus>)) -> RoleView {
    RoleView {
        row: Role::clone(row),
        connections: *connections,
    }
}

fn size(row: &Database, sizes: &SizeSchedule) -> Result<u64, UnknownSize> {
    if row.is_invalid() {
        Err(UnknownSize::Invalid)
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
