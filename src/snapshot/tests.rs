//! More names than series slots: which are shown, and which figures still count all of them.

use std::collections::BTreeSet;

use super::*;
use crate::policy::{Policy, SeriesLimits};
use crate::sample::{Activity, Catalogue, Oid, Sessions, WaitClass};
use crate::tracker::{PollContext, PollTracker};

const CLIENT: &str = "client backend";

fn info() -> Arc<ServerInfo> {
    Arc::new(ServerInfo {
        version_num: 150_018,
        version: "15.18".into(),
        start_time: 0.0,
        checkpointer_start: None,
        read_at: 0.0,
        max_connections: 100,
        superuser_reserved_connections: 3,
        reserved_connections: None,
        rds_reserved_connections: None,
        role: 1,
        superuser: false,
        uses_reserved_connections: None,
    })
}

/// Databases and roles of these names, each with the limit 10, its position as OID, and this many sessions of an
/// application of its own.
fn activity(tenants: &[(&str, u32)]) -> Activity {
    let (mut activity, mut catalogue) = (Activity::default(), Catalogue::default());
    let group = |oid: Option<Oid>, name: &str, backend_type: &'static str, count| Sessions {
        database: oid,
        role: oid,
        application_name: format!("{name} app"),
        state: Some("idle"),
        backend_type: Some(backend_type),
        count,
        own: 0,
        wait: Some(WaitClass::Lock),
        oldest_transaction: None,
        oldest_statement: None,
    };
    activity.sessions.push(group(None, "", "checkpointer", 1));
    for (oid, &(name, count)) in (1..).zip(tenants) {
        catalogue.databases.push(Database {
            oid,
            name: name.into(),
            connection_limit: 10,
            accepts_connections: true,
            owner: name.into(),
        });
        catalogue.roles.push(Role {
            oid,
            name: name.into(),
            connection_limit: 10,
            superuser: name == "root",
            uses_reserved_connections: false,
        });
        catalogue.logins += 1;
        if count > 0 {
            activity
                .sessions
                .push(group(Some(oid), name, CLIENT, count));
        }
    }
    activity.catalogue = Arc::new(catalogue);
    activity
}

fn policy(slots: usize) -> Policy {
    let series_limits = SeriesLimits {
        databases: slots,
        roles: slots,
        application_names: slots,
    };
    Policy {
        series_limits,
        ..Policy::default()
    }
}

/// One poll per second.
fn last_of(polls: &[Activity], policy: &Policy) -> Snapshot {
    let (mut tracker, info) = (PollTracker::default(), info());
    let observe = |(second, activity): (u64, &Activity)| {
        let context = PollContext {
            info: &info,
            policy,
            now: Duration::from_secs(second),
            window: Duration::from_mins(1),
        };
        tracker.observe(activity.clone(), context)
    };
    let last = (0..).zip(polls).map(observe).last().expect("a poll");
    Snapshot::of(&last, &SlowReadings::default())
}

fn shown(snapshot: &Snapshot) -> BTreeSet<&str> {
    let databases = snapshot.databases.iter().map(|view| &*view.row.name);
    let databases: BTreeSet<&str> = databases.collect();
    let roles = snapshot.roles.iter().map(|view| &*view.row.name);
    assert!(roles.collect::<BTreeSet<_>>().is_subset(&databases));
    databases
}

/// The sessions that series show, by one of their labels.
fn sessions(snapshot: &Snapshot, label: fn(&SessionKey) -> &str) -> BTreeMap<&str, u32> {
    let mut sums = BTreeMap::new();
    for (key, total) in &snapshot.sessions {
        *sums.entry(label(key)).or_default() += total.count;
    }
    sums
}

const TENANTS: [(&str, u32); 4] = [("old", 1), ("idle", 0), ("busy", 5), ("late", 1)];

#[test]
fn the_busiest_are_shown_and_among_equals_the_oldest() {
    let snapshot = last_of(&[activity(&TENANTS)], &policy(2));
    assert_eq!(shown(&snapshot), ["busy", "old"].into());
    let overflow = SeriesOverflow {
        databases: 2,
        roles: 2,
        applications: Some(1),
    };
    assert_eq!(snapshot.overflow, overflow);
}

#[test]
fn figures_of_the_server_count_all_databases_and_roles() {
    let [few, all] = [2, 9].map(|slots| last_of(&[activity(&TENANTS)], &policy(slots)));
    assert_eq!(few.committed, 40);
    assert_eq!((few.committed, &few.server), (all.committed, &all.server));
    let used = few.server.as_ref().map(|status| status.limits.used);
    assert_eq!(used, Some(7));
    let labels: [fn(&SessionKey) -> &str; 3] = [
        |key| &key.datname,
        |key| &key.usename,
        |key| &key.application_name,
    ];
    for label in labels {
        assert_eq!(sessions(&few, label).values().sum::<u32>(), 7);
        assert_eq!(sessions(&few, label).get("other"), Some(&1));
        assert_eq!(sessions(&all, label).get("other"), None);
    }
}

#[test]
fn new_names_take_no_slot_in_use() {
    let crowd = [TENANTS[0], ("new", 9), TENANTS[2], ("newer", 8)];
    let snapshot = last_of(&[activity(&TENANTS), activity(&crowd)], &policy(2));
    assert_eq!(shown(&snapshot), ["busy", "old"].into());
}

#[test]
fn a_database_with_a_budget_needs_no_slot() {
    let mut policy = policy(1);
    let budget = Arc::new(Budget::default());
    policy.budgets.insert("idle".into(), budget);
    policy.series_limits.roles = 0;
    let snapshot = last_of(&[activity(&TENANTS)], &policy);
    assert_eq!(shown(&snapshot), ["busy", "idle"].into());
}

/// Prometheus refuses the whole page when two series have the same labels.
#[test]
fn a_database_named_other_is_summed_up_with_the_others() {
    let tenants = [("other", 5), ("crowd", 2)];
    let snapshot = last_of(&[activity(&tenants)], &policy(1));
    assert_eq!(shown(&snapshot), ["other"].into());
    assert_eq!(
        sessions(&snapshot, |key| &key.datname),
        [("other", 7)].into()
    );
    assert_eq!(snapshot.databases[0].blocked, Some(5));
    // While every database has series of its own, this one is shown like any other.
    let alone = last_of(&[activity(&tenants[..1])], &policy(1));
    let application = sessions(&alone, |key| &key.application_name);
    assert_eq!(application, [("other app", 5)].into());
}

#[test]
fn the_agents_own_role_is_checked_also_without_a_slot() {
    let snapshot = last_of(&[activity(&[("root", 1), ("busy", 5)])], &policy(1));
    assert_eq!(shown(&snapshot), ["busy"].into());
    assert!(snapshot.superuser);
}
