//! Tenants who mean harm, with the rights that a shared server gives its tenants.

mod applications;
mod crowd;
mod defaults;
mod extremes;
mod names;
mod planted;
mod sessions;
mod workers;

use std::collections::BTreeSet;

use crate::support::{Agent, Scrape};

/// What an agent may take at most, built for tests and with all that is done to it here; a release takes a third.
const MEMORY: f64 = 48e6;

fn resident(page: &Scrape) -> f64 {
    let bytes = page.value("process_resident_memory_bytes", &[]);
    bytes.expect("the process has a size")
}

/// The most memory that the agent has had at any moment, in kB.
fn peak_memory(agent: &Agent) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.pid()));
    let status = status.expect("the agent runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok());
    kilobytes.expect("a number")
}

fn folded(page: &Scrape, label: &str) -> Option<f64> {
    page.value("pgcommons_series_overflow", &[("label", label)])
}

/// The values of a label in all families.
fn values(page: &Scrape, label: &str) -> BTreeSet<String> {
    let series = page.names().into_iter().flat_map(|name| page.series(name));
    series
        .filter_map(|series| series.label(label).map(str::to_owned))
        .collect()
}
