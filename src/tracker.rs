//! What one poll leaves for the next: peaks and counters, series slots, the set of tenants. Every successful poll passes
//! here once, is evaluated against every limit, and becomes what is published. Pure: `now` is the time since the poller began.

mod load;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::history::{
    ActiveTimes, History, HistoryPoll, HistoryStatus, Observed, ProcessHistory, StatementHistory,
    Working,
};
use crate::limits::{self, LimitStatus, Usage, add};
use crate::policy::Policy;
use crate::sample::{Activity, Catalogue, Role, ServerInfo, Sessions};
use crate::series::slots::SeriesNames;
use crate::series::tenants::{Tenant, TenantSet};

use load::working;

/// The set of tenants is selected again after this. A name that disappeared and returned within it is not seen as gone.
const MAX_AGE: Duration = Duration::from_mins(1);
/// The same while some names have no series of their own: one of them may take the slot of a name that is gone.
const MAX_AGE_WHEN_FULL: Duration = Duration::from_secs(10);

/// The connections of the server, a database or a role: against their limits now, and over the polls so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ConnectionStatus {
    pub(crate) limits: LimitStatus,
    pub(crate) history: HistoryStatus,
}

/// One successful poll and what is known from the polls before it: all that a snapshot is made of. Cheap to make, because
/// most polls are never scraped.
#[derive(Debug)]
pub(crate) struct PolledState {
    pub(crate) tenants: Arc<TenantSet>,
    pub(crate) in_recovery: bool,
    pub(crate) sessions: Vec<Sessions>,
    /// None, here and below: the agent's role does not see all sessions, and a partial count must not pass for the total.
    pub(crate) server: Option<ConnectionStatus>,
    /// Logins in progress; None also where the server does not show them.
    pub(crate) starting: Option<u32>,
    pub(crate) databases: Vec<(Arc<Tenant>, Option<ConnectionStatus>)>,
    pub(crate) roles: Vec<(Arc<Role>, Option<ConnectionStatus>)>,
    pub(crate) names: Arc<SeriesNames>,
    /// What sessions of the watched databases do now, and have done since the agent began.
    pub(crate) load: Option<(Working, ActiveTimes)>,
}

impl PolledState {
    pub(crate) fn sees_all_sessions(&self) -> bool {
        self.server.is_some()
    }

    /// A session waits for a lock.
    pub(crate) fn some_session_waits(&self) -> bool {
        self.sessions.iter().any(|group| group.blocked() > 0)
    }
}

/// What a poll is evaluated with, and when it ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PollContext<'a> {
    pub(crate) info: &'a Arc<ServerInfo>,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Duration,
    pub(crate) window: Duration,
}

/// The last set of tenants, and what it was selected from.
#[derive(Debug)]
struct Selected {
    tenants: Arc<TenantSet>,
    catalogue: Arc<Catalogue>,
    at: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct PollTracker {
    history: History,
    statements: StatementHistory,
    processes: ProcessHistory,
    names: Arc<SeriesNames>,
    selected: Option<Selected>,
}

impl PollTracker {
    pub(crate) fn observe(&mut self, activity: Activity, context: PollContext<'_>) -> PolledState {
        let CurrentTenants { tenants, is_new } = self.tenants(&activity, context);
        let usage = activity.sees_all_sessions().then(|| {
            self.assign_application_slots(&tenants, is_new, &activity.sessions, context);
            Usage::count(&activity.sessions, context.info.version_num)
        });
        if usage.is_none() {
            self.mark_gap();
        }
        let mut evaluation = usage.as_ref().map(|usage| Evaluation {
            usage,
            history: self.history.poll(context.now, context.window),
            tenants: &tenants,
        });
        PolledState {
            in_recovery: activity.in_recovery,
            server: evaluation.as_mut().map(Evaluation::server),
            starting: usage.as_ref().and_then(|usage| usage.starting),
            databases: with_status(&tenants.databases, |tenant| {
                evaluation.as_mut().map(|it| it.database(tenant))
            }),
            roles: with_status(&tenants.roles, |role| {
                evaluation.as_mut().map(|it| it.role(role))
            }),
            load: evaluation
                .as_mut()
                .map(|it| it.load(working(&tenants, &activity.sessions))),
            sessions: activity.sessions,
            names: Arc::clone(&self.names),
            tenants,
        }
    }

    /// A poll failed, did not see all sessions, or began late.
    pub(crate) fn mark_gap(&mut self) {
        self.history.mark_gap();
    }

    /// The configuration has changed: the set of tenants must be selected again.
    pub(crate) fn invalidate(&mut self) {
        self.selected = None;
    }

    /// The server has restarted. It may be another cluster, in which the same OIDs are other databases.
    pub(crate) fn reset(&mut self) {
        self.history = History::default();
        self.statements = StatementHistory::default();
        self.processes = ProcessHistory::default();
        self.selected = None;
    }

    pub(crate) fn catalogue(&self) -> Option<Arc<Catalogue>> {
        let selected = self.selected.as_ref()?;
        Some(Arc::clone(&selected.catalogue))
    }

    fn tenants(&mut self, activity: &Activity, context: PollContext<'_>) -> CurrentTenants {
        let selected = self.selected.as_ref();
        if let Some(selected) = selected.filter(|it| it.is_current(activity, context.now)) {
            return CurrentTenants {
                tenants: Arc::clone(&selected.tenants),
                is_new: false,
            };
        }
        let names = Arc::make_mut(&mut self.names);
        let (info, policy, now) = (context.info, context.policy, context.now);
        let tenants = Arc::new(TenantSet::select(activity, info, policy, names, now));
        let (databases, roles) = (tenants.databases.iter(), tenants.roles.iter());
        self.history.retain(
            databases.map(|tenant| (tenant.row.oid, &*tenant.row.name)),
            roles.map(|role| (role.oid, &*role.name)),
        );
        self.selected = Some(Selected {
            tenants: Arc::clone(&tenants),
            catalogue: Arc::clone(&activity.catalogue),
            at: now,
        });
        CurrentTenants {
            tenants,
            is_new: true,
        }
    }

    /// Free slots of a database go to the applications with the most sessions in it.
    fn assign_application_slots(
        &mut self,
        tenants: &TenantSet,
        is_new: bool,
        sessions: &[Sessions],
        context: PollContext<'_>,
    ) {
        let capacity = context.policy.series_limits.application_names;
        let gets_slot = |(datname, group): (&str, &Sessions)| {
            let name = &group.application_name;
            self.names.has_room_for(datname, name, capacity)
        };
        if !is_new && !with_datname(tenants, sessions).any(gets_slot) {
            return;
        }
        let mut by_database: BTreeMap<&str, BTreeMap<&str, u32>> = BTreeMap::new();
        for (datname, group) in with_datname(tenants, sessions) {
            let counts = by_database.entry(datname).or_default();
            let count = counts.entry(&group.application_name).or_default();
            add(count, group.others());
        }
        let names = Arc::make_mut(&mut self.names);
        for (datname, counts) in by_database {
            let mut counts: Vec<_> = counts.into_iter().collect();
            counts.sort_by_key(|&(_, count)| Reverse(count));
            let busiest: Vec<&str> = counts.into_iter().map(|(name, _)| name).collect();
            let slots = names.applications(datname);
            slots.assign(context.now, capacity, &busiest);
        }
    }
}

impl Selected {
    /// False when the catalogue was read again, or the set is too old.
    fn is_current(&self, activity: &Activity, now: Duration) -> bool {
        let is_full = self.tenants.overflow != (0, 0);
        let max_age = if is_full { MAX_AGE_WHEN_FULL } else { MAX_AGE };
        Arc::ptr_eq(&self.catalogue, &activity.catalogue) && now < self.at + max_age
    }
}

/// The set of tenants of a poll, and whether this poll selected it.
struct CurrentTenants {
    tenants: Arc<TenantSet>,
    is_new: bool,
}

/// The sessions of databases with series of their own, each with the label of its database.
fn with_datname<'a>(
    tenants: &'a TenantSet,
    sessions: &'a [Sessions],
) -> impl Iterator<Item = (&'a str, &'a Sessions)> {
    let is_shown = |group: &&Sessions| group.backend_type.is_some() && group.others() > 0;
    let visible = sessions.iter().filter(is_shown);
    let labelled = visible.filter_map(|group| Some((tenants.datname(group.database?)?, group)));
    labelled.filter(|(datname, _)| !tenants.is_sum(datname))
}

/// Evaluates one poll; the only place where limits and history meet.
struct Evaluation<'a> {
    usage: &'a Usage,
    history: HistoryPoll<'a>,
    tenants: &'a TenantSet,
}

impl Evaluation<'_> {
    fn server(&mut self) -> ConnectionStatus {
        let limits = limits::server(self.usage, self.tenants.slots);
        let history = self.history.server(observed(&limits));
        ConnectionStatus { limits, history }
    }

    fn database(&mut self, tenant: &Tenant) -> ConnectionStatus {
        let (row, budget) = (&tenant.row, tenant.budget.as_deref());
        let limits = limits::database(row, budget, self.usage, self.tenants.slots);
        let history = self.history.database(row.oid, observed(&limits));
        ConnectionStatus { limits, history }
    }

    fn load(&mut self, working: Working) -> (Working, ActiveTimes) {
        let times = self.history.active(&working);
        (working, times)
    }

    fn role(&mut self, role: &Role) -> ConnectionStatus {
        let limits = limits::role(role, self.usage, self.tenants.slots);
        let history = self.history.role(role.oid, observed(&limits));
        ConnectionStatus { limits, history }
    }
}

fn with_status<T>(
    rows: &[Arc<T>],
    mut status: impl FnMut(&T) -> Option<ConnectionStatus>,
) -> Vec<(Arc<T>, Option<ConnectionStatus>)> {
    let pairs = rows.iter().map(|row| (Arc::clone(row), status(row)));
    pairs.collect()
}

/// A limit of 0 closes a database or a role on purpose; that is not exhaustion.
fn observed(limits: &LimitStatus) -> Observed {
    let is_open = limits.enforced().all(|limit| limit.connections > 0);
    Observed {
        used: limits.used,
        headroom: limits.headroom().filter(|_| is_open),
    }
}
