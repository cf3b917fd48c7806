//! What polls leave behind for those after them: peaks and counters, seats, who is on the roster. Each poll that got its data
//! is told here once, and becomes what is published. Pure: `now` is the time since the poller began.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::limits::{self, Standing, Usage, add};
use crate::names::Names;
use crate::policy::Policy;
use crate::roster::Roster;
use crate::sample::{Activity, Catalogue, ServerInfo, Sessions};
use crate::window::{History, Observed, Past};

/// How old a roster gets. Names that went and came back within this are not known to have been away.
const REDRAWN: Duration = Duration::from_mins(1);
/// The same while names have no series of their own: one may take the place of a name that is gone.
const REDRAWN_SOON: Duration = Duration::from_secs(10);

/// One poll that got its data, and what is remembered of those before: all that a snapshot is made of. Cheap to make, for
/// most polls are looked at by nobody.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) roster: Arc<Roster>,
    pub(crate) in_recovery: bool,
    pub(crate) sessions: Vec<Sessions>,
    /// None: the agent's role does not see all sessions, and a part of them is not shown as the whole.
    pub(crate) counted: Option<(Usage, Past)>,
    pub(crate) names: Arc<Names>,
}

impl Seen {
    pub(crate) fn sees_all_sessions(&self) -> bool {
        self.counted.is_some()
    }
}

/// What a poll is judged by, and when it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) info: &'a Arc<ServerInfo>,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Duration,
    pub(crate) window: Duration,
}

#[derive(Debug)]
struct Drawn {
    roster: Arc<Roster>,
    from: Arc<Catalogue>,
    at: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    history: History,
    names: Arc<Names>,
    drawn: Option<Drawn>,
}

impl Memory {
    pub(crate) fn observe(&mut self, activity: Activity, moment: Moment<'_>) -> Seen {
        let roster = self.roster(&activity, moment);
        let counted = if activity.sees_all_sessions() {
            let usage = Usage::count(&activity.sessions, moment.info.version_num);
            self.seat_applications(&roster, &activity.sessions, moment);
            let past = self.remember(&roster, &usage, moment);
            Some((usage, past))
        } else {
            self.gap();
            None
        };
        Seen {
            roster: roster.current,
            in_recovery: activity.in_recovery,
            sessions: activity.sessions,
            counted,
            names: Arc::clone(&self.names),
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

    fn roster(&mut self, activity: &Activity, moment: Moment<'_>) -> Redrawn {
        let known = self.drawn.as_ref();
        let is_read = known.is_none_or(|drawn| !Arc::ptr_eq(&drawn.from, &activity.catalogue));
        let is_old = known.is_some_and(|drawn| {
            let is_full = drawn.roster.folded != (0, 0);
            moment.now >= drawn.at + if is_full { REDRAWN_SOON } else { REDRAWN }
        });
        if let Some(drawn) = known.filter(|_| !is_read && !is_old) {
            return Redrawn {
                current: Arc::clone(&drawn.roster),
                is_new: false,
            };
        }
        let names = Arc::make_mut(&mut self.names);
        let roster = Roster::draw_up(activity, moment.info, moment.policy, names, moment.now);
        let roster = Arc::new(roster);
        let (databases, roles) = (roster.databases.iter(), roster.roles.iter());
        self.history.keep(
            databases.map(|tenant| (tenant.row.oid, &*tenant.row.name)),
            roles.map(|role| (role.oid, &*role.name)),
        );
        self.drawn = Some(Drawn {
            roster: Arc::clone(&roster),
            from: Arc::clone(&activity.catalogue),
            at: moment.now,
        });
        Redrawn {
            current: roster,
            is_new: true,
        }
    }

    /// Free seats of a database go to the applications with the most sessions in it.
    fn seat_applications(&mut self, roster: &Redrawn, sessions: &[Sessions], moment: Moment<'_>) {
        let (seats, known) = (moment.policy.application_names, &self.names);
        let shown = || {
            let alive = sessions.iter().filter(|group| group.backend_type.is_some());
            let labelled =
                alive.filter_map(|group| Some((roster.current.datname(group.database?)?, group)));
            labelled.filter(|(datname, _)| !roster.current.is_sum(datname))
        };
        let is_newcomer = |(datname, group): (&str, &Sessions)| {
            known.could_seat(datname, &group.application_name, seats)
        };
        if !roster.is_new && !shown().any(is_newcomer) {
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
                .fill(moment.now, seats, &busiest);
        }
    }

    fn remember(&mut self, roster: &Redrawn, usage: &Usage, moment: Moment<'_>) -> Past {
        let slots = roster.current.slots;
        let databases = roster.current.databases.iter().map(|tenant| {
            let row = &tenant.row;
            let standing = limits::database(row, tenant.budget.as_deref(), usage, slots);
            (row.oid, observed(&standing))
        });
        let roles = roster.current.roles.iter().map(|role| {
            let standing = limits::role(role, usage, slots);
            (role.oid, observed(&standing))
        });
        let server = observed(&limits::server(usage, slots));
        self.history
            .observe(moment.now, moment.window, server, databases, roles)
    }
}

/// The roster of a poll, and whether it is another than that of the poll before.
struct Redrawn {
    current: Arc<Roster>,
    is_new: bool,
}

/// A limit of 0 closes a database or a role on purpose, which is not to run out of connections.
fn observed(standing: &Standing) -> Observed {
    let open = standing.limits().all(|limit| limit.connections > 0);
    Observed {
        used: standing.used,
        headroom: standing.headroom().filter(|_| open),
    }
}
