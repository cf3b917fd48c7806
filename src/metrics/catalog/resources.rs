//! `pgcommons_*` about resources that all databases share, and about storage: how much is used, and which database holds it.

use std::collections::BTreeMap;

use crate::metrics::series::{Metric, Series, gauge};
use crate::resources::ResourceKind;
use crate::snapshot::{DatabaseView, ResourceView};
use crate::state::Server;

const DATABASE: &[&str] = &["datname"];

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pgcommons_resource_utilization_ratio",
        &["resource"],
        "Used share of a finite resource; at 1 PostgreSQL refuses, waits or stops (lock_table: between 1 and 1.9). Absent for a \
         resource that is unknown, has no limit or is switched off; processes are unknown without pg_monitor. storage: of the fullest volume. memory: the worst case, above 1 if the \
         settings admit more than is configured.",
        |server, series| {
            for resource in resources(server) {
                series.put([resource.kind.label()], resource.ratio());
            }
            let storage = server.storage().fullest();
            let ratio = storage.map(|(used, capacity)| used as f64 / capacity as f64);
            series.put_known([ResourceKind::Storage.label()], ratio);
        },
    ),
    gauge(
        "pgcommons_resource_slots_used",
        &["resource"],
        "Slots of a countable resource that are in use. Absent as pgcommons_resource_utilization_ratio is.",
        |server, series| {
            for resource in countable(server) {
                series.put([resource.kind.label()], resource.used as f64);
            }
        },
    ),
    gauge(
        "pgcommons_resource_slots_limit",
        &["resource"],
        "Slots of a countable resource, from the setting that limits it (lock_table: the nominal number of entries). Absent as \
         pgcommons_resource_utilization_ratio is.",
        |server, series| {
            for resource in countable(server) {
                series.put([resource.kind.label()], resource.limit as f64);
            }
        },
    ),
    gauge(
        "pgcommons_database_resource_slots_used",
        &["datname", "resource"],
        "Slots that a database holds; connections are in pgcommons_database_connections. Absent if it holds none, and where \
         PostgreSQL does not tell.",
        |server, series| {
            for resource in countable(server) {
                for (datname, used) in &resource.held {
                    series.put([datname.as_str(), resource.kind.label()], *used as f64);
                }
            }
        },
    ),
    gauge(
        "pgcommons_server_storage_bytes",
        &["part"],
        "Bytes by part: databases (all of them, absent until each is measured), wal (segments in pg_wal), temporary (files \
         that are open now, without those of parallel queries), other (what else is used on the volume; only if one volume is \
         measured).",
        |server, series| {
            let Some(snapshot) = server.snapshot() else {
                return;
            };
            let bytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
            series.put_known(["databases"], bytes(snapshot.storage.databases));
            series.put_known(["wal"], bytes(snapshot.storage.wal));
            series.put_known(["temporary"], bytes(snapshot.storage.temporary));
            series.put_known(["other"], bytes(server.storage().other()));
        },
    ),
    gauge(
        "pgcommons_server_memory_worst_case_bytes",
        &[],
        "Memory that the settings admit: shared_buffers, wal_buffers, 5 MiB for each possible process, work_mem for each that may run a \
         query, autovacuum_work_mem for each autovacuum worker. Absent while a setting is unknown, or differs in the agent's session.",
        |server, series| {
            let bytes = server.snapshot().and_then(|it| it.memory_worst_case);
            series.put_known([], bytes.map(|bytes| bytes as f64));
        },
    ),
    gauge(
        "pgcommons_server_memory_limit_bytes",
        &[],
        "Configured memory that PostgreSQL may use (memory of the server). Absent if it is not configured, and while the server is down.",
        |server, series| {
            let bytes = server.snapshot().and_then(|it| it.machine.memory);
            series.put_known([], bytes.map(|bytes| bytes as f64));
        },
    ),
    gauge(
        "pgcommons_server_size_budgets_bytes",
        &[],
        "Sum of the size budgets of the databases that exist. Absent if there is none.",
        |server, series| {
            let budgets = server
                .databases()
                .iter()
                .filter_map(DatabaseView::size_limit);
            let sum: u64 = budgets.fold(0, u64::saturating_add);
            series.put_known([], (sum > 0).then_some(sum as f64));
        },
    ),
    gauge(
        "pgcommons_database_temporary_bytes",
        DATABASE,
        "Bytes in temporary files that are open now, without those of parallel queries; without datname: files that a crash has \
         left. Absent if PostgreSQL refuses the list of files.",
        |server, series| {
            let temporary = server.snapshot().and_then(|it| it.temporary.as_ref());
            by_database(series, temporary);
        },
    ),
    gauge(
        "pgcommons_database_wal_retained_bytes",
        DATABASE,
        "WAL that one of the replication slots of the database keeps on disk, for all databases: of the slot that keeps most. \
         Absent if the database has no slot.",
        |server, series| {
            by_database(series, server.snapshot().map(|it| &it.wal_retained));
        },
    ),
];

fn resources(server: &Server) -> &[ResourceView] {
    server
        .snapshot()
        .map_or(&[], |snapshot| &snapshot.resources)
}

fn countable(server: &Server) -> impl Iterator<Item = &ResourceView> {
    let resources = resources(server).iter();
    resources.filter(|resource| ResourceKind::has_slots(resource.kind))
}

fn by_database(series: &mut Series, bytes: Option<&BTreeMap<String, u64>>) {
    for (datname, bytes) in bytes.into_iter().flatten() {
        series.put([datname.as_str()], *bytes as f64);
    }
}
