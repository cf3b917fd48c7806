//! The advice as JSON: docs/advice.md lists its fields. `tenants` and `together` have the fields that programs rely on; figures behind them
//! are beside them.

use serde::Serialize;

use super::explain::Explained;
use crate::advice::{Evidence, ServerAdvice, TenantAdvice, Together, Verdict, Without};

/// A field that is renamed, removed or changes its meaning gives another version.
const VERSION: u32 = 1;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: u32,
    /// The address without its path, or the agent's own history.
    pub(super) source: String,
    pub(super) days: u32,
    pub(super) tenants: Vec<Tenant>,
    /// Why there is no advice for all or a part.
    pub(super) notes: Vec<String>,
    pub(super) servers: Vec<ServerReport>,
    pub(super) details: Vec<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) together: Option<TogetherReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) together_details: Option<TogetherDetails>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) without: Vec<WithoutReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) explain: Vec<Explained>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tenant {
    pub(super) server: String,
    pub(super) datname: String,
    pub(super) peak: Option<u32>,
    pub(super) limit: Option<u32>,
    pub(super) recommended_limit: Option<u32>,
    pub(super) verdict: &'static str,
    pub(super) reasons: Vec<String>,
    pub(super) sql: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ServerReport {
    pub(super) server: String,
    pub(super) peak: Option<u32>,
    pub(super) slots: Option<u32>,
    pub(super) days: Option<f64>,
    pub(super) enough: bool,
    pub(super) notes: Vec<String>,
}

/// The figures behind a verdict. Sizes are in bytes.
#[derive(Debug, Serialize)]
pub(super) struct Details {
    server: String,
    datname: String,
    days: Option<f64>,
    enough: bool,
    instances: Option<u32>,
    pub(super) pool_size: Option<u32>,
    pub(super) size_bytes: Option<f64>,
    pub(super) growth_bytes_per_day: Option<f64>,
    size_budget_bytes: Option<f64>,
    recommended_size_budget_bytes: Option<f64>,
    days_to_size_budget: Option<f64>,
    days_to_full_volume: Option<f64>,
    /// In the hours in which other databases waited.
    load_share: Option<f64>,
    contended_hours: Option<f64>,
    load_hours: Option<f64>,
    temporary_bytes: Option<f64>,
    wal_bytes: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct TogetherReport {
    pub(super) servers: Vec<String>,
    pub(super) peak_together: Option<u32>,
    pub(super) sum_of_peaks: Option<u32>,
    pub(super) max_connections: Option<u32>,
    pub(super) storage_bytes: Option<f64>,
    pub(super) memory_bytes: Option<f64>,
    pub(super) conflicts: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct TogetherDetails {
    enough: bool,
    /// Seconds since the epoch.
    peak_at: Option<f64>,
    step_seconds: u32,
    steps: usize,
    partial_steps: usize,
    partial_peak: Option<u32>,
    pub(super) saved_connections: Option<i64>,
    storage_bytes_in_90_days: Option<f64>,
    pub(super) saved_memory_bytes: Option<f64>,
    pub(super) notes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct WithoutReport {
    pub(super) server: String,
    pub(super) datname: String,
    pub(super) peak: Option<u32>,
    pub(super) peak_of_others_at_most: Option<u32>,
    pub(super) slots: Option<u32>,
    pub(super) saturated_hours: Option<f64>,
    pub(super) saturated_hours_of_others: Option<f64>,
    pub(super) size_bytes: Option<f64>,
    pub(super) days_to_full_volume: Option<f64>,
    pub(super) days_to_full_volume_of_others: Option<f64>,
}

impl Report {
    pub(super) fn new(source: String, days: u32, servers: &[ServerAdvice]) -> Self {
        let all = || {
            servers
                .iter()
                .flat_map(|it| it.tenants.iter().map(|tenant| (&*it.server, tenant)))
        };
        Self {
            version: VERSION,
            source,
            days,
            tenants: all().map(|(server, it)| Tenant::of(server, it)).collect(),
            notes: Vec::new(),
            servers: servers.iter().map(ServerReport::of).collect(),
            details: all().map(|(server, it)| Details::of(server, it)).collect(),
            together: None,
            together_details: None,
            without: Vec::new(),
            explain: Vec::new(),
        }
    }

    pub(super) fn add_together(&mut self, together: &Together) {
        let saved = together.max_connections_today.zip(together.max_connections);
        let memory = together.memory_today.zip(together.memory);
        self.together_details = Some(TogetherDetails {
            enough: together.evidence.is_enough(),
            peak_at: together.peak_at,
            step_seconds: together.step_seconds,
            steps: together.steps,
            partial_steps: together.partial_steps,
            partial_peak: together.partial_peak,
            saved_connections: saved.map(|(today, needed)| i64::from(today) - i64::from(needed)),
            storage_bytes_in_90_days: together.storage_later.map(f64::round),
            saved_memory_bytes: memory.map(|(today, needed)| (today - needed).round()),
            notes: together.notes.clone(),
        });
        self.together = Some(TogetherReport {
            servers: together.servers.clone(),
            peak_together: together.peak,
            sum_of_peaks: together.sum_of_peaks,
            max_connections: together.max_connections,
            storage_bytes: together.storage.map(f64::round),
            memory_bytes: together.memory.map(f64::round),
            conflicts: together.conflicts.clone(),
        });
    }

    /// 0 nothing to do, 1 advice, 3 cannot tell.
    pub(super) fn exit_code(&self) -> u8 {
        let is_untold = self.together_details.as_ref().is_some_and(|it| !it.enough);
        let tenants = self.tenants.iter().zip(&self.details);
        let is_advice = |(tenant, details): (&Tenant, &Details)| {
            tenant.verdict != Verdict::Stay.label()
                && (details.enough || tenant.verdict != Verdict::Watch.label())
        };
        match (is_untold, tenants.clone().any(is_advice)) {
            (true, _) => 3,
            (false, true) => 1,
            (false, false) if self.together.is_some() => 1,
            (false, false) => {
                let all_known = !self.details.is_empty() && self.details.iter().all(|it| it.enough);
                if all_known { 0 } else { 3 }
            }
        }
    }
}

impl Tenant {
    fn of(server: &str, advice: &TenantAdvice) -> Self {
        Self {
            server: server.to_owned(),
            datname: advice.datname.clone(),
            peak: advice.peak,
            limit: advice.limit,
            recommended_limit: advice.recommended,
            verdict: advice.verdict.label(),
            reasons: advice.reasons.clone(),
            sql: advice.sql.clone(),
        }
    }
}

impl ServerReport {
    fn of(advice: &ServerAdvice) -> Self {
        Self {
            server: advice.server.clone(),
            peak: advice.peak,
            slots: advice.slots,
            days: rounded(advice.evidence.days()),
            enough: advice.evidence.is_enough(),
            notes: advice.notes.clone(),
        }
    }
}

impl Details {
    fn of(server: &str, advice: &TenantAdvice) -> Self {
        let size = advice.size;
        let contention = advice.contention;
        Self {
            server: server.to_owned(),
            datname: advice.datname.clone(),
            days: rounded(Evidence::days(advice.evidence)),
            enough: advice.evidence.is_enough(),
            instances: advice.pool.map(|(instances, _)| instances),
            pool_size: advice.pool.map(|(_, size)| size),
            size_bytes: size.now,
            growth_bytes_per_day: size.per_day.map(f64::round),
            size_budget_bytes: size.budget,
            recommended_size_budget_bytes: size.recommended_budget,
            days_to_size_budget: rounded(size.days_to_budget),
            days_to_full_volume: rounded(size.days_to_volume),
            load_share: contention.filter(|it| it.hours > 0.0).map(|it| it.share),
            contended_hours: contention.map(|it| it.hours),
            load_hours: contention.map(|it| it.of_hours),
            temporary_bytes: advice.temporary.map(f64::round),
            wal_bytes: advice.written_wal.map(f64::round),
        }
    }
}

impl From<Without> for WithoutReport {
    fn from(without: Without) -> Self {
        Self {
            server: without.server,
            datname: without.datname,
            peak: without.peak,
            peak_of_others_at_most: without.peak_of_others,
            slots: without.slots,
            saturated_hours: without.saturated_hours,
            saturated_hours_of_others: without.saturated_hours_of_others,
            size_bytes: without.size,
            days_to_full_volume: rounded(without.days_to_full),
            days_to_full_volume_of_others: rounded(without.days_to_full_of_others),
        }
    }
}

/// To a tenth.
fn rounded(value: Option<f64>) -> Option<f64> {
    value.map(|value| (value * 10.0).round() / 10.0)
}
