//! Whether what the configuration declares fits the server: pools against limits, limits against connection slots, sizes against the
//! storage, slots against the memory; and where the server differs from the configuration. Pure.

mod drift;
mod memory;
mod pools;

use crate::isolation::UnmetRole;
use crate::policy::{Budget, Policy};

pub(crate) use drift::{Drift, drift};
pub(crate) use pools::{pool_excess, pools_above_slots};

/// What is known of the server: from the configuration, from flags, or read from it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Capacity {
    /// Connection slots that ordinary roles may use.
    pub(crate) slots: Option<u32>,
    /// All connection slots.
    pub(crate) max_connections: Option<u32>,
    /// Bytes.
    pub(crate) storage: Option<u64>,
    pub(crate) memory: Option<u64>,
    pub(crate) shared_buffers: Option<u64>,
    pub(crate) work_mem: Option<u64>,
    /// The databases of a server that was asked.
    pub(crate) databases: Option<Vec<DatabaseState>>,
    /// The declared roles that cannot connect on a server that was asked.
    pub(crate) unmet: Vec<UnmetRole>,
}

/// A database of a server that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseState {
    pub(crate) name: String,
    /// `datconnlimit`; -1: no limit.
    pub(crate) limit: i32,
    pub(crate) owner: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The pools of a database can open more connections than it may have. Critical.
    PoolsAboveLimit,
    /// The pools of all databases together.
    PoolsAboveSlots,
    /// The limits of all databases together.
    LimitsAboveSlots,
    SizesAboveStorage,
    MemoryAboveLimit,
    /// `datconnlimit` differs from the budget.
    LimitDrift,
    OwnerDrift,
    DatabaseMissing,
    RoleMissing,
    /// A declared role may not connect.
    ConnectMissing,
}

impl Kind {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::PoolsAboveLimit => "pools_above_limit",
            Self::PoolsAboveSlots => "pools_above_slots",
            Self::LimitsAboveSlots => "limits_above_slots",
            Self::SizesAboveStorage => "sizes_above_storage",
            Self::MemoryAboveLimit => "memory_above_limit",
            Self::LimitDrift => "limit_drift",
            Self::OwnerDrift => "owner_drift",
            Self::DatabaseMissing => "database_missing",
            Self::RoleMissing => "role_missing",
            Self::ConnectMissing => "connect_missing",
        }
    }

    fn of_drift(drift: &Drift) -> Self {
        match drift {
            Drift::Limit { .. } | Drift::NoLimit { .. } => Self::LimitDrift,
            Drift::Owner { .. } => Self::OwnerDrift,
            Drift::RoleMissing { .. } => Self::RoleMissing,
            Drift::ConnectMissing { .. } => Self::ConnectMissing,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) datname: Option<String>,
    pub(crate) text: String,
    /// One statement with its semicolon.
    pub(crate) sql: Option<String>,
}

impl Finding {
    fn of(kind: Kind, datname: Option<&str>, text: String) -> Self {
        Self {
            kind,
            datname: datname.map(str::to_owned),
            text,
            sql: None,
        }
    }

    fn of_drift(datname: &str, drift: &Drift) -> Self {
        Self {
            sql: drift.sql(datname).map(|sql| sql + ";"),
            ..Self::of(Kind::of_drift(drift), Some(datname), drift.text(datname))
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) findings: Vec<Finding>,
    /// Comparisons that were not made, and what they need.
    pub(crate) unchecked: Vec<&'static str>,
    /// Settings that a comparison assumed, because they are not known.
    pub(crate) assumed: Option<String>,
}

pub(crate) fn plan(policy: &Policy, capacity: &Capacity) -> Plan {
    let mut plan = Plan::default();
    for (name, budget) in &policy.budgets {
        plan.findings
            .extend(pools_above_limit(name, budget, capacity));
    }
    sums(policy, capacity, &mut plan);
    memory::memory(capacity, &mut plan);
    match &capacity.databases {
        Some(databases) => differences(policy, databases, capacity, &mut plan),
        None => plan
            .unchecked
            .push("limits, owners and roles of the server: --live"),
    }
    plan
}

fn pools_above_limit(name: &str, budget: &Budget, capacity: &Capacity) -> Option<Finding> {
    let databases = capacity.databases.iter().flatten();
    let own = databases
        .filter(|it| it.name == name)
        .find_map(|it| u32::try_from(it.limit).ok());
    let excess = pool_excess(budget, own, capacity.slots)?;
    Some(Finding::of(
        Kind::PoolsAboveLimit,
        Some(name),
        excess.text(name),
    ))
}

fn sums(policy: &Policy, capacity: &Capacity, plan: &mut Plan) {
    let budgets = || policy.budgets.values().map(|it| &**it);
    if let Some(slots) = capacity.slots {
        let pools = pools_above_slots(budgets(), slots);
        let connections = budgets().filter_map(|it| it.connections);
        let connections = connections.map(u64::from).sum();
        let what = "the connections of all budgets";
        let limits = pools::above(what, connections, slots.into(), pools::SLOTS);
        for (kind, text) in [
            (Kind::PoolsAboveSlots, pools),
            (Kind::LimitsAboveSlots, limits),
        ] {
            plan.findings
                .extend(text.map(|text| Finding::of(kind, None, text)));
        }
    } else {
        plan.unchecked.push(
            "sums against the slots: --max-connections, --live, or servers.NAME.connections_limit",
        );
    }
    if let Some(storage) = capacity.storage {
        let sizes = budgets().filter_map(|it| it.size_bytes).sum();
        let what = "the sizes of all budgets";
        let text = pools::above(what, sizes, storage, "bytes of storage");
        let finding = text.map(|text| Finding::of(Kind::SizesAboveStorage, None, text));
        plan.findings.extend(finding);
    } else {
        plan.unchecked
            .push("sizes against the storage: servers.NAME.storage.size, or --storage");
    }
}

/// What the server has beside what is declared.
fn differences(policy: &Policy, databases: &[DatabaseState], capacity: &Capacity, plan: &mut Plan) {
    for (name, budget) in &policy.budgets {
        match databases.iter().find(|it| it.name == *name) {
            None if policy.expected.contains(name) => {
                let text = format!("database {name} has a budget but does not exist");
                plan.findings
                    .push(Finding::of(Kind::DatabaseMissing, Some(name), text));
            }
            None => {}
            Some(found) => {
                let found = drift(found.limit, &found.owner, budget);
                let found = found.iter().map(|it| Finding::of_drift(name, it));
                plan.findings.extend(found);
            }
        }
    }
    let unmet = capacity.unmet.iter();
    let unmet = unmet.map(|it| Finding::of_drift(&it.datname, &Drift::from(it)));
    plan.findings.extend(unmet);
}

#[cfg(test)]
mod tests;
