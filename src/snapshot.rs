//! What scrapers see: one immutable value for each poll. Puts a sample, its judgement and the memory of earlier polls
//! together; pure, and free of names of metrics.

mod refreshed;
mod sessions;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::limits::{self, Slots, Standing, Usage};
use crate::names::Names;
use crate::policy::{Budget, Policy};
use crate::sample::{Activity, Database, DatabaseStats, Role, ServerInfo, Stats};
use crate::sizes::{Sizes, Unknown};
use crate::window::{DatabaseSeen, History, Observed, Track};

use sessions::Grouped;
pub(crate) use sessions::{SessionKey, SessionTotal};
pub(crate) use shown::Folded;
use shown::fold;

/// A standing now, and what the polls before saw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) standing: Standing,
    pub(crate) peak: Option<u32>,
    pub(crate) exhausted: Duration,
    pub(crate) refusals: Option<u64>,
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

/// One poll that got its data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) info: Arc<ServerInfo>,
    /// The agent's own role is a superuser, which it need not be.
    pub(crate) superuser: bool,
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

/// What one poll and the slower jobs before it brought.
pub(crate) struct Observation<'a> {
    pub(crate) info: &'a Arc<ServerInfo>,
    pub(crate) activity: Activity,
    pub(crate) stats: Option<&'a Stats>,
    pub(crate) sizes: &'a Sizes,
    pub(crate) policy: &'a Policy,
    /// Since the poller began.
    pub(crate) now: Duration,
    /// Seconds since the epoch.
    pub(crate) wall_clock: f64,
    pub(crate) window: Duration,
}

impl Snapshot {
    /// Judges one observation; the history is told of it, and new names are given the seats that are free. What is said of
    /// the server as a whole counts also those that have none.
    pub(crate) fn judge(
        mut seen: Observation<'_>,
        history: &mut History,
        names: &mut Names,
    ) -> Self {
        let missing = missing(&seen.activity.databases, seen.policy);
        let superuser = is_superuser(&seen);
        let watches = |database: &Database| seen.policy.watches(&database.name);
        seen.activity.databases.retain(watches);
        let slots = Slots::of(seen.info, seen.policy);
        let committed = limits::committed(&seen.activity.databases, slots);
        let activity = &seen.activity;
        let usage = activity
            .sees_all_sessions()
            .then(|| Usage::count(&activity.sessions, seen.info.version_num));
        let (folded, grouped) = fold(&mut seen, usage.is_some(), names);
        let standings = Standings::of(&seen, usage.as_ref(), slots);
        match &standings {
            Some(standings) => standings.remember(&seen, history),
            None => history.gap(),
        }
        Self {
            info: Arc::clone(seen.info),
            superuser,
            in_recovery: seen.activity.in_recovery,
            slots,
            committed,
            missing,
            folded,
            starting: usage.as_ref().and_then(|usage| usage.starting),
            server: standings
                .as_ref()
                .map(|standings| judged(standings.server.clone(), history.server())),
            databases: database_views(&mut seen, standings.as_ref(), grouped.as_ref(), history),
            roles: role_views(&mut seen, standings.as_ref(), history),
            sessions: grouped.map(|grouped| grouped.totals).unwrap_or_default(),
            oldest_size: oldest(seen.sizes, seen.now, seen.wall_clock),
        }
    }

    pub(crate) fn sees_all_sessions(&self) -> bool {
        self.server.is_some()
    }
}

/// As of this poll, which is later than the login.
fn is_superuser(seen: &Observation<'_>) -> bool {
    let own = seen
        .activity
        .roles
        .iter()
        .find(|role| role.oid == seen.info.role);
    own.map_or(seen.info.superuser, |role| role.superuser)
}

/// Seconds since the epoch.
fn oldest(sizes: &Sizes, now: Duration, wall_clock: f64) -> Option<f64> {
    let age = sizes.oldest(now)?;
    Some(wall_clock - age.as_secs_f64())
}

fn missing(databases: &[Database], policy: &Policy) -> Vec<String> {
    let there = |name: &&String| databases.iter().any(|row| row.name == **name);
    policy
        .expected
        .iter()
        .filter(|name| !there(name))
        .cloned()
        .collect()
}

/// The judgement of one poll, in the order of its rows.
struct Standings {
    server: Standing,
    databases: Vec<Standing>,
    roles: Vec<Standing>,
}

impl Standings {
    fn of(seen: &Observation<'_>, usage: Option<&Usage>, slots: Slots) -> Option<Self> {
        let usage = usage?;
        let database = |row: &Database| {
            limits::database(
                row,
                seen.policy.budget(&row.name).map(AsRef::as_ref),
                usage,
                slots,
            )
        };
        Some(Self {
            server: limits::server(usage, slots),
            databases: seen.activity.databases.iter().map(database).collect(),
            roles: seen
                .activity
                .roles
                .iter()
                .map(|row| limits::role(row, usage, slots))
                .collect(),
        })
    }

    fn remember(&self, seen: &Observation<'_>, history: &mut History) {
        let databases: Vec<_> = seen
            .activity
            .databases
            .iter()
            .zip(&self.databases)
            .map(|(row, standing)| DatabaseSeen {
                oid: row.oid,
                observed: observed(standing),
                sessions_fatal: row.sessions_fatal,
                at_limit: standing
                    .limit(limits::LimitKind::Database)
                    .is_some_and(|limit| limit.free() == 0),
            })
            .collect();
        let roles: Vec<_> = seen
            .activity
            .roles
            .iter()
            .map(|row| row.oid)
            .zip(self.roles.iter().map(observed))
            .collect();
        history.observe(
            seen.now,
            seen.window,
            observed(&self.server),
            &databases,
            &roles,
        );
    }
}

/// A limit of 0 closes a database or a role on purpose, which is not to run out of connections.
fn observed(standing: &Standing) -> Observed {
    let open = standing.limits().iter().all(|limit| limit.connections > 0);
    Observed {
        used: standing.used,
        headroom: standing.headroom().filter(|_| open),
    }
}

fn judged(standing: Standing, track: &Track) -> Judged {
    Judged {
        standing,
        peak: track.peak(),
        exhausted: track.exhausted(),
        refusals: track.refusals(),
    }
}

fn database_views(
    seen: &mut Observation<'_>,
    standings: Option<&Standings>,
    grouped: Option<&Grouped>,
    history: &History,
) -> Vec<DatabaseView> {
    let rows = std::mem::take(&mut seen.activity.databases);
    let view = |(n, row): (usize, Database)| DatabaseView {
        judged: standings
            .zip(history.database(row.oid))
            .map(|(standings, track)| judged(standings.databases[n].clone(), track)),
        size: if row.is_invalid() {
            Err(Unknown::Invalid)
        } else {
            seen.sizes.of(row.oid)
        },
        budget: seen.policy.budget(&row.name).cloned(),
        blocked: grouped.map(|grouped| grouped.blocked.get(&row.oid).copied().unwrap_or(0)),
        stats: seen.stats.and_then(|stats| stats.get(&row.oid)).cloned(),
        row,
    };
    rows.into_iter().enumerate().map(view).collect()
}

fn role_views(
    seen: &mut Observation<'_>,
    standings: Option<&Standings>,
    history: &History,
) -> Vec<RoleView> {
    let rows = std::mem::take(&mut seen.activity.roles);
    let view = |(n, row): (usize, Role)| RoleView {
        judged: standings
            .zip(history.role(row.oid))
            .map(|(standings, track)| judged(standings.roles[n].clone(), track)),
        row,
    };
    rows.into_iter().enumerate().map(view).collect()
}

#[cfg(test)]
mod tests;
