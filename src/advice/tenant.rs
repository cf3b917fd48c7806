//! The advice for one database: its verdict, the reasons that apply, and the SQL.

use super::change::LimitChange;
use super::limit::pool_size;
use super::load::{self, Contention};
use super::server::Measured;
use super::text::{bytes, days, percent};
use super::{Evidence, ServerFacts, growth};
use crate::names::{exact, identifier_on_one_line};

/// A database that alone fills the volume within this time should move out.
const FULL_SOON: f64 = 30.0;
/// It should be watched.
const FULL_LATER: f64 = 90.0;
/// A size budget has room for this many days, and at least for a quarter more.
const BUDGET_DAYS: f64 = 90.0;
const BUDGET_MARGIN: f64 = 1.25;
/// The part of the growth of a server from which on a database is its cause.
const GROWTH_SHARE: f64 = 0.5;

/// What to do, as in the recommendation matrix of docs/advice.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Shared, as it is.
    Stay,
    /// Shared, and something may need a decision soon.
    Watch,
    /// Shared, with another limit.
    SetLimit,
    /// Shared, with fewer connections through a pooler.
    AddPooler,
    /// A server of its own.
    MoveOut,
}

impl Verdict {
    /// In JSON and in text.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Stay => "stay",
            Self::Watch => "watch",
            Self::SetLimit => "set_limit",
            Self::AddPooler => "add_pooler",
            Self::MoveOut => "move_out",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TenantAdvice {
    pub(crate) datname: String,
    pub(crate) evidence: Evidence,
    pub(crate) peak: Option<u32>,
    /// The limit that PostgreSQL enforces.
    pub(crate) limit: Option<u32>,
    /// The limit that it should have. None: no advice.
    pub(crate) recommended: Option<u32>,
    pub(crate) verdict: Verdict,
    pub(crate) reasons: Vec<String>,
    /// One statement with its semicolon. None: the limit stays, or the name cannot be written in SQL.
    pub(crate) sql: Option<String>,
    /// Instances of its applications, and the largest pool of each.
    pub(crate) pool: Option<(u32, u32)>,
    pub(crate) size: SizeAdvice,
    pub(crate) contention: Option<Contention>,
    /// Bytes within the window.
    pub(crate) temporary: Option<f64>,
    pub(crate) written_wal: Option<f64>,
}

/// Bytes, and days.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct SizeAdvice {
    pub(crate) now: Option<f64>,
    pub(crate) per_day: Option<f64>,
    pub(crate) budget: Option<f64>,
    pub(crate) recommended_budget: Option<f64>,
    /// Until the budget is used.
    pub(crate) days_to_budget: Option<f64>,
    /// Until the volume is full, if only this database grows.
    pub(crate) days_to_volume: Option<f64>,
}

impl SizeAdvice {
    fn of(server: &ServerFacts, measured: &Measured) -> Self {
        let facts = &measured.facts;
        let now = facts.sizes.last_value();
        let per_day = growth::per_day(&facts.sizes);
        let recommended = now.map(|now| {
            let grown = now + per_day.unwrap_or(0.0) * BUDGET_DAYS;
            round_size(grown.max(now * BUDGET_MARGIN))
        });
        let left = facts.size_budget.zip(now).map(|(all, now)| all - now);
        let until = |left: Option<f64>| growth::days_to_full(left?, per_day);
        let days_to_budget = left.filter(|left| *left <= 0.0).map(|_| 0.0);
        Self {
            now,
            per_day,
            budget: facts.size_budget,
            recommended_budget: recommended.filter(|_| measured.evidence.is_enough()),
            days_to_budget: days_to_budget.or_else(|| until(left)),
            days_to_volume: until(server.storage_available),
        }
    }
}

/// Up to the next 64 MiB, or GiB.
fn round_size(size: f64) -> f64 {
    let mib = f64::from(1 << 20);
    let step = if size > 1024.0 * mib {
        1024.0 * mib
    } else {
        64.0 * mib
    };
    (size / step).ceil() * step
}

/// `of_growth`: bytes per day of all databases of the server.
pub(super) fn judge(
    server: &ServerFacts,
    measured: &Measured,
    change: &LimitChange,
    of_growth: f64,
) -> TenantAdvice {
    let facts = &measured.facts;
    let size = SizeAdvice::of(server, measured);
    let contention = load::contention(server, facts);
    let recommended = change.recommended(facts.limit);
    let mut advice = TenantAdvice {
        datname: facts.datname.clone(),
        evidence: measured.evidence,
        peak: measured.peak,
        limit: facts.limit,
        recommended,
        verdict: Verdict::Stay,
        reasons: Vec::new(),
        sql: change
            .is_set()
            .then(|| sql(&facts.datname, recommended))
            .flatten(),
        pool: pool(recommended.or(facts.limit), facts.instances),
        size,
        contention,
        temporary: facts.temporary,
        written_wal: facts.written_wal,
    };
    move_out(&mut advice, server, measured, of_growth);
    advice.add(change.verdict(), change.reasons(measured));
    watch(&mut advice, measured);
    advice.reasons.extend(pools(&advice, measured));
    advice
}

impl TenantAdvice {
    /// The strongest verdict counts, all reasons are listed.
    fn add(&mut self, verdict: Verdict, reasons: impl IntoIterator<Item = String>) {
        let before = self.reasons.len();
        self.reasons.extend(reasons);
        if self.reasons.len() > before {
            self.verdict = self.verdict.max(verdict);
        }
    }
}

fn sql(datname: &str, limit: Option<u32>) -> Option<String> {
    let database = identifier_on_one_line(&exact(datname)?);
    Some(format!(
        "alter database {database} connection limit {};",
        limit?
    ))
}

fn pool(limit: Option<u32>, instances: Option<u32>) -> Option<(u32, u32)> {
    let instances = instances?;
    Some((instances, pool_size(limit?, instances)?))
}

/// The reasons for a server of its own.
fn move_out(advice: &mut TenantAdvice, server: &ServerFacts, measured: &Measured, of_growth: f64) {
    let needs = measured.facts.needs.reasons(server.settings.major);
    advice.add(Verdict::MoveOut, needs);
    if let Some(contention) = advice.contention.filter(|it| it.share >= load::SHARE) {
        let text = format!(
            "it took {} of the load in {:.1} of {:.0} hours, in which other databases waited",
            percent(contention.share),
            contention.hours,
            contention.of_hours
        );
        let is_reason = contention.is_reason() && measured.evidence.is_enough();
        let verdict = if is_reason {
            Verdict::MoveOut
        } else {
            Verdict::Watch
        };
        advice.add(verdict, [text]);
    }
    let size = advice.size;
    let (Some(until), Some(per_day)) = (size.days_to_volume, size.per_day) else {
        return;
    };
    let is_alone = server.tenants.len() < 2;
    if until < FULL_LATER && per_day >= GROWTH_SHARE * of_growth && !is_alone {
        let text = format!(
            "it grows by {} a day, {} of the growth of the server, and fills the volume in {}",
            bytes(per_day),
            percent(per_day / of_growth),
            days(until)
        );
        let is_reason = until < FULL_SOON && measured.evidence.is_enough();
        let verdict = if is_reason {
            Verdict::MoveOut
        } else {
            Verdict::Watch
        };
        advice.add(verdict, [text]);
    }
}

fn watch(advice: &mut TenantAdvice, measured: &Measured) {
    let facts = &measured.facts;
    if let Some(name) = &facts.renamed_from {
        let text = format!("it was named {name} before, and its history begins with the new name");
        advice.reasons.push(text);
    } else if facts.begins.is_some() {
        let text = "its name belonged to another database before, whose history does not count";
        advice.reasons.push(text.to_owned());
    }
    advice.add(Verdict::Watch, measured.evidence.reason());
    let size = advice.size;
    match (size.days_to_budget, size.budget, size.now) {
        (Some(until), Some(budget), Some(now)) if until <= 0.0 => {
            let text = format!(
                "its size of {} is above its budget of {}",
                bytes(now),
                bytes(budget)
            );
            advice.add(Verdict::Watch, [text]);
        }
        (Some(until), Some(budget), _) if until < FULL_SOON => {
            let text = format!(
                "its size reaches its budget of {} in {}",
                bytes(budget),
                days(until)
            );
            advice.add(Verdict::Watch, [text]);
        }
        _ => {}
    }
}

/// How large pools may be under the limit, where they are declared.
fn pools(advice: &TenantAdvice, measured: &Measured) -> Option<String> {
    let limit = advice.recommended.or(advice.limit)?;
    let ceiling = measured.facts.ceiling.filter(|ceiling| *ceiling > limit)?;
    let size = match (advice.pool, measured.facts.instances) {
        (Some((instances, size)), _) => {
            format!("with {instances} instances each pool may have {size}")
        }
        (None, Some(instances)) => format!("they are too many for {instances} instances"),
        (None, None) => "make them smaller".to_owned(),
    };
    Some(format!(
        "its pools may open {ceiling} connections, more than {limit}: {size}"
    ))
}
