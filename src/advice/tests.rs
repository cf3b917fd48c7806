//! Histories in, verdicts out.

mod reasons;
mod servers;
mod tenants;

use super::{HOUR, ServerFacts, Steps, TenantAdvice, TenantFacts, advise};

/// The end of the window: 2026-11-29 00:00 UTC.
const END: f64 = 1_795_910_400.0;
const LOAD_STEP: u32 = 900;

/// An hourly value for the last `days`, by the number of the hour.
fn hours(days: u32, value: impl Fn(u32) -> Option<f64>) -> Steps {
    steps(days, HOUR, value)
}

fn steps(days: u32, seconds: u32, value: impl Fn(u32) -> Option<f64>) -> Steps {
    let mut steps = Steps::new(seconds);
    let count = days * 86_400 / seconds;
    for n in 0..count {
        let time = END - f64::from(count - 1 - n) * f64::from(seconds);
        if let Some(value) = value(n) {
            steps.add(time, value);
        }
    }
    steps
}

/// A database whose highest peak within these days is `peak`.
fn tenant(name: &str, days: u32, peak: f64, limit: Option<u32>) -> TenantFacts {
    TenantFacts {
        peaks: hours(days, |hour| {
            Some(if hour == 10 { peak } else { peak / 2.0 })
        }),
        limit,
        is_unlimited: limit.is_none(),
        ..TenantFacts::new(name, LOAD_STEP)
    }
}

/// A server with 97 slots that is known for 14 days.
fn server(tenants: Vec<TenantFacts>) -> ServerFacts {
    let mut server = ServerFacts::new("main", END, 300, LOAD_STEP);
    server.known = hours(14, |_| Some(1.0));
    server.settings.slots = Some(97);
    server.settings.max_connections = Some(100);
    server.tenants = tenants;
    server
}

/// The advice for the database `shop`.
fn shop(server: &ServerFacts) -> TenantAdvice {
    let advice = advise(server).tenants.into_iter();
    advice
        .into_iter()
        .find(|it| it.datname == "shop")
        .expect("it is there")
}

/// Beside another database, which is as it should be.
fn beside(facts: TenantFacts) -> TenantAdvice {
    shop(&server(vec![
        facts,
        tenant("other_app", 14, 10.0, Some(15)),
    ]))
}
