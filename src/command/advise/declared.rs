//! What the configuration declares of the databases: it counts more than what was measured of the declaration.

use crate::advice::{Needs, ServerFacts};
use crate::config::Config;

/// `instances`: of applications whose pools are not declared.
pub(super) fn add(servers: &mut [ServerFacts], config: Option<&Config>, instances: u32) {
    for server in servers {
        let declared = config.and_then(|it| it.servers.iter().find(|it| it.name == server.name));
        for tenant in &mut server.tenants {
            tenant.instances = Some(instances);
            let Some(budget) = declared.and_then(|it| it.policy.budget(&tenant.datname)) else {
                continue;
            };
            if !budget.pools.is_empty() {
                let all = budget
                    .pools
                    .iter()
                    .map(|it| it.instances.saturating_add(it.surge));
                tenant.instances = Some(all.fold(0, u32::saturating_add));
            }
            let ceiling = budget.pool_ceiling();
            let ceiling = ceiling.map(|it| u32::try_from(it).unwrap_or(u32::MAX));
            tenant.ceiling = ceiling.or(tenant.ceiling);
            tenant.budget = budget.connections.or(tenant.budget);
            let size = budget.size_bytes.map(|size| size as f64);
            tenant.size_budget = size.or(tenant.size_budget);
            let needs = Needs::from_labels(&budget.labels);
            if needs != Needs::default() {
                tenant.needs = needs;
            }
        }
    }
}
