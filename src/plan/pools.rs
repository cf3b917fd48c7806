//! Pools against the limits of their database, and against the slots of the server.

use crate::policy::Budget;

/// The pools of a database can open more connections than it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolExcess {
    ceiling: u64,
    limit: u64,
    what: &'static str,
}

/// `limit` is that of PostgreSQL; 0 closes the database on purpose. `slots` are those of the server for ordinary roles. The smallest limit
/// counts.
pub(crate) fn pool_excess(
    budget: &Budget,
    limit: Option<u32>,
    slots: Option<u32>,
) -> Option<PoolExcess> {
    let ceiling = budget.pool_ceiling()?;
    let limits = [
        (limit.filter(|limit| *limit > 0), "its connection limit"),
        (budget.connections, "its budget"),
        (slots, "the slots of the server"),
    ];
    let limits = limits
        .into_iter()
        .filter_map(|(limit, what)| Some((u64::from(limit?), what)));
    let (limit, what) = limits.min_by_key(|(limit, _)| *limit)?;
    (ceiling > limit).then_some(PoolExcess {
        ceiling,
        limit,
        what,
    })
}

impl PoolExcess {
    pub(crate) fn text(&self, datname: &str) -> String {
        let Self {
            ceiling,
            limit,
            what,
        } = self;
        format!(
            "database {datname}: the pool ceiling {ceiling} is above the limit of {limit}, {what}"
        )
    }
}

/// The pools of all databases together. None: they fit.
pub(crate) fn pools_above_slots<'a>(
    budgets: impl Iterator<Item = &'a Budget>,
    slots: u32,
) -> Option<String> {
    let sum = budgets.filter_map(Budget::pool_ceiling).sum();
    above("the pool ceilings of all tenants", sum, slots.into(), SLOTS)
}

pub(super) const SLOTS: &str = "slots of the server for ordinary roles";

/// None: the sum fits.
pub(super) fn above(what: &str, sum: u64, capacity: u64, unit: &str) -> Option<String> {
    let percent = sum.saturating_mul(100) / capacity.max(1);
    (sum > capacity).then(|| format!("{what}, {sum}, are {percent} % of the {capacity} {unit}"))
}
