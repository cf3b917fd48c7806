//! The agent's own history as source: its file in `state.dir`, and the limits that the servers have now. It has no peaks of whole servers.

use anyhow::Context as _;
use tokio::task::spawn_blocking;

use crate::advice::{HOUR, ServerFacts, TenantFacts};
use crate::clock::wall_clock;
use crate::command::plan;
use crate::config::{Config, ServerConfig};
use crate::plan::Capacity;
use crate::timeline::{Minute, Timeline, read_history};

const LOAD_STEP: u32 = HOUR / 4;

/// The facts of each configured server that has a history, and what could not be asked.
pub(super) async fn read(config: &Config) -> anyhow::Result<(Vec<ServerFacts>, Vec<String>)> {
    let directory = config.retention.directory.clone();
    let directory = directory.context(
        "there is no history to read: give --prometheus URL, or the configuration of an agent with state.dir",
    )?;
    let timelines = spawn_blocking(move || read_history(&directory)).await??;
    let (mut all, mut notes) = (Vec::new(), Vec::new());
    for name in timelines.servers() {
        let (Some(timeline), Some(server)) = (
            timelines.server(name),
            config.servers.iter().find(|it| it.name == name),
        ) else {
            continue;
        };
        let mut facts = measured(name, timeline);
        if let Err(error) = compare(server, &mut facts).await {
            notes.push(format!("{name}: the limits and slots are unknown: {error}"));
        }
        all.push(facts);
    }
    Ok((all, notes))
}

fn measured(name: &str, timeline: &Timeline) -> ServerFacts {
    let now = wall_clock();
    let hour = f64::from(HOUR);
    let mut facts = ServerFacts::new(name, (now / hour).ceil() * hour, HOUR, LOAD_STEP);
    let mut minutes = std::collections::BTreeSet::new();
    let mut last = 0;
    for (minute, datname, figures) in timeline.minutes() {
        let at = facts.tenants.iter().position(|it| it.datname == datname);
        let at = at.unwrap_or_else(|| {
            facts.tenants.push(TenantFacts::new(datname, LOAD_STEP));
            facts.tenants.len() - 1
        });
        add(&mut facts.tenants[at], minute, figures);
        minutes.insert(minute);
        last = last.max(minute);
    }
    facts.tenants.retain(|it| {
        // What the last hour has not was dropped.
        it.peaks
            .last()
            .is_some_and(|hour| it.peaks.end_of(hour) >= end_of(last))
    });
    facts.tenants.sort_by(|a, b| a.datname.cmp(&b.datname));
    let hours: std::collections::BTreeSet<u32> = minutes.iter().map(|it| it / 60).collect();
    for hour in hours {
        let known = minutes.range(hour * 60..(hour + 1) * 60).count();
        facts.known.add(end_of(hour * 60), known as f64 / 60.0);
    }
    facts
}

/// The end of a minute, in seconds since the epoch.
fn end_of(minute: u32) -> f64 {
    (f64::from(minute) + 1.0) * 60.0
}

fn add(tenant: &mut TenantFacts, minute: u32, figures: Minute) {
    let time = end_of(minute);
    if let Some(peak) = figures.peak() {
        tenant.peaks.add(time, f64::from(peak));
    }
    if let Some(seconds) = figures.exhausted() {
        *tenant.exhausted.get_or_insert(0.0) += seconds;
    }
    if let Some(size) = figures.size() {
        tenant.sizes.add(time, size);
    }
}

/// Reads the limits and the slots from the server.
async fn compare(server: &ServerConfig, facts: &mut ServerFacts) -> Result<(), String> {
    let mut capacity = Capacity::default();
    plan::ask(server, &mut capacity).await?;
    facts.settings.slots = capacity.slots;
    facts.settings.max_connections = capacity.max_connections;
    facts.settings.cores = server.policy.machine.cores;
    for database in capacity.databases.into_iter().flatten() {
        let tenant = facts
            .tenants
            .iter_mut()
            .find(|it| it.datname == database.name);
        if let Some(tenant) = tenant {
            tenant.limit = u32::try_from(database.limit).ok();
            tenant.is_unlimited = database.limit < 0;
        }
    }
    Ok(())
}
