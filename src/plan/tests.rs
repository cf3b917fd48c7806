//! What fits, and what does not by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Capacity, DatabaseState, Kind, plan};
use crate::isolation::UnmetRole;
use crate::policy::{Budget, Policy, Pool};

/// Four instances with 2 + 3 connections, and one more during a rollout: 25.
fn policy(connections: u32) -> Policy {
    let web = Pool {
        name: Some("web".to_owned()),
        size: 2,
        overflow: 3,
        instances: 4,
        surge: 1,
    };
    let shop = Budget {
        connections: Some(connections),
        size_bytes: Some(100),
        pools: vec![web],
        owner_role: Some("app".to_owned()),
        ..Budget::default()
    };
    Policy {
        budgets: BTreeMap::from([("shop".to_owned(), Arc::new(shop))]),
        expected: BTreeSet::from(["shop".to_owned()]),
        ..Policy::default()
    }
}

fn kinds(policy: &Policy, capacity: &Capacity) -> Vec<Kind> {
    let findings = plan(policy, capacity).findings;
    findings.iter().map(|finding| finding.kind).collect()
}

#[test]
fn pools_may_reach_the_limit_and_not_pass_it() {
    let none = Capacity::default();
    assert_eq!(kinds(&policy(25), &none), []);
    assert_eq!(kinds(&policy(24), &none), [Kind::PoolsAboveLimit]);
    let text = &plan(&policy(20), &none).findings[0].text;
    assert_eq!(
        text,
        "database shop: the pool ceiling 25 is above the limit of 20, its budget"
    );
    assert_eq!(plan(&policy(20), &none).unchecked.len(), 4);
}

#[test]
fn sums_are_compared_with_slots_storage_and_memory() {
    let capacity = |slots, storage, memory| Capacity {
        slots: Some(slots),
        max_connections: Some(slots + 3),
        storage: Some(storage),
        memory: Some(memory),
        shared_buffers: Some(128 << 20),
        work_mem: Some(4 << 20),
        ..Capacity::default()
    };
    let needs = (128 << 20) + 28 * (9 << 20);
    assert_eq!(kinds(&policy(25), &capacity(25, 100, needs)), []);
    let small = kinds(&policy(25), &capacity(24, 99, needs - (9 << 20) - 1));
    let wanted = [
        Kind::PoolsAboveLimit,
        Kind::PoolsAboveSlots,
        Kind::LimitsAboveSlots,
        Kind::SizesAboveStorage,
        Kind::MemoryAboveLimit,
    ];
    assert_eq!(small, wanted);
}

#[test]
fn what_is_not_known_of_the_memory_is_assumed_and_said() {
    let memory = |memory| Capacity {
        memory: Some(memory),
        ..Capacity::default()
    };
    let needs = (128 << 20) + 100 * (9 << 20);
    let fits = plan(&policy(25), &memory(needs));
    assert_eq!(fits.findings, []);
    let assumed = "max_connections of 100, shared_buffers of 128 MiB, work_mem of 4 MiB, PostgreSQL's defaults";
    assert_eq!(fits.assumed.as_deref(), Some(assumed));
    assert_eq!(
        kinds(&policy(25), &memory(needs - 1)),
        [Kind::MemoryAboveLimit]
    );
}

#[test]
fn a_server_that_differs_is_found_with_the_sql() {
    let live = |name: &str, limit, owner: &str| Capacity {
        databases: Some(vec![DatabaseState {
            name: name.to_owned(),
            limit,
            owner: owner.to_owned(),
        }]),
        ..Capacity::default()
    };
    let sql = |capacity: &Capacity| {
        let findings = plan(&policy(30), capacity).findings.into_iter();
        findings.filter_map(|it| it.sql).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&policy(30), &live("shop", 30, "app")), []);
    assert_eq!(
        kinds(&policy(30), &live("other", 30, "app")),
        [Kind::DatabaseMissing]
    );
    assert_eq!(
        sql(&live("shop", -1, "postgres")),
        [
            "alter database \"shop\" connection limit 30;",
            "alter database \"shop\" owner to \"app\";"
        ]
    );
    let low = kinds(&policy(30), &live("shop", 24, "app"));
    assert_eq!(low, [Kind::PoolsAboveLimit, Kind::LimitDrift]);
    assert_eq!(kinds(&policy(30), &live("shop", 0, "app")), [], "closed");
    let unmet = ["new", "closed"].map(|role| UnmetRole {
        datname: "shop".to_owned(),
        rolname: role.to_owned(),
        exists: role == "closed",
    });
    let roles = Capacity {
        unmet: unmet.to_vec(),
        ..live("shop", 30, "app")
    };
    assert_eq!(
        kinds(&policy(30), &roles),
        [Kind::RoleMissing, Kind::ConnectMissing]
    );
    assert_eq!(
        sql(&roles),
        ["grant connect on database \"shop\" to \"closed\";"]
    );
}
