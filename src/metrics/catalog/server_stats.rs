//! `pg_stat_bgwriter_*`, `pg_stat_checkpointer_*` and `pg_long_running_transactions*`, as `postgres_exporter` names them.

use crate::metrics::series::{Metric, Series, counter, gauge};
use crate::sample::server_stats::{
    Bgwriter, BgwriterUntil16, Checkpointer, OpenTransactions, ServerStats,
};
use crate::state::Server;

pub(super) const METRICS: &[Metric] = &[
    counter(
        "pg_stat_bgwriter_checkpoints_timed_total",
        &[],
        "Scheduled checkpoints; absent since PostgreSQL 17.",
        |server, series| until_16(server, series, |row| row.checkpoints_timed as f64),
    ),
    counter(
        "pg_stat_bgwriter_checkpoints_req_total",
        &[],
        "Requested checkpoints; absent since PostgreSQL 17.",
        |server, series| until_16(server, series, |row| row.checkpoints_req as f64),
    ),
    counter(
        "pg_stat_bgwriter_checkpoint_write_time_total",
        &[],
        "Milliseconds that checkpoints spent writing files; absent since PostgreSQL 17.",
        |server, series| until_16(server, series, |row| row.checkpoint_write_time),
    ),
    counter(
        "pg_stat_bgwriter_checkpoint_sync_time_total",
        &[],
        "Milliseconds that checkpoints spent synchronizing files; absent since PostgreSQL 17.",
        |server, series| until_16(server, series, |row| row.checkpoint_sync_time),
    ),
    counter(
        "pg_stat_bgwriter_buffers_checkpoint_total",
        &[],
        "Buffers written by checkpoints; absent since PostgreSQL 17.",
        |server, series| until_16(server, series, |row| row.buffers_checkpoint as f64),
    ),
    counter(
        "pg_stat_bgwriter_buffers_clean_total",
        &[],
        "Buffers written by the background writer.",
        |server, series| bgwriter(server, series, |row| Some(row.buffers_clean as f64)),
    ),
    counter(
        "pg_stat_bgwriter_maxwritten_clean_total",
        &[],
        "How often the background writer paused because it had written bgwriter_lru_maxpages buffers.",
        |server, series| bgwriter(server, series, |row| Some(row.maxwritten_clean as f64)),
    ),
    counter(
        "pg_stat_bgwriter_buffers_backend_total",
        &[],
        "Buffers written by backends; absent since PostgreSQL 17.",
        |server, series| until_16(server, series, |row| row.buffers_backend as f64),
    ),
    counter(
        "pg_stat_bgwriter_buffers_backend_fsync_total",
        &[],
        "Files that backends had to synchronize themselves; absent since PostgreSQL 17.",
        |server, series| until_16(server, series, |row| row.buffers_backend_fsync as f64),
    ),
    counter(
        "pg_stat_bgwriter_buffers_alloc_total",
        &[],
        "Buffers allocated.",
        |server, series| bgwriter(server, series, |row| Some(row.buffers_alloc as f64)),
    ),
    counter(
        "pg_stat_bgwriter_stats_reset_total",
        &[],
        "Time of the last reset of these statistics, since the epoch; absent if they were never reset.",
        |server, series| bgwriter(server, series, |row| row.stats_reset),
    ),
    counter(
        "pg_stat_checkpointer_num_timed_total",
        &[],
        "Scheduled checkpoints; absent before PostgreSQL 17.",
        |server, series| checkpointer(server, series, |row| Some(row.num_timed as f64)),
    ),
    counter(
        "pg_stat_checkpointer_num_requested_total",
        &[],
        "Requested checkpoints; absent before PostgreSQL 17.",
        |server, series| checkpointer(server, series, |row| Some(row.num_requested as f64)),
    ),
    counter(
        "pg_stat_checkpointer_restartpoints_timed_total",
        &[],
        "Scheduled restartpoints of a standby; absent before PostgreSQL 17.",
        |server, series| checkpointer(server, series, |row| Some(row.restartpoints_timed as f64)),
    ),
    counter(
        "pg_stat_checkpointer_restartpoints_req_total",
        &[],
        "Requested restartpoints of a standby; absent before PostgreSQL 17.",
        |server, series| checkpointer(server, series, |row| Some(row.restartpoints_req as f64)),
    ),
    counter(
        "pg_stat_checkpointer_restartpoints_done_total",
        &[],
        "Restartpoints performed by a standby; absent before PostgreSQL 17.",
        |server, series| checkpointer(server, series, |row| Some(row.restartpoints_done as f64)),
    ),
    counter(
        "pg_stat_checkpointer_write_time_total",
        &[],
        "Milliseconds that checkpoints and restartpoints spent writing files; absent before PostgreSQL 17.",
        |server, series| checkpointer(server, series, |row| Some(row.write_time)),
    ),
    counter(
        "pg_stat_checkpointer_sync_time_total",
        &[],
        "Milliseconds that checkpoints and restartpoints spent synchronizing files; absent before PostgreSQL 17.",
        |server, series| checkpointer(server, series, |row| Some(row.sync_time)),
    ),
    counter(
        "pg_stat_checkpointer_buffers_written_total",
        &[],
        "Buffers written by checkpoints and restartpoints; absent before PostgreSQL 17.",
        |server, series| checkpointer(server, series, |row| Some(row.buffers_written as f64)),
    ),
    counter(
        "pg_stat_checkpointer_stats_reset_total",
        &[],
        "Time of the last reset of these statistics, since the epoch; absent before PostgreSQL 17.",
        |server, series| checkpointer(server, series, |row| row.stats_reset),
    ),
    gauge(
        "pg_long_running_transactions",
        &[],
        "Open transactions of any age, except those of the agent and of autovacuum; absent without pg_monitor.",
        |server, series| transactions(server, series, |open| Some(open.count as f64)),
    ),
    gauge(
        "pg_long_running_transactions_oldest_timestamp_seconds",
        &[],
        "Age in seconds of the oldest of these transactions, not a timestamp as the name says; absent if none is open, and \
         without pg_monitor.",
        |server, series| transactions(server, series, |open| open.oldest),
    ),
];

fn stats(server: &Server) -> Option<ServerStats> {
    server.snapshot()?.readings.server
}

fn bgwriter(server: &Server, series: &mut Series, value: fn(&Bgwriter) -> Option<f64>) {
    series.put_known([], stats(server).and_then(|it| value(&it.bgwriter)));
}

fn until_16(server: &Server, series: &mut Series, value: fn(&BgwriterUntil16) -> f64) {
    let row = stats(server).and_then(|it| it.bgwriter.until_16);
    series.put_known([], row.as_ref().map(value));
}

fn checkpointer(server: &Server, series: &mut Series, value: fn(&Checkpointer) -> Option<f64>) {
    let row = stats(server).and_then(|it| it.checkpointer);
    series.put_known([], row.as_ref().and_then(value));
}

fn transactions(server: &Server, series: &mut Series, value: fn(&OpenTransactions) -> Option<f64>) {
    let open = stats(server).and_then(|it| it.transactions);
    series.put_known([], open.as_ref().and_then(value));
}
