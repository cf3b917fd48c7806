//! `pg_replication_*` and `pg_stat_replication_*`, as `postgres_exporter` names them, and the WAL files that wait to be archived.

use crate::metrics::series::{Metric, Series, gauge};
use crate::sample::archive::ArchiveQueue;
use crate::sample::replication::{Replication, WalSenders};
use crate::state::Server;

/// `postgres_exporter` has the label `client_addr` too. An address of a client is no label here.
const SENDER: &[&str] = &["application_name", "state", "slot_name"];

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pg_replication_lag_seconds",
        &[],
        "Seconds since the commit that a standby replayed last, 0 if it has replayed all that it received, and 0 on a \
         primary; absent if a standby has replayed no commit.",
        |server, series| series.put_known([], replication(server).and_then(|it| it.lag)),
    ),
    gauge(
        "pg_replication_last_replay_seconds",
        &[],
        "Seconds since the commit that a standby replayed last; absent on a primary, and if it has replayed none.",
        |server, series| series.put_known([], replication(server).and_then(|it| it.last_replay)),
    ),
    gauge(
        "pg_stat_replication_pg_wal_lsn_diff",
        SENDER,
        "Bytes of WAL that a standby has not replayed; of several with the same labels the largest, without the label \
         client_addr of postgres_exporter. The 32 worst; absent if the standby reports no position, and without pg_monitor.",
        |server, series| senders(server, series, |it| it.lag_bytes),
    ),
    gauge(
        "pg_stat_replication_pg_current_wal_lsn_bytes",
        SENDER,
        "Position of the server in the WAL, in bytes since its start, for each series of pg_stat_replication_pg_wal_lsn_diff \
         and each WAL sender whose client reports no position; absent without pg_monitor.",
        |server, series| senders(server, series, |it| it.current_lsn),
    ),
    gauge(
        "pgcommons_server_wal_archive_ready_files",
        &[],
        "WAL files that wait to be archived; absent if the server archives none (archive_mode), and without pg_monitor.",
        |server, series| series.put_known([], queue(server).map(|it| it.files as f64)),
    ),
    gauge(
        "pgcommons_server_wal_archive_oldest_ready_timestamp_seconds",
        &[],
        "When the WAL file that waits longest to be archived was complete, since the epoch; absent if none waits, if the server \
         archives none, and without pg_monitor.",
        |server, series| series.put_known([], queue(server).and_then(|it| it.oldest)),
    ),
];

fn replication(server: &Server) -> Option<&Replication> {
    server.snapshot()?.readings.replication.as_deref()
}

fn queue(server: &Server) -> Option<ArchiveQueue> {
    server.snapshot()?.readings.archive_queue
}

fn senders(server: &Server, series: &mut Series, value: fn(&WalSenders) -> Option<f64>) {
    for sender in replication(server).iter().flat_map(|it| &it.senders) {
        let slot = sender.slot_name.as_deref().unwrap_or_default();
        let labels = [&*sender.application_name, sender.state, slot];
        series.put_known(labels, value(sender));
    }
}
