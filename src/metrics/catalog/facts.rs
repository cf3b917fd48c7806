//! `pg_*`: facts, under the names, types, units and labels of `prometheus-community/postgres_exporter`, plus `server`.

use crate::metrics::series::{Metric, Series, counter, gauge};
use crate::sample::DatabaseStats;
use crate::sample::readings::Archiver;
use crate::snapshot::SessionTotal;
use crate::state::Server;

const SESSIONS: &[&str] = &[
    "datname",
    "state",
    "usename",
    "application_name",
    "backend_type",
];

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pg_up",
        &[],
        "Whether the last poll of this server succeeded; never absent.",
        |server, series| {
            series.put([], u8::from(server.status.is_ok()));
        },
    ),
    gauge(
        "pg_static",
        &["version", "short_version"],
        "Version of the server; absent while it is down.",
        |server, series| {
            if let Some(snapshot) = server.snapshot() {
                let short = format!("{}.0", snapshot.info.short_version());
                series.put([&snapshot.info.version, &short], 1);
            }
        },
    ),
    gauge(
        "pg_postmaster_start_time_seconds",
        &[],
        "Start time of the server, since the epoch; absent while it is down.",
        |server, series| {
            series.put_known(
                [],
                server.snapshot().map(|snapshot| snapshot.info.start_time),
            );
        },
    ),
    gauge(
        "pg_replication_is_replica",
        &[],
        "Whether the server is a standby that has not been promoted; absent while it is down.",
        |server, series| {
            let replica = server.snapshot().map(|snapshot| snapshot.in_recovery);
            series.put_known([], replica.map(u8::from));
        },
    ),
    gauge(
        "pg_settings_max_connections",
        &[],
        "Setting max_connections; absent while the server is down.",
        |server, series| {
            series.put_known(
                [],
                server
                    .snapshot()
                    .map(|snapshot| snapshot.info.max_connections),
            );
        },
    ),
    gauge(
        "pg_settings_superuser_reserved_connections",
        &[],
        "Setting superuser_reserved_connections; absent while the server is down.",
        |server, series| {
            let reserved = server
                .snapshot()
                .map(|snapshot| snapshot.info.superuser_reserved_connections);
            series.put_known([], reserved);
        },
    ),
    gauge(
        "pg_settings_reserved_connections",
        &[],
        "Setting reserved_connections; absent before PostgreSQL 16 and while the server is down.",
        |server, series| {
            series.put_known(
                [],
                server
                    .snapshot()
                    .and_then(|snapshot| snapshot.info.reserved_connections),
            );
        },
    ),
    gauge(
        "pg_stat_activity_count",
        SESSIONS,
        "Sessions by database, state, role, application and backend type. Names without series of their own are summed up as \
         other (see pgcommons_series_overflow), workers of extensions as background worker. Without the agent's own session. Absent if there are no sessions, \
         and without pg_monitor.",
        |server, series| sessions(server, series, |total| Some(f64::from(total.count))),
    ),
    gauge(
        "pg_stat_activity_max_tx_duration",
        SESSIONS,
        "Age in seconds of the oldest open transaction of these sessions; absent if none is open, and without pg_monitor.",
        |server, series| sessions(server, series, |total| total.oldest_transaction),
    ),
    counter(
        "pg_stat_archiver_archived_count",
        &[],
        "WAL files archived.",
        |server, series| of_archiver(server, series, |row| Some(row.archived_count as f64)),
    ),
    counter(
        "pg_stat_archiver_failed_count",
        &[],
        "Failed attempts to archive a WAL file.",
        |server, series| of_archiver(server, series, |row| Some(row.failed_count as f64)),
    ),
    gauge(
        "pg_stat_archiver_last_archive_age",
        &[],
        "Seconds since the last WAL file was archived; absent if none was.",
        |server, series| of_archiver(server, series, |row| row.last_archive_age),
    ),
    gauge(
        "pg_database_size_bytes",
        &["datname"],
        "Size on disk; absent while it is unknown (see pgcommons_database_sizes_unknown).",
        |server, series| {
            for view in server.databases() {
                series.put_known([&*view.row.name], view.size.ok().map(|bytes| bytes as f64));
            }
        },
    ),
    gauge(
        "pg_database_connection_limit",
        &["datname"],
        "Value of datconnlimit: -1 is no limit, -2 an invalid database, whose DROP has begun.",
        |server, series| {
            for view in server.databases() {
                series.put([&*view.row.name], view.row.connection_limit);
            }
        },
    ),
    gauge(
        "pg_roles_connection_limit",
        &["rolname"],
        "Value of rolconnlimit of a login role: -1 is no limit.",
        |server, series| {
            for view in server.roles() {
                series.put([&*view.row.name], view.row.connection_limit);
            }
        },
    ),
    gauge(
        "pg_locks_count",
        &["datname", "mode"],
        "Locks that are held or awaited; absent if there are none, or 0 with stats.zero_locks.",
        locks,
    ),
    gauge(
        "pg_database_wraparound_age_datfrozenxid_seconds",
        &["datname"],
        "Age of datfrozenxid in transactions, not in seconds as the name says; at 2.1e9 the server stops writing.",
        |server, series| of_stats(server, series, |row| f64::from(row.frozen_xid_age)),
    ),
    gauge(
        "pg_database_wraparound_age_datminmxid_seconds",
        &["datname"],
        "Age of datminmxid in multixacts, not in seconds as the name says; at 2.1e9 the server stops writing.",
        |server, series| of_stats(server, series, |row| f64::from(row.min_mxid_age)),
    ),
];

/// The modes of `pg_locks` (`lock.c`, `predicate.c`), in lower case.
const LOCK_MODES: [&str; 9] = [
    "accessexclusivelock",
    "accesssharelock",
    "exclusivelock",
    "rowexclusivelock",
    "rowsharelock",
    "sharelock",
    "sharerowexclusivelock",
    "shareupdateexclusivelock",
    "sireadlock",
];

fn locks(server: &Server, series: &mut Series) {
    let Some(snapshot) = server.snapshot() else {
        return;
    };
    let Some(locks) = &snapshot.readings.locks else {
        return; // unknown is not 0
    };
    for view in server.databases() {
        let of_database = locks.databases.get(&view.row.oid);
        let modes = of_database.map_or(&[][..], |locks| &locks.modes);
        for lock in modes {
            series.put([&*view.row.name, &*lock.mode], lock.count as f64);
        }
        let is_there = |mode: &str| modes.iter().any(|lock| lock.mode == mode);
        let without = LOCK_MODES.iter().filter(|mode| !is_there(mode));
        for mode in without.filter(|_| snapshot.zero_locks) {
            series.put([&*view.row.name, *mode], 0);
        }
    }
}

fn sessions(server: &Server, series: &mut Series, value: fn(&SessionTotal) -> Option<f64>) {
    for (key, total) in server
        .snapshot()
        .iter()
        .flat_map(|snapshot| &snapshot.sessions)
    {
        let labels = [
            &*key.datname,
            key.state,
            &*key.usename,
            &*key.application_name,
            key.backend_type,
        ];
        series.put_known(labels, value(total));
    }
}

fn of_archiver(server: &Server, series: &mut Series, value: fn(&Archiver) -> Option<f64>) {
    let archiver = server.snapshot().and_then(|it| it.readings.archiver);
    series.put_known([], archiver.as_ref().and_then(value));
}

fn of_stats(server: &Server, series: &mut Series, value: fn(&DatabaseStats) -> f64) {
    for view in server.databases() {
        series.put_known([&*view.row.name], view.stats.as_deref().map(value));
    }
}
