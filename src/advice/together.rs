//! Whether several servers would fit in one: by the connections that they had open at the same time.

use std::collections::{BTreeMap, BTreeSet};

use super::limit::with_margin;
use super::text::bytes;
use super::{Evidence, HOUR, ServerFacts, Steps, growth};

/// Names that every server has: those of PostgreSQL, and of the agent.
const EVERYWHERE: [&str; 4] = ["pgcommons", "postgres", "template0", "template1"];
/// A backend without a query, in bytes. As in `plan`.
const BACKEND: f64 = 5.0 * 1_048_576.0;
/// What PostgreSQL has by default, where the settings are unknown.
const RESERVED: u32 = 3;
const SHARED_BUFFERS: f64 = 128.0 * 1_048_576.0;
const WORK_MEM: f64 = 4.0 * 1_048_576.0;
const GROWTH_DAYS: f64 = 90.0;
const MOST_CONFLICTS: usize = 50;

/// None: unknown. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Together {
    pub(crate) servers: Vec<String>,
    pub(crate) evidence: Evidence,
    /// The most connections that all servers had within one step.
    pub(crate) peak: Option<u32>,
    /// The end of that step, in seconds since the epoch.
    pub(crate) peak_at: Option<f64>,
    pub(crate) step_seconds: u32,
    pub(crate) steps: usize,
    /// Steps in which at least one server is unknown. They are not among `steps`.
    pub(crate) partial_steps: usize,
    /// The most that the known servers of such a step had: a lower bound.
    pub(crate) partial_peak: Option<u32>,
    pub(crate) sum_of_peaks: Option<u32>,
    /// The setting that one server needs. None also if the history is not enough.
    pub(crate) max_connections: Option<u32>,
    /// `max_connections` of all servers today.
    pub(crate) max_connections_today: Option<u32>,
    /// Databases and WAL today.
    pub(crate) storage: Option<f64>,
    /// The same in 90 days.
    pub(crate) storage_later: Option<f64>,
    /// `shared_buffers` of all, and what each connection may take.
    pub(crate) memory: Option<f64>,
    /// The worst cases of all servers today.
    pub(crate) memory_today: Option<f64>,
    pub(crate) conflicts: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// The servers have peaks with steps of the same length.
pub(crate) fn together(servers: &[&ServerFacts]) -> Together {
    let sums = Sums::of(servers);
    let evidence = sums.evidence(servers);
    let all = |value: &dyn Fn(&ServerFacts) -> Option<f64>| {
        servers.iter().map(|it| value(it)).sum::<Option<f64>>()
    };
    let peak = sums
        .whole
        .most()
        .max(sums.partial.most().filter(|_| !sums.whole.is_empty()));
    let reserved = servers.iter().filter_map(|it| it.reserved()).max();
    let needed = peak.filter(|_| evidence.is_enough());
    let needed = needed.map(|peak| with_margin(peak).saturating_add(reserved.unwrap_or(RESERVED)));
    let storage = all(&databases_and_wal);
    let growing = all(&|it| Some(growth_of(it)));
    let mut together = Together {
        servers: servers.iter().map(|it| it.name.clone()).collect(),
        evidence,
        peak,
        peak_at: sums.time_of_peak(),
        step_seconds: sums.whole.seconds(),
        steps: sums.whole.len(),
        partial_steps: sums.partial.len(),
        partial_peak: sums.partial.most(),
        sum_of_peaks: servers.iter().map(|it| it.peaks.most()).sum(),
        max_connections: needed,
        max_connections_today: servers.iter().map(|it| it.settings.max_connections).sum(),
        storage,
        storage_later: storage
            .zip(growing)
            .map(|(now, more)| now + more * GROWTH_DAYS),
        memory: needed.map(|needed| memory(servers, needed)),
        memory_today: all(&|it| it.settings.memory_worst_case),
        conflicts: conflicts(servers),
        notes: Vec::new(),
    };
    together.notes = notes(&together, servers);
    together
}

/// The sums of simultaneous peaks: of steps in which all servers are known, and of the others.
struct Sums {
    whole: Steps,
    partial: Steps,
}

impl Sums {
    fn of(servers: &[&ServerFacts]) -> Self {
        let seconds = servers.first().map_or(HOUR, |it| it.peaks.seconds());
        let (mut whole, mut partial) = (Steps::new(seconds), Steps::new(seconds));
        let mut by_step: BTreeMap<u32, (usize, f64)> = BTreeMap::new();
        for (step, value) in servers.iter().flat_map(|it| it.peaks.iter()) {
            let (count, sum) = by_step.entry(step).or_default();
            *count += 1;
            *sum += value.ceil();
        }
        for (step, (count, sum)) in by_step {
            let of = if count == servers.len() {
                &mut whole
            } else {
                &mut partial
            };
            of.add(f64::from(step) * f64::from(seconds), sum);
        }
        Self { whole, partial }
    }

    /// By the steps in which all servers are known.
    fn evidence(&self, servers: &[&ServerFacts]) -> Evidence {
        let in_hour = (HOUR / self.whole.seconds()).max(1);
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        let mut hours = Steps::new(HOUR);
        for (step, _) in self.whole.iter() {
            *counts
                .entry(hours.step_of(self.whole.end_of(step)))
                .or_default() += 1;
        }
        for (hour, count) in counts {
            let share = f64::from(count) / f64::from(in_hour);
            hours.add(f64::from(hour) * f64::from(HOUR), share.min(1.0));
        }
        let end = servers.iter().map(|it| it.end).fold(0.0, f64::max);
        Evidence::of(&hours, &hours, end)
    }

    fn time_of_peak(&self) -> Option<f64> {
        let most = self.whole.max()?;
        let step = self.whole.iter().find(|(_, value)| *value >= most)?.0;
        Some(self.whole.end_of(step))
    }
}

fn databases_and_wal(server: &ServerFacts) -> Option<f64> {
    let sizes = server.tenants.iter().map(|it| it.sizes.last_value());
    let sizes = sizes.collect::<Option<Vec<f64>>>()?;
    Some(sizes.iter().sum::<f64>() + server.wal.unwrap_or(0.0)).filter(|_| !sizes.is_empty())
}

fn growth_of(server: &ServerFacts) -> f64 {
    let growth = server
        .tenants
        .iter()
        .filter_map(|it| growth::per_day(&it.sizes));
    growth.filter(|bytes| *bytes > 0.0).sum()
}

fn memory(servers: &[&ServerFacts], connections: u32) -> f64 {
    let settings = || servers.iter().map(|it| &it.settings);
    let buffers: f64 = settings()
        .map(|it| it.shared_buffers.unwrap_or(SHARED_BUFFERS))
        .sum();
    let work = settings()
        .map(|it| it.work_mem.unwrap_or(WORK_MEM))
        .fold(0.0, f64::max);
    buffers + f64::from(connections) * (BACKEND + work)
}

fn conflicts(servers: &[&ServerFacts]) -> Vec<String> {
    let mut conflicts = Vec::new();
    let majors: BTreeSet<u32> = servers.iter().filter_map(|it| it.settings.major).collect();
    if majors.len() > 1 {
        let of = servers
            .iter()
            .filter_map(|it| Some(format!("{} has {}", it.name, it.settings.major?)));
        conflicts.push(format!(
            "major versions differ: {}",
            of.collect::<Vec<_>>().join(", ")
        ));
    }
    let databases = |it: &ServerFacts| it.tenants.iter().map(|it| it.datname.clone()).collect();
    conflicts.extend(clashes("database", servers, databases));
    conflicts.extend(clashes("role", servers, |it| it.roles.clone()));
    for server in servers {
        for tenant in &server.tenants {
            let needs = tenant.needs.reasons(server.settings.major);
            let of = format!("database {} on {}", tenant.datname, server.name);
            conflicts.extend(needs.iter().map(|need| format!("{of}: {need}")));
        }
    }
    let more = conflicts.len().saturating_sub(MOST_CONFLICTS);
    if more > 0 {
        conflicts.truncate(MOST_CONFLICTS);
        conflicts.push(format!("and {more} more"));
    }
    conflicts
}

/// Names that several servers have.
fn clashes(
    kind: &str,
    servers: &[&ServerFacts],
    names: impl Fn(&ServerFacts) -> BTreeSet<String>,
) -> Vec<String> {
    let mut owners: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for server in servers {
        for name in names(server) {
            owners.entry(name).or_default().push(&server.name);
        }
    }
    owners.retain(|name, owners| owners.len() > 1 && !EVERYWHERE.contains(&&**name));
    let clashes = owners.into_iter();
    let clashes =
        clashes.map(|(name, owners)| format!("{kind} {name} is on {}", owners.join(", ")));
    clashes.collect()
}

fn notes(together: &Together, servers: &[&ServerFacts]) -> Vec<String> {
    let mut notes = Vec::new();
    let (partial, whole) = (together.partial_steps, together.steps);
    if partial > 0 {
        let all = partial + whole;
        notes.push(format!(
            "{partial} of {all} steps lack at least one server and do not count as a whole"
        ));
    }
    if whole > 0 && partial > 0 && together.partial_peak == together.peak {
        let text = "a step that lacks a server has this peak too: together they had at least this";
        notes.push(text.to_owned());
    }
    notes.extend(together.evidence.reason());
    notes.extend(assumed(servers));
    notes.push("extensions are not known, except those that needs_extension declares".to_owned());
    if let Some((later, now)) = together.storage_later.zip(together.storage) {
        notes.push(format!(
            "storage: {} today, {} in 90 days at the present growth",
            bytes(now),
            bytes(later)
        ));
    }
    notes
}

fn assumed(servers: &[&ServerFacts]) -> impl Iterator<Item = String> {
    let unknown = |of: fn(&ServerFacts) -> bool, what: &str| {
        let names = servers.iter().filter(|it| of(it)).map(|it| &*it.name);
        let names: Vec<_> = names.collect();
        let text = format!(
            "{what} is unknown on {}: PostgreSQL's default is assumed",
            names.join(", ")
        );
        (!names.is_empty()).then_some(text)
    };
    [
        unknown(|it| it.reserved().is_none(), "the number of reserved slots"),
        unknown(|it| it.settings.shared_buffers.is_none(), "shared_buffers"),
        unknown(|it| it.settings.work_mem.is_none(), "work_mem"),
    ]
    .into_iter()
    .flatten()
}
