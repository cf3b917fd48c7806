//! What polls leave behind for those after them: peaks and counters, places of names, the set of tenants. Each poll that got its
//! data passes here once, is judged against every limit, and becomes what is published. Pure: `now` is the time since the
//! poller began.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::history::{History, HistoryPoll, Observed, Past};
use crate::limits::{self, LimitStatus, Usage, add};
use crate::policy::Policy;
use crate::sample::{Activity, Catalogue, Role, ServerInfo, Sessions};
use crate::series::slots::Names;
use crate::series::tenants::{Tenant, TenantSet};

/// How old the set of tenants gets. Names that went and came back within this are not known to have been away.
const REDRAWN: Duration = Duration::from_mins(1);
/// The same while names have no series of their own: one may take the place of a name that is gone.
const REDRAWN_SOON: Duration = Duration::from_secs(10);

/// How the server, a database or a role stands against its limits now, and what the polls before saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Judged {
    pub(crate) limits: LimitStatus,
    pub(crate) past: Past,
}

/// One poll that got its data, and what is known of those before it: all that a snapshot is made of. Cheap to make, because
/// most polls are never scraped.
#[derive(Debug)]
pub(crate) struct PolledState {
    pub(crate) tenants: Arc<TenantSet>,
    pub(crate) in_recovery: bool,
    pub(crate) sessions: Vec<Sessions>,
    /// None, here and below: the agent's role does not see all sessions, and a part of them is not shown as the whole.
    pub(crate) server: Option<Judged>,
    /// Logins under way; None also where the server does not show them.
    pub(crate) starting: Option<u32>,
    pub(crate) databases: Vec<(Arc<Tenant>, Option<Judged>)>,
    pub(crate) roles: Vec<(Arc<Role>, Option<Judged>)>,
    pub(crate) names: Arc<Names>,
}

impl PolledState {
    pub(crate) fn sees_all_sessions(&self) -> bool {
        self.server.is_some()
    }
}

/// What a poll is judged by, and when it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PollContext<'a> {
    pub(crate) info: &'a Arc<ServerInfo>,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Duration,
    pub(crate) window: Duration,
}

#[derive(Debug)]
struct Drawn {
    tenants: Arc<TenantSet>,
    from: Arc<Catalogue>,
    at: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct PollTracker {
    history: History,
    names: Arc<Names>,
    drawn: Option<Drawn>,
}

impl PollTracker {
    pub(crate) fn observe(&mut self, activity: Activity, context: PollContext<'_>) -> PolledState {
        let tenants = self.tenants(&activity, context);
        let usage = activity.sees_all_sessions().then(|| {
            self.seat_applications(&tenants, &activity.sessions, context);
            Usage::count(&activity.sessions, context.info.version_num)
        });
        if usage.is_none() {
            self.gap();
        }
        let mut judge = usage.as_ref().map(|usage| Judge {
            usage,
            history: self.history.poll(context.now, context.window),
            tenants: &tenants.current,
        });
        PolledState {
            in_recovery: activity.in_recovery,
            server: judge.as_mut().map(Judge::server),
            starting: usage.as_ref().and_then(|usage| usage.starting),
            databases: judged(&tenants.current.databases, |tenant| {
                judge.as_mut().map(|judge| judge.database(tenant))
            }),
            roles: judged(&tenants.current.roles, |role| {
                judge.as_mut().map(|judge| judge.role(role))
            }),
            sessions: activity.sessions,
            names: Arc::clone(&self.names),
            tenants: tenants.current,
        }
    }

    /// A poll failed, did not see everything, or began late.
    pub(crate) fn gap(&mut self) {
        self.history.gap();
    }

    /// The configuration has changed.
    pub(crate) fn redraw(&mut self) {
        self.drawn = None;
    }

    /// Maybe another cluster, in which the same numbers mean other databases.
    pub(crate) fn another_server(&mut self) {
        self.history = History::default();
        self.drawn = None;
    }

    pub(crate) fn catalogue(&self) -> Option<Arc<Catalogue>> {
        self.drawn.as_ref().map(|drawn| Arc::clone(&drawn.from))
    }

    fn tenants(&mut self, activity: &Activity, context: PollContext<'_>) -> Redrawn {
        let known = self.drawn.as_ref();
        let is_read = known.is_none_or(|drawn| !Arc::ptr_eq(&drawn.from, &activity.catalogue));
        let is_old = known.is_some_and(|drawn| {
            let is_full = drawn.tenants.folded != (0, 0);
            context.now >= drawn.at + if is_full { REDRAWN_SOON } else { REDRAWN }
        });
        if let Some(drawn) = known.filter(|_| !is_read && !is_old) {
            return Redrawn {
                current: Arc::clone(&drawn.tenants),
                is_new: false,
            };
        }
        let names = Arc::make_mut(&mut self.names);
        let (info, policy, now) = (context.info, context.policy, context.now);
        let tenants = Arc::new(TenantSet::draw_up(activity, info, policy, names, now));
        let (databases, roles) = (tenants.databases.iter(), tenants.roles.iter());
        self.history.keep(
            databases.map(|tenant| (tenant.row.oid, &*tenant.row.name)),
            roles.map(|role| (role.oid, &*role.name)),
        );
        self.drawn = Some(Drawn {
            tenants: Arc::clone(&tenants),
            from: Arc::clone(&activity.catalogue),
            at: context.now,
        });
        Redrawn {
            current: tenants,
            is_new: true,
        }
    }

    /// Free seats of a database go to the applications with the most sessions in it.
    fn seat_applications(
        &mut self,
        tenants: &Redrawn,
        sessions: &[Sessions],
        context: PollContext<'_>,
    ) {
        let seats = context.policy.series_limits.application_names;
        let known = &self.names;
        let shown = || {
            let alive = sessions.iter().filter(|group| group.backend_type.is_some());
            let labelled =
                alive.filter_map(|group| Some((tenants.current.datname(group.database?)?, group)));
            labelled.filter(|(datname, _)| !tenants.current.is_sum(datname))
        };
        let is_newcomer = |(datname, group): (&str, &Sessions)| {
            known.could_seat(datname, &group.application_name, seats)
        };
        if !tenants.is_new && !shown().any(is_newcomer) {
            return;
        }
        let mut by_database: BTreeMap<&str, BTreeMap<&str, u32>> = BTreeMap::new();
        for (datname, group) in shown() {
            let counts = by_database.entry(datname).or_default();
            add(
                counts.entry(&group.application_name).or_default(),
                group.count,
            );
        }
        let names = Arc::make_mut(&mut self.names);
        for (datname, counts) in by_database {
            let mut counts: Vec<_> = counts.into_iter().collect();
            counts.sort_by_key(|&(_, count)| Reverse(count));
            let busiest: Vec<&str> = counts.into_iter().map(|(name, _)| name).collect();
            names
                .applications(datname)
                .fill(context.now, seats, &busiest);
        }
    }
}

/// The set of tenants of a poll, and whether it is another than that of the poll before.
struct Redrawn {
    current: Arc<TenantSet>,
    is_new: bool,
}

/// Judges one poll; the only place where limits meet history.
struct Judge<'a> {
    usage: &'a Usage,
    history: HistoryPoll<'a>,
    tenants: &'a TenantSet,
}

impl Judge<'_> {
    fn server(&mut self) -> Judged {
        let limits = limits::server(self.usage, self.tenants.slots);
        let past = self.history.server(observed(&limits));
        Judged { limits, past }
    }

    fn database(&mut self, tenant: &Tenant) -> Judged {
        let (row, budget) = (&tenant.row, tenant.budget.as_deref());
        let limits = limits::database(row, budget, self.usage, self.tenants.slots);
        let past = self.history.database(row.oid, observed(&limits));
        Judged { limits, past }
    }

    fn role(&mut self, role: &Role) -> Judged {
        let limits = limits::role(role, self.usage, self.tenants.slots);
        let past = self.history.role(role.oid, observed(&limits));
        Judged { limits, past }
    }
}

fn judged<T>(
    rows: &[Arc<T>],
    mut judge: impl FnMut(&T) -> Option<Judged>,
) -> Vec<(Arc<T>, Option<Judged>)> {
    let with = rows.iter().map(|row| (Arc::clone(row), judge(row)));
    with.collect()
}

/// A limit of 0 closes a database or a role on purpose, which is not to run out of connections.
fn observed(limits: &LimitStatus) -> Observed {
    let open = limits.limits().all(|limit| limit.connections > 0);
    Observed {
        used: limits.used,
        headroom: limits.headroom().filter(|_| open),
    }
}
