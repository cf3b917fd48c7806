//! What fits, and what does not by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Capacity, DatabaseLimit, Kind, plan};
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
        roles: BTreeSet::from(["shop".to_owned()]),
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
        "database shop: the ceiling of its pools, 25 connections, is above its budget, 20"
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
fn a_server_that_differs_is_found_with_the_sql() {
    let live = |name: &str, limit, roles: &[&str]| Capacity {
        databases: Some(vec![DatabaseLimit {
            name: name.to_owned(),
            limit,
        }]),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Capacity::default()
    };
    assert_eq!(kinds(&policy(30), &live("shop", 30, &["shop"])), []);
    assert_eq!(
        kinds(&policy(30), &live("other", 30, &["shop"])),
        [Kind::DatabaseMissing]
    );
    assert_eq!(
        kinds(&policy(30), &live("shop", 30, &[])),
        [Kind::RoleMissing]
    );
    let drift = plan(&policy(30), &live("shop", -1, &["shop"])).findings;
    assert_eq!(
        drift[0].sql.as_deref(),
        Some("alter database \"shop\" connection limit 30;")
    );
    let low = kinds(&policy(30), &live("shop", 24, &["shop"]));
    assert_eq!(low, [Kind::PoolsAboveLimit, Kind::LimitDrift]);
}
