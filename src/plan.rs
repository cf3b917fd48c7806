//! Whether what the configuration declares fits the server: pools against limits, limits against connection slots, sizes against the
//! storage, slots against the memory; and where the server differs from the configuration. Pure.

use crate::names::identifier_on_one_line;
use crate::policy::{Budget, Policy};

/// A backend without a query, in bytes: its catalogue caches and stack. Measured, with tens of tables.
const BACKEND_BYTES: u64 = 5 << 20;

/// What is known of the server; from flags, or read from it.
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
    pub(crate) databases: Option<Vec<DatabaseLimit>>,
    /// The roles of a server that was asked.
    pub(crate) roles: Vec<String>,
}

/// A database and its `datconnlimit`; -1: no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseLimit {
    pub(crate) name: String,
    pub(crate) limit: i32,
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
    DatabaseMissing,
    RoleMissing,
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
            Self::DatabaseMissing => "database_missing",
            Self::RoleMissing => "role_missing",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) datname: Option<String>,
    pub(crate) text: String,
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
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) findings: Vec<Finding>,
    /// Comparisons that were not made, and what they need.
    pub(crate) unchecked: Vec<&'static str>,
}

pub(crate) fn plan(policy: &Policy, capacity: &Capacity) -> Plan {
    let mut plan = Plan::default();
    for (name, budget) in &policy.budgets {
        plan.findings
            .extend(pools_above_limit(name, budget, capacity));
    }
    sums(policy, capacity, &mut plan);
    memory(capacity, &mut plan);
    match &capacity.databases {
        Some(databases) => drift(policy, databases, capacity, &mut plan),
        None => plan
            .unchecked
            .push("limits and roles of the server: --live"),
    }
    plan
}

/// The smallest limit is that of PostgreSQL, the budget, or all slots.
fn pools_above_limit(name: &str, budget: &Budget, capacity: &Capacity) -> Option<Finding> {
    let ceiling = budget.pool_ceiling()?;
    let databases = capacity.databases.iter().flatten();
    let own = databases
        .filter(|it| it.name == name)
        .find_map(|it| u32::try_from(it.limit).ok());
    let limits = [
        (own, "the connection limit of the database"),
        (budget.connections, "its budget"),
        (capacity.slots, "the slots of the server"),
    ];
    let limits = limits
        .into_iter()
        .filter_map(|(limit, what)| Some((u64::from(limit?), what)));
    let (limit, what) = limits.min_by_key(|(limit, _)| *limit)?;
    let text = format!(
        "database {name}: the ceiling of its pools, {ceiling} connections, is above {what}, {limit}"
    );
    (ceiling > limit).then(|| Finding::of(Kind::PoolsAboveLimit, Some(name), text))
}

fn sums(policy: &Policy, capacity: &Capacity, plan: &mut Plan) {
    let budgets = || policy.budgets.values();
    match capacity.slots {
        Some(slots) => {
            let ceilings = budgets().filter_map(|it| it.pool_ceiling()).sum();
            let connections = budgets().filter_map(|it| it.connections);
            let connections = connections.map(u64::from).sum();
            for (kind, what, sum) in [
                (Kind::PoolsAboveSlots, "the ceilings of all pools", ceilings),
                (
                    Kind::LimitsAboveSlots,
                    "the connections of all budgets",
                    connections,
                ),
            ] {
                let text = above(what, sum, u64::from(slots), "slots for ordinary roles");
                plan.findings
                    .extend(text.map(|text| Finding::of(kind, None, text)));
            }
        }
        None => plan
            .unchecked
            .push("sums against the slots: --max-connections, or --live"),
    }
    match capacity.storage {
        Some(storage) => {
            let sizes = budgets().filter_map(|it| it.size_bytes).sum();
            let text = above(
                "the sizes of all budgets",
                sizes,
                storage,
                "bytes of storage",
            );
            let finding = text.map(|text| Finding::of(Kind::SizesAboveStorage, None, text));
            plan.findings.extend(finding);
        }
        None => plan.unchecked.push("sizes against the storage: --storage"),
    }
}

fn above(what: &str, sum: u64, capacity: u64, unit: &str) -> Option<String> {
    let percent = sum.saturating_mul(100) / capacity.max(1);
    (sum > capacity).then(|| format!("{what}, {sum}, are {percent} % of the {capacity} {unit}"))
}

/// What PostgreSQL takes if each connection sorts once: `work_mem` applies to each sort or hash of a query.
fn memory(capacity: &Capacity, plan: &mut Plan) {
    let known = (
        capacity.memory,
        capacity.max_connections,
        capacity.shared_buffers,
        capacity.work_mem,
    );
    let (Some(memory), Some(connections), Some(buffers), Some(work)) = known else {
        plan.unchecked
            .push("connections against the memory: --memory, with --max-connections or --live");
        return;
    };
    let worst = buffers + u64::from(connections) * (BACKEND_BYTES + work);
    let mib = |bytes: u64| bytes >> 20;
    if worst > memory {
        let text = format!(
            "{connections} connections with work_mem of {} MiB and shared_buffers of {} MiB can take {} MiB of {} MiB of memory",
            mib(work),
            mib(buffers),
            mib(worst),
            mib(memory)
        );
        plan.findings
            .push(Finding::of(Kind::MemoryAboveLimit, None, text));
    }
}

fn drift(policy: &Policy, databases: &[DatabaseLimit], capacity: &Capacity, plan: &mut Plan) {
    for (name, budget) in &policy.budgets {
        match databases.iter().find(|it| it.name == *name) {
            None if policy.expected.contains(name) => {
                let text = format!("database {name} has a budget but does not exist");
                plan.findings
                    .push(Finding::of(Kind::DatabaseMissing, Some(name), text));
            }
            None => {}
            Some(found) => plan.findings.extend(limit_drift(found, budget)),
        }
        for role in budget
            .roles
            .iter()
            .filter(|role| !capacity.roles.contains(role))
        {
            let text =
                format!("role {role}, which is declared for database {name}, does not exist");
            plan.findings
                .push(Finding::of(Kind::RoleMissing, Some(name), text));
        }
    }
}

fn limit_drift(found: &DatabaseLimit, budget: &Budget) -> Option<Finding> {
    let (name, wanted) = (&found.name, budget.connections?);
    if i64::from(found.limit) == i64::from(wanted) {
        return None;
    }
    let limit = match found.limit {
        -1 => "no connection limit".to_owned(),
        limit => format!("a connection limit of {limit}"),
    };
    let text = format!("database {name} has {limit}, and a budget of {wanted}");
    let database = identifier_on_one_line(name);
    Some(Finding {
        sql: Some(format!(
            "alter database {database} connection limit {wanted};"
        )),
        ..Finding::of(Kind::LimitDrift, Some(name), text)
    })
}

#[cfg(test)]
mod tests;
