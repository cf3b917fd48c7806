//! `pg_stat_database_*`: the columns of the view, as `postgres_exporter` names them.

use crate::metrics::series::{Kind, Metric, Source, metric};
use crate::sample::DatabaseStats;

pub(super) const METRICS: &[Metric] = &[
    column(
        "pg_stat_database_numbackends",
        Kind::Gauge,
        "Backends in this database, including workers that do not count against limits.",
        |row| Some(f64::from(row.numbackends)),
    ),
    cumulative(
        "pg_stat_database_xact_commit",
        "Transactions committed.",
        |row| Some(row.xact_commit as f64),
    ),
    cumulative(
        "pg_stat_database_xact_rollback",
        "Transactions rolled back.",
        |row| Some(row.xact_rollback as f64),
    ),
    cumulative(
        "pg_stat_database_blks_read",
        "Blocks not found in shared buffers.",
        |row| Some(row.blks_read as f64),
    ),
    cumulative(
        "pg_stat_database_blks_hit",
        "Blocks found in shared buffers.",
        |row| Some(row.blks_hit as f64),
    ),
    cumulative(
        "pg_stat_database_tup_returned",
        "Rows read by scans.",
        |row| Some(row.tup_returned as f64),
    ),
    cumulative(
        "pg_stat_database_tup_fetched",
        "Rows fetched by index scans.",
        |row| Some(row.tup_fetched as f64),
    ),
    cumulative("pg_stat_database_tup_inserted", "Rows inserted.", |row| {
        Some(row.tup_inserted as f64)
    }),
    cumulative("pg_stat_database_tup_updated", "Rows updated.", |row| {
        Some(row.tup_updated as f64)
    }),
    cumulative("pg_stat_database_tup_deleted", "Rows deleted.", |row| {
        Some(row.tup_deleted as f64)
    }),
    cumulative(
        "pg_stat_database_conflicts",
        "Queries cancelled on a standby.",
        |row| Some(row.conflicts as f64),
    ),
    cumulative(
        "pg_stat_database_temp_files",
        "Temporary files closed.",
        |row| Some(row.temp_files as f64),
    ),
    cumulative(
        "pg_stat_database_temp_bytes",
        "Bytes in temporary files closed.",
        |row| Some(row.temp_bytes as f64),
    ),
    cumulative("pg_stat_database_deadlocks", "Deadlocks found.", |row| {
        Some(row.deadlocks as f64)
    }),
    cumulative(
        "pg_stat_database_blk_read_time",
        "Milliseconds spent reading blocks; stays 0 without track_io_timing.",
        |row| Some(row.blk_read_time),
    ),
    cumulative(
        "pg_stat_database_blk_write_time",
        "Milliseconds spent writing blocks; stays 0 without track_io_timing.",
        |row| Some(row.blk_write_time),
    ),
    cumulative(
        "pg_stat_database_stats_reset",
        "Time of the last reset of these statistics, since the epoch; absent if they were never reset.",
        |row| row.stats_reset,
    ),
    cumulative(
        "pg_stat_database_active_time_seconds_total",
        "Seconds spent in statements, counted when a statement ends; absent before PostgreSQL 14.",
        |row| row.active_time.map(|milliseconds| milliseconds / 1000.0),
    ),
];

const fn column(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    value: fn(&DatabaseStats) -> Option<f64>,
) -> Metric {
    metric(
        name,
        kind,
        &["datid", "datname"],
        help,
        Source::Statistics(value),
    )
}

const fn cumulative(
    name: &'static str,
    help: &'static str,
    value: fn(&DatabaseStats) -> Option<f64>,
) -> Metric {
    column(name, Kind::Counter, help, value)
}
