//! The facts of the databases of one server, from the answers of the API. A database is what has its name now.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::reader::{BYTES, CONNECTIONS, Reader};
use super::server_facts::{Asked, add, whole};
use crate::advice::{HOUR, Needs, Steps, TenantFacts};
use crate::prometheus_api::Series;

/// By name.
pub(super) type Tenants = BTreeMap<String, TenantFacts>;

/// An integer of PostgreSQL.
const LIMITS: RangeInclusive<f64> = 0.0..=2_147_483_647.0;
/// The sum of the databases without series of their own.
const OTHER: &str = "other";

/// The databases that were there when the server was seen last, within two hours. Others were dropped or renamed.
pub(super) fn present(peaks: &[Series], of_server: &Steps, load_step: u32) -> Tenants {
    let mut tenants = Tenants::new();
    let last = of_server.last().unwrap_or(0);
    for series in peaks {
        let Some(datname) = series
            .label("datname")
            .filter(|it| !it.is_empty() && *it != OTHER)
        else {
            continue;
        };
        let mut tenant = TenantFacts::new(datname, load_step);
        add(&mut tenant.peaks, std::slice::from_ref(series));
        if tenant.peaks.last().is_some_and(|hour| hour + 1 >= last) {
            tenants.insert(datname.to_owned(), tenant);
        }
    }
    tenants
}

/// Which database had which name when.
pub(super) fn identify(tenants: &mut Tenants, oids: &[Series]) {
    let mut all = Vec::new();
    for series in oids {
        let mut hours = Steps::new(HOUR);
        add(&mut hours, std::slice::from_ref(series));
        if let (Some(datid), Some(datname), Some(first), Some(last)) = (
            series.label("datid"),
            series.label("datname"),
            hours.first(),
            hours.last(),
        ) {
            all.push((datid, datname, first, last));
        }
    }
    for (datname, tenant) in tenants {
        let of_name = all.iter().filter(|(_, name, ..)| name == datname);
        let Some((datid, _, first, _)) = of_name.clone().max_by_key(|(.., last)| *last) else {
            continue;
        };
        let is_other = |(oid, ..): &&(&str, &str, u32, u32)| oid != datid;
        if of_name.clone().any(|it| is_other(&it)) {
            tenant.begins = Some(f64::from(*first) * f64::from(HOUR));
        }
        let earlier = all
            .iter()
            .filter(|(oid, name, _, last)| oid == datid && name != datname && *last <= first + 1);
        let name = earlier
            .max_by_key(|(.., last)| *last)
            .map(|(_, name, ..)| *name);
        tenant.renamed_from = name.map(str::to_owned);
    }
}

pub(super) fn add_series(
    tenants: &mut Tenants,
    series: &[Series],
    steps: impl Fn(&mut TenantFacts) -> &mut Steps,
) {
    for one in series {
        if let Some(tenant) = one.label("datname").and_then(|it| tenants.get_mut(it)) {
            add(steps(tenant), std::slice::from_ref(one));
        }
    }
}

pub(super) async fn limits(
    reader: &mut Reader,
    asked: &Asked<'_>,
    tenants: &mut Tenants,
) -> anyhow::Result<()> {
    let (queries, seen) = (&asked.queries, asked.seen(reader));
    let limit = |kind: &str| {
        let kind = format!("kind=\"{kind}\"");
        queries.last("datname", "pgcommons_database_connections_limit", &[&kind])
    };
    let raw = queries.last("datname", "pg_database_connection_limit", &[]);
    let raw = reader.at(raw, seen, &(-2.0..=2_147_483_647.0)).await?;
    each(tenants, &raw, |it, value| {
        it.is_unlimited = value < 0.0;
        it.limit = (value >= 0.0).then(|| whole(value));
    });
    let of_server = reader.at(limit("server"), seen, &CONNECTIONS).await?;
    each(tenants, &of_server, |it, _| {
        it.is_unlimited = it.limit.is_none();
    });
    let own = reader.at(limit("database"), seen, &LIMITS).await?;
    each(tenants, &own, |it, value| {
        it.is_unlimited = false;
        it.limit = Some(whole(value));
    });
    let budget = reader.at(limit("budget"), seen, &LIMITS).await?;
    each(tenants, &budget, |it, value| it.budget = Some(whole(value)));
    declared(reader, asked, tenants).await
}

/// Pools, quotas and labels of the configuration, as the agent exports them.
async fn declared(
    reader: &mut Reader,
    asked: &Asked<'_>,
    tenants: &mut Tenants,
) -> anyhow::Result<()> {
    let (queries, seen) = (&asked.queries, asked.seen(reader));
    let ceiling = queries.last("datname", "pgcommons_database_pool_ceiling", &[]);
    let ceiling = reader.at(ceiling, seen, &(0.0..=1e18)).await?;
    let poolers = queries.last("pooler, datname", "pgcommons_pooler_ceiling", &[]);
    let poolers = reader.at(poolers, seen, &(0.0..=1e18)).await?;
    each(tenants, &poolers, |it, value| {
        it.ceiling = Some(it.ceiling.unwrap_or(0).saturating_add(whole(value)));
    });
    for tenant in tenants.values_mut() {
        // A database with more connections than the poolers may open is also reached without them.
        tenant.ceiling = tenant.ceiling.filter(|it| tenant.peaks.most() <= Some(*it));
    }
    // What the configuration declares counts more than what the poolers would admit.
    each(tenants, &ceiling, |it, value| {
        it.ceiling = Some(whole(value));
    });
    let quota = queries.last("datname", "pgcommons_database_size_limit_bytes", &[]);
    let quota = reader.at(quota, seen, &BYTES).await?;
    each(tenants, &quota, |it, value| it.size_budget = Some(value));
    let labels =
        "datname, needs_major_version, needs_extension, needs_backup_policy, needs_compliance";
    let info = queries.last(labels, "pgcommons_database_info", &[]);
    for one in &reader.at(info, seen, &(0.0..=1.0)).await? {
        if let Some(tenant) = one.label("datname").and_then(|it| tenants.get_mut(it)) {
            tenant.needs = Needs::from_labels(&one.labels);
        }
    }
    Ok(())
}

/// What counters grew by.
pub(super) async fn counters(
    reader: &mut Reader,
    asked: &Asked<'_>,
    tenants: &mut Tenants,
) -> anyhow::Result<()> {
    let (queries, seen) = (&asked.queries, asked.seen(reader));
    let exhausted = queries.grown(
        "pgcommons_database_connections_exhausted_seconds_total",
        &[],
    );
    let exhausted = reader.at(exhausted, seen, &BYTES).await?;
    each(tenants, &exhausted, |it, value| it.exhausted = Some(value));
    let fatal = queries.grown_by_oid("pgcommons_database_sessions_lost_total", &["how=\"fatal\""]);
    let fatal = reader.at(fatal, seen, &BYTES).await?;
    each(tenants, &fatal, |it, value| it.fatal = Some(value));
    let temporary = queries.grown_by_oid("pg_stat_database_temp_bytes", &[]);
    let temporary = reader.at(temporary, seen, &BYTES).await?;
    each(tenants, &temporary, |it, value| it.temporary = Some(value));
    let wal = queries.grown("pgcommons_database_statements_wal_bytes_total", &[]);
    let wal = reader.at(wal, seen, &BYTES).await?;
    each(tenants, &wal, |it, value| it.written_wal = Some(value));
    Ok(())
}

fn each(tenants: &mut Tenants, series: &[Series], set: impl Fn(&mut TenantFacts, f64)) {
    for one in series {
        if let Some(tenant) = one.label("datname").and_then(|it| tenants.get_mut(it)) {
            set(tenant, one.last());
        }
    }
}
