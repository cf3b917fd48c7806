//! Tables: by version, by privilege, by kind of limit.

use super::usage::{CLIENT, Counting};
use super::*;
use crate::sample::{Oid, Sessions};

pub(super) const AGENT_VERSION: u32 = 160_014;

pub(super) fn info(
    max_connections: u32,
    superuser_reserved: u32,
    reserved: Option<u32>,
) -> ServerInfo {
    ServerInfo {
        version_num: AGENT_VERSION,
        version: "16.14".into(),
        start_time: 0.0,
        checkpointer_start: None,
        read_at: 0.0,
        max_connections,
        superuser_reserved_connections: superuser_reserved,
        reserved_connections: reserved,
        rds_reserved_connections: None,
        role: 13,
        superuser: false,
        uses_reserved_connections: Some(false),
    }
}

pub(super) fn clients(database: Oid, role: Oid, count: u32) -> Sessions {
    backends(CLIENT, Some(database), Some(role), count)
}

fn backends(
    backend_type: &'static str,
    database: Option<Oid>,
    role: Option<Oid>,
    count: u32,
) -> Sessions {
    Sessions {
        database,
        role,
        application_name: String::new(),
        state: Some("idle"),
        backend_type: Some(backend_type),
        count,
        own: 0,
        wait: None,
        oldest_transaction: None,
        oldest_statement: None,
    }
}

pub(super) fn tenant(connection_limit: i32) -> Database {
    Database {
        oid: 1,
        name: "t".into(),
        connection_limit,
        accepts_connections: true,
        owner: "r".into(),
    }
}

pub(super) fn login(connection_limit: i32) -> Role {
    Role {
        oid: 2,
        name: "r".into(),
        connection_limit,
        superuser: false,
        uses_reserved_connections: false,
    }
}

#[test]
fn counting_changed_in_minor_releases() {
    let old = [120_022, 130_018, 140_015, 150_010, 160_006, 170_002];
    let new = [
        130_019, 130_023, 140_016, 150_011, 150_018, 160_007, 170_003, 180_000, 190_001,
    ];
    assert!(
        old.into_iter()
            .all(|version| Counting::of(version) == Counting::AlsoWorkers)
    );
    assert!(
        new.into_iter()
            .all(|version| Counting::of(version) == Counting::ClientBackends)
    );
}

#[test]
fn workers_count_as_the_release_counts_them() {
    let sessions = [
        clients(1, 2, 1),
        backends("walsender", Some(1), Some(2), 1),
        backends("autovacuum worker", Some(1), None, 1),
        backends("parallel worker", Some(1), Some(2), 4),
        backends("checkpointer", None, None, 1),
    ];
    for (version, server, database, role) in [(150_010, 1, 3, 2), (150_011, 1, 1, 1)] {
        let usage = Usage::count(&sessions, version);
        assert_eq!(
            (usage.server, usage.database(1), usage.role(2)),
            (server, database, role),
            "{version}"
        );
    }
}

#[test]
fn slotsync_worker_took_a_slot_until_17_3() {
    let sessions = [backends("slotsync worker", Some(1), None, 1)];
    let slots = [170_002, 170_003].map(|version| Usage::count(&sessions, version).server);
    assert_eq!(slots, [1, 0]);
}

#[test]
fn logins_in_progress_take_a_slot_and_are_visible_on_18_only() {
    let starting = Sessions {
        state: Some("starting"),
        ..backends(CLIENT, None, None, 10)
    };
    let usage = Usage::count(&[starting.clone(), clients(1, 2, 1)], 180_004);
    assert_eq!(
        (usage.server, usage.starting, usage.database(1)),
        (11, Some(10), 1)
    );
    assert_eq!(Usage::count(&[starting], 170_010).starting, None);
}

#[test]
fn slots_by_privilege() {
    let policy = Policy::default();
    let slots = ConnectionSlots::of(&info(20, 3, Some(2)), &policy);
    assert_eq!(
        slots,
        ConnectionSlots {
            ordinary: 15,
            reserved: 17,
            superuser: 20
        }
    );
    let rds = ServerInfo {
        rds_reserved_connections: Some(2),
        ..info(20, 3, None)
    };
    assert_eq!(ConnectionSlots::of(&rds, &policy).ordinary, 15);
    let capped = Policy {
        connections_limit: Some(10),
        ..Policy::default()
    };
    assert_eq!(
        ConnectionSlots::of(&info(20, 3, None), &capped).ordinary,
        10
    );
    let generous = Policy {
        connections_limit: Some(100),
        ..Policy::default()
    };
    assert_eq!(
        ConnectionSlots::of(&info(20, 3, None), &generous).ordinary,
        17
    );
}

#[test]
fn more_used_than_allowed_is_no_headroom() {
    let slots = ConnectionSlots::of(&info(20, 3, None), &Policy::default());
    let usage = Usage::count(&[clients(1, 2, 3)], AGENT_VERSION);
    assert_eq!(
        database(&tenant(1), None, &usage, slots).headroom(),
        Some(0)
    );
    assert_eq!(role(&login(2), &usage, slots).headroom(), Some(0));
}

#[test]
fn no_login_is_possible_to_an_invalid_or_closed_database() {
    let slots = ConnectionSlots::of(&info(20, 3, None), &Policy::default());
    let closed = Database {
        accepts_connections: false,
        ..tenant(5)
    };
    for database_row in [tenant(-2), closed] {
        let usage = Usage::count(&[clients(1, 2, 4)], AGENT_VERSION);
        let status = database(&database_row, None, &usage, slots);
        assert_eq!((status.headroom(), status.binding()), (None, None));
        let budget = Budget {
            connections: Some(3),
            ..Budget::default()
        };
        let status = database(&database_row, Some(&budget), &usage, slots);
        assert_eq!(status.headroom(), None);
        let over = Limit {
            kind: LimitKind::Budget,
            connections: 3,
            used: 4,
        };
        assert_eq!(status.all().collect::<Vec<_>>(), [over]);
    }
}

#[test]
fn a_budget_is_no_limit() {
    let slots = ConnectionSlots::of(&info(100, 3, None), &Policy::default());
    let usage = Usage::count(&[clients(1, 2, 6)], AGENT_VERSION);
    let budget = Budget {
        connections: Some(5),
        ..Budget::default()
    };
    let status = database(&tenant(15), Some(&budget), &usage, slots);
    let binding = status.binding().map(|limit| limit.kind);
    assert_eq!(binding, Some(LimitKind::Database));
    assert_eq!(status.headroom(), Some(9));
    assert_eq!(status.budget.map(Limit::excess), Some(1));
}

#[test]
fn on_a_full_server_the_server_binds_before_the_database() {
    let slots = ConnectionSlots::of(&info(10, 3, None), &Policy::default());
    let usage = Usage::count(&[clients(1, 2, 7)], AGENT_VERSION);
    let status = database(&tenant(7), None, &usage, slots);
    assert_eq!(
        status.binding().map(|limit| limit.kind),
        Some(LimitKind::Server)
    );
}

#[test]
fn limits_do_not_bind_superusers() {
    let slots = ConnectionSlots::of(&info(20, 3, Some(2)), &Policy::default());
    let usage = Usage::count(&[clients(1, 2, 15)], AGENT_VERSION);
    let superuser = Role {
        superuser: true,
        ..login(1)
    };
    let reserved = Role {
        uses_reserved_connections: true,
        ..login(-1)
    };
    let headroom = |of: &Role| role(of, &usage, slots).headroom();
    assert_eq!(
        (
            headroom(&superuser),
            headroom(&reserved),
            headroom(&login(-1))
        ),
        (Some(5), Some(2), Some(0))
    );
}

#[test]
fn committed_sums_the_limits_of_reachable_databases() {
    let slots = ConnectionSlots::of(&info(100, 3, None), &Policy::default());
    let closed = Database {
        accepts_connections: false,
        ..tenant(7)
    };
    let databases = [
        tenant(50),
        tenant(30),
        tenant(-1),
        tenant(-2),
        closed,
        tenant(0),
    ];
    assert_eq!(committed(databases.iter(), slots), 50 + 30 + 97);
}
