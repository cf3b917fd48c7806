//! What the configuration declares of a database, against what PostgreSQL has: pools, limit, owner, roles.

use super::severity::Severity;
use super::{Concern, Finding, Scope, remedy};
use crate::plan::{self, Drift};
use crate::snapshot::{DatabaseView, Snapshot};

/// The pools of all databases together.
pub(super) fn of_server(snapshot: &Snapshot) -> Option<Finding> {
    let databases = snapshot.databases.iter();
    let budgets = databases.filter_map(|view| view.budget.as_deref());
    let text = plan::pools_above_slots(budgets, snapshot.slots.ordinary)?;
    let finding = Finding::server(Severity::Warning, Concern::Pools, text);
    Some(finding.with_remedy(remedy::LIMITS))
}

pub(super) fn of_database(view: &DatabaseView, slots: u32) -> Vec<Finding> {
    let name = &view.row.name;
    let of = |concern, text| Finding::of(Scope::Database, name, Severity::Warning, concern, text);
    let limit = u32::try_from(view.row.connection_limit).ok();
    let budget = view.budget.as_deref();
    let excess = budget.and_then(|budget| plan::pool_excess(budget, limit, Some(slots)));
    let pools = excess.map(|it| of(Concern::Pools, it.text(name)).with_remedy(remedy::LIMITS));
    // A budget without a limit may be meant so: it is no limit.
    let drift = view.drift.iter();
    let drift = drift.filter(|it| !matches!(it, Drift::NoLimit { .. }));
    let drift = drift.map(|it| {
        let finding = of(Concern::Drift, it.text(name));
        match it.sql(name) {
            Some(sql) => finding.with_remedy(sql),
            None => finding,
        }
    });
    pools.into_iter().chain(drift).collect()
}
