//! The advice for all databases of one server: their limits together stay within its slots.

use super::change::{LimitChange, fitting, wanted, wish};
use super::limit::fit;
use super::tenant::{TenantAdvice, judge};
use super::{Evidence, ServerFacts, TenantFacts, growth};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerAdvice {
    pub(crate) server: String,
    pub(crate) evidence: Evidence,
    pub(crate) peak: Option<u32>,
    pub(crate) slots: Option<u32>,
    /// What must be known beside the advice.
    pub(crate) notes: Vec<String>,
    pub(crate) tenants: Vec<TenantAdvice>,
}

/// A database, what its history is worth, and its peak.
pub(super) struct Measured {
    pub(super) facts: TenantFacts,
    pub(super) evidence: Evidence,
    pub(super) peak: Option<u32>,
}

pub(crate) fn advise(server: &ServerFacts) -> ServerAdvice {
    let measured = server.tenants.iter().map(|tenant| {
        let facts = tenant.own();
        Measured {
            evidence: Evidence::of(&facts.peaks, &server.known, server.end),
            peak: facts.peaks.most(),
            facts,
        }
    });
    let measured: Vec<_> = measured.collect();
    let changes = changes(server, &measured);
    let growth = measured
        .iter()
        .filter_map(|it| growth::per_day(&it.facts.sizes));
    let growth = growth.filter(|bytes| *bytes > 0.0).sum();
    let tenants = measured.iter().zip(&changes);
    let tenants = tenants.map(|(it, change)| judge(server, it, change, growth));
    let mut tenants: Vec<_> = tenants.collect();
    tenants.sort_by_key(|it| std::cmp::Reverse(it.verdict));
    ServerAdvice {
        server: server.name.clone(),
        evidence: server.evidence(),
        peak: server.peaks.most(),
        slots: server.settings.slots,
        notes: notes(server, &changes),
        tenants,
    }
}

fn changes(server: &ServerFacts, measured: &[Measured]) -> Vec<LimitChange> {
    let is_alone = measured.len() < 2;
    let wishes: Vec<_> = measured.iter().map(|it| wish(it, is_alone)).collect();
    let Some(slots) = server.settings.slots else {
        return wishes;
    };
    let wanted = wishes
        .iter()
        .zip(measured)
        .map(|(wish, it)| wanted(*wish, it));
    let limits = fit(&wanted.collect::<Vec<_>>(), slots);
    let fitted = wishes.iter().zip(measured).enumerate();
    let fitted = fitted.map(|(n, (wish, it))| {
        let ceiling = it.facts.ceiling.filter(|ceiling| *ceiling > slots);
        match ceiling {
            Some(ceiling) => LimitChange::PoolsAboveSlots { ceiling, slots },
            None => fitting(*wish, it, limits.as_ref().map(|limits| limits[n])),
        }
    });
    fitted.collect()
}

fn notes(server: &ServerFacts, changes: &[LimitChange]) -> Vec<String> {
    let mut notes = Vec::new();
    let times = |count: u32| {
        if count == 1 {
            "once".to_owned()
        } else {
            format!("{count} times")
        }
    };
    notes.extend(server.evidence().reason());
    if let Evidence::Enough { gaps, .. } = server.evidence()
        && gaps >= 0.005
    {
        notes.push(format!("{:.0} % of the time is unknown", gaps * 100.0));
    }
    if server.down_hours >= 0.1 {
        notes.push(format!(
            "the server was down for {:.1} hours",
            server.down_hours
        ));
    }
    if server.agent_restarts > 0 {
        notes.push(format!(
            "the agent was restarted {}; peaks before count",
            times(server.agent_restarts)
        ));
    }
    if server.server_restarts > 0 {
        notes.push(format!(
            "PostgreSQL was restarted {}",
            times(server.server_restarts)
        ));
    }
    if server.settings.slots.is_none() {
        notes.push("the number of slots is unknown: limits are not compared with it".to_owned());
    }
    notes.extend(sum_above_slots(server, changes));
    notes
}

/// Limits that stay may add up to more than the slots, with those that are advised.
fn sum_above_slots(server: &ServerFacts, changes: &[LimitChange]) -> Option<String> {
    let slots = server.settings.slots?;
    let limits = server.tenants.iter().zip(changes);
    let limits = limits.filter_map(|(it, change)| change.recommended(it.limit).or(it.limit));
    let sum = limits.map(u64::from).sum::<u64>();
    let text = format!(
        "the limits will still add up to {sum}, more than the {slots} slots, because some stay: see their reasons"
    );
    (sum > u64::from(slots)).then_some(text)
}
