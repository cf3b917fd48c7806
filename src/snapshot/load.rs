//! Who uses the server: the sessions that work, those that others wait for, and what statements did, by database.

use std::collections::BTreeMap;

use crate::history::{
    ActiveSeconds, DatabaseProcesses, ProcessTotals, StatementTotals, WorkingSessions,
};
use crate::sample::readings::Blocking;
use crate::sample::statements::StatementFigure;
use crate::sample::{Database, Readings};
use crate::series::tenants::{OTHER, TenantSet};
use crate::tracker::PolledState;

/// What sessions do, by the label of their database. Databases without series of their own are summed up as [`OTHER`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Load {
    /// Every session, with those of databases that are not watched.
    pub(crate) server: ActiveSeconds,
    pub(crate) databases: BTreeMap<String, ActiveSeconds>,
    /// The sessions that work in this poll.
    pub(crate) working: WorkingSessions,
    /// The databases where a session works in this poll.
    pub(crate) working_in: BTreeMap<String, WorkingSessions>,
}

impl Load {
    pub(super) fn of(polled: &PolledState) -> Option<Self> {
        let (working, times) = polled.load.as_ref()?;
        let tenants = &*polled.tenants;
        let shown = tenants.databases.iter().map(|tenant| &tenant.row);
        let shown = shown.filter(|row| !tenants.is_sum(&row.name));
        let (mut databases, mut working_in) = (BTreeMap::new(), BTreeMap::new());
        for row in shown {
            let seconds = times.databases.get(&row.oid).copied();
            databases.insert(row.name.clone(), seconds.unwrap_or_default());
            if let Some(sessions) = working.databases.get(&row.oid) {
                working_in.insert(row.name.clone(), *sessions);
            }
        }
        if tenants.is_sum(OTHER) {
            databases.insert(OTHER.to_owned(), times.other);
        }
        Some(Self {
            server: times.server,
            databases,
            working: working.server,
            working_in,
        })
    }
}

/// 0 for a database that no session waits for. None: the agent's role does not see all sessions, or a session waits and it is not
/// known for which one.
pub(super) fn blocking(
    polled: &PolledState,
    readings: &Readings,
) -> Option<BTreeMap<String, Blocking>> {
    let tenants = &*polled.tenants;
    let (waits, read) = (polled.some_session_waits(), readings.blocking.as_deref());
    if !polled.sees_all_sessions() || waits && read.is_none() {
        return None;
    }
    let names = tenants.databases.iter().map(|tenant| &tenant.row.name);
    let mut all: BTreeMap<String, Blocking> = names
        .map(|name| (name.clone(), Blocking::default()))
        .collect();
    for (oid, of_database) in read.filter(|_| waits).into_iter().flatten() {
        if let Some(datname) = tenants.datname(*oid) {
            let sum = all.entry(datname.to_owned()).or_default();
            sum.sessions += of_database.sessions;
            sum.waiting_elsewhere += of_database.waiting_elsewhere;
        }
    }
    Some(all)
}

/// What statements did, by the label of their database; by [`StatementFigure`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StatementsView {
    pub(crate) databases: BTreeMap<String, [Option<f64>; StatementFigure::COUNT]>,
    /// The server's own count.
    pub(crate) evictions: Option<f64>,
}

pub(super) fn statements(tenants: &TenantSet, totals: &StatementTotals) -> StatementsView {
    let rows = tenants.databases.iter().map(|tenant| &tenant.row);
    let shown = rows.filter(|row| !tenants.is_sum(&row.name));
    let of = |row: &Database| StatementFigure::ALL.map(|figure| totals.of(row.oid, figure));
    let mut databases: BTreeMap<_, _> = shown.map(|row| (row.name.clone(), of(row))).collect();
    if tenants.is_sum(OTHER) {
        let sums = StatementFigure::ALL.map(|figure| totals.of_other(figure));
        databases.insert(OTHER.to_owned(), sums);
    }
    StatementsView {
        databases,
        evictions: totals.evictions,
    }
}

/// What processes use, by the label of their database. CPU seconds are since the agent began.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProcessesView {
    pub(crate) databases: BTreeMap<String, DatabaseProcesses>,
    pub(crate) server_seconds: f64,
    /// Belongs to processes that ended between two looks, so that it is not known for which database.
    pub(crate) ended_seconds: f64,
}

pub(super) fn processes(tenants: &TenantSet, totals: &ProcessTotals) -> ProcessesView {
    let rows = tenants.databases.iter().map(|tenant| &tenant.row);
    let shown = rows.filter(|row| !tenants.is_sum(&row.name));
    let mut databases: BTreeMap<_, _> = shown
        .map(|row| (row.name.clone(), totals.of(row.oid)))
        .collect();
    if tenants.is_sum(OTHER) {
        databases.insert(OTHER.to_owned(), totals.other);
    }
    ProcessesView {
        databases,
        server_seconds: totals.server_seconds,
        ended_seconds: totals.ended_seconds,
    }
}
