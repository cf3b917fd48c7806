//! Malicious tenants, with the privileges that a shared server gives its tenants.

mod applications;
mod defaults;
mod extremes;
mod many_tenants;
mod names;
mod planted;
mod sessions;
mod workers;

use std::collections::BTreeSet;

use crate::support::{Agent, Scrape};

/// The maximum resident memory of a test build under these attacks. A release build needs a third.
const MEMORY: f64 = 48e6;

fn resident(page: &Scrape) -> f64 {
    let bytes = page.value("process_resident_memory_bytes", &[]);
    bytes.expect("the process has a size")
}

/// The peak resident memory of the agent, in kB.
fn peak_memory(agent: &Agent) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.pid()));
    let status = status.expect("the agent runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok());
    kilobytes.expect("a number")
}

fn overflow(page: &Scrape, label: &str) -> Option<f64> {
    page.value("pgcommons_series_overflow", &[("label", label)])
}

/// The values of a label in all families.
fn values(page: &Scrape, label: &str) -> BTreeSet<String> {
    let series = page.names().into_iter().flat_map(|name| page.series(name));
    series
        .filter_map(|series| series.label(label).map(str::to_owned))
        .collect()
}
