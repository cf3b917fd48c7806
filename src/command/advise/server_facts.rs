//! The facts of one server, from the answers of the API.

use std::collections::{BTreeMap, BTreeSet};

use super::queries::OfServer;
use super::reader::{ANY, BYTES, CONNECTIONS, Reader};
use super::tenant_facts;
use crate::advice::{HOUR, ServerFacts, ServerSettings, Steps};
use crate::prometheus_api::Series;

/// Sizes are read this often.
const SIZE_STEP: u32 = 6 * HOUR;
/// Sessions on average.
const SESSIONS: std::ops::RangeInclusive<f64> = 0.0..=1e6;

/// What is asked about one server, and how.
pub(super) struct Asked<'a> {
    pub(super) queries: OfServer<'a>,
    pub(super) name: &'a str,
    /// Samples in each hour.
    pub(super) samples: &'a Steps,
    /// Seconds: the parts of an hour of which is asked whether they have a sample. None: samples are so rare that each counts.
    pub(super) part: Option<u32>,
    /// Seconds: for the sum over several servers.
    pub(super) step: u32,
    pub(super) with_roles: bool,
}

impl Asked<'_> {
    /// When the server was seen last: its present values are those of that time.
    pub(super) fn seen(&self, reader: &Reader) -> f64 {
        let last = self
            .samples
            .last()
            .map_or(reader.end, |hour| self.samples.end_of(hour));
        last.min(reader.now)
    }
}

pub(super) async fn read(reader: &mut Reader, asked: &Asked<'_>) -> anyhow::Result<ServerFacts> {
    let queries = &asked.queries;
    let mut facts = ServerFacts::new(asked.name, reader.end, asked.step, queries.load_step);
    let peaks = reader
        .over(queries.server_peaks(asked.step), asked.step, &CONNECTIONS)
        .await?;
    add(&mut facts.peaks, &peaks);
    facts.known = known(reader, asked).await?;
    restarts(reader, asked, &mut facts).await?;
    facts.settings = settings(reader, asked).await?;
    let seen = asked.seen(reader);
    let wal = queries.last("server", "pg_wal_size_bytes", &[]);
    facts.wal = one(&reader.at(wal, seen, &BYTES).await?);
    let available = queries.least(
        "server",
        "pgcommons_server_storage_available_bytes",
        &["volume=\"data\""],
    );
    facts.storage_available = one(&reader.at(available, seen, &BYTES).await?);
    let load = reader
        .over(queries.server_load(false), queries.load_step, &SESSIONS)
        .await?;
    add(&mut facts.load, &load);
    let waiting = reader
        .over(queries.server_load(true), queries.load_step, &SESSIONS)
        .await?;
    add(&mut facts.waiting, &waiting);
    let pressure = reader
        .over(queries.pressure(), queries.load_step, &SESSIONS)
        .await?;
    add(&mut facts.pressure, &pressure);
    if asked.with_roles {
        let roles = queries.last("rolname", "pg_roles_connection_limit", &[]);
        let roles = reader.at(roles, seen, &(-1.0..=1e18)).await?;
        let names = roles.iter().filter_map(|it| it.label("rolname"));
        facts.roles = names.map(str::to_owned).collect();
    }
    tenants(reader, asked, &mut facts).await?;
    Ok(facts)
}

/// The part of each hour that has samples.
async fn known(reader: &mut Reader, asked: &Asked<'_>) -> anyhow::Result<Steps> {
    let mut known = Steps::new(HOUR);
    let Some(part) = asked.part else {
        let most = asked.samples.max().unwrap_or(1.0);
        for (hour, count) in asked.samples.iter() {
            known.add(asked.samples.end_of(hour), count / most);
        }
        return Ok(known);
    };
    let parts = reader
        .over(asked.queries.known_parts(part), HOUR, &ANY)
        .await?;
    let in_hour = f64::from(HOUR / part);
    for (time, count) in parts.iter().flat_map(|it| &it.points) {
        known.add(*time, (count / in_hour).min(1.0));
    }
    Ok(known)
}

async fn restarts(
    reader: &mut Reader,
    asked: &Asked<'_>,
    facts: &mut ServerFacts,
) -> anyhow::Result<()> {
    let queries = &asked.queries;
    let up = queries.hourly("server", "avg", "pg_up");
    let up = reader.over(up, HOUR, &(0.0..=1.0)).await?;
    facts.down_hours = up
        .iter()
        .flat_map(|it| &it.points)
        .map(|(_, up)| 1.0 - up)
        .sum();
    let seen = asked.seen(reader);
    let resets = reader
        .at(queries.agent_restarts(), seen, &(0.0..=1e9))
        .await?;
    facts.agent_restarts = one(&resets).map_or(0, whole);
    let starts = queries.hourly("server", "max", "pg_postmaster_start_time_seconds");
    let starts = reader.over(starts, HOUR, &ANY).await?;
    let times = starts
        .iter()
        .flat_map(|it| &it.points)
        .map(|(_, time)| whole(*time));
    let times: BTreeSet<u32> = times.collect();
    facts.server_restarts = u32::try_from(times.len().saturating_sub(1)).unwrap_or(u32::MAX);
    Ok(())
}

async fn settings(reader: &mut Reader, asked: &Asked<'_>) -> anyhow::Result<ServerSettings> {
    let (queries, seen) = (&asked.queries, asked.seen(reader));
    let mut values = BTreeMap::new();
    for metric in [
        "pgcommons_server_connections_limit",
        "pg_settings_max_connections",
        "pg_settings_superuser_reserved_connections",
        "pg_settings_reserved_connections",
        "pgcommons_server_cores",
        "pgcommons_container_cpu_limit_cores",
        "pg_settings_shared_buffers_bytes",
        "pg_settings_work_mem_bytes",
        "pgcommons_server_memory_worst_case_bytes",
    ] {
        let series = reader
            .at(queries.last("server", metric, &[]), seen, &ANY)
            .await?;
        values.insert(metric, one(&series));
    }
    let major = major(reader, asked).await?;
    let of = |metric: &str| values.get(metric).copied().flatten();
    let max_connections = of("pg_settings_max_connections").map(whole);
    let reserved = of("pg_settings_superuser_reserved_connections").map(whole);
    let more = of("pg_settings_reserved_connections").map_or(0, whole);
    let computed = max_connections.zip(reserved);
    let computed = computed.map(|(all, reserved)| all.saturating_sub(reserved + more));
    Ok(ServerSettings {
        slots: of("pgcommons_server_connections_limit")
            .map(whole)
            .or(computed),
        max_connections,
        major,
        cores: of("pgcommons_server_cores").or_else(|| of("pgcommons_container_cpu_limit_cores")),
        shared_buffers: of("pg_settings_shared_buffers_bytes"),
        work_mem: of("pg_settings_work_mem_bytes"),
        memory_worst_case: of("pgcommons_server_memory_worst_case_bytes"),
    })
}

async fn major(reader: &mut Reader, asked: &Asked<'_>) -> anyhow::Result<Option<u32>> {
    let versions = asked.queries.last("short_version", "pg_static", &[]);
    let versions = reader.at(versions, asked.seen(reader), &ANY).await?;
    let versions = versions.iter().filter_map(|it| it.label("short_version"));
    let majors = versions.filter_map(|it| it.split('.').next()?.parse().ok());
    Ok(majors.max())
}

async fn tenants(
    reader: &mut Reader,
    asked: &Asked<'_>,
    facts: &mut ServerFacts,
) -> anyhow::Result<()> {
    let queries = &asked.queries;
    let peaks = reader
        .over(queries.database_peaks(), HOUR, &CONNECTIONS)
        .await?;
    let oids = reader.over(queries.oids(), HOUR, &ANY).await?;
    let sizes = reader
        .over(queries.sizes(SIZE_STEP), SIZE_STEP, &BYTES)
        .await?;
    let load = reader
        .over(queries.database_load(false), queries.load_step, &SESSIONS)
        .await?;
    let waiting = reader
        .over(queries.database_load(true), queries.load_step, &SESSIONS)
        .await?;
    if facts.load.is_empty() {
        facts.load = sum(&load, queries.load_step);
        facts.waiting = sum(&waiting, queries.load_step);
    }
    let mut tenants = tenant_facts::present(&peaks, asked.samples, queries.load_step);
    tenant_facts::identify(&mut tenants, &oids);
    tenant_facts::add_series(&mut tenants, &sizes, |it| &mut it.sizes);
    tenant_facts::add_series(&mut tenants, &load, |it| &mut it.load);
    tenant_facts::add_series(&mut tenants, &waiting, |it| &mut it.waiting);
    tenant_facts::limits(reader, asked, &mut tenants).await?;
    tenant_facts::counters(reader, asked, &mut tenants).await?;
    facts.tenants = tenants.into_values().collect();
    Ok(())
}

/// The sum of all series in each step.
fn sum(series: &[Series], step: u32) -> Steps {
    let mut sums: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (time, value) in series.iter().flat_map(|it| &it.points) {
        let (at, sum) = sums.entry(time.to_bits()).or_insert((*time, 0.0));
        *at = *time;
        *sum += value;
    }
    let mut steps = Steps::new(step);
    for (time, sum) in sums.values() {
        steps.add(*time, *sum);
    }
    steps
}

pub(super) fn add(steps: &mut Steps, series: &[Series]) {
    for (time, value) in series.iter().flat_map(|it| &it.points) {
        steps.add(*time, *value);
    }
}

/// The value of the only series.
pub(super) fn one(series: &[Series]) -> Option<f64> {
    series.iter().map(Series::last).reduce(f64::max)
}

/// A part of one counts as one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a value outside of the range becomes its end"
)]
pub(super) fn whole(value: f64) -> u32 {
    value.ceil() as u32
}
