//! `pgbouncer_*` about the entries of `[databases]`, as prometheus-community/pgbouncer_exporter names them.

use crate::metrics::series::{Metric, Series, counter, gauge};
use crate::sample::pooler::{AliasFigure, TotalFigure};
use crate::state::Server;

const TOTALS: &[&str] = &["pooler", "database"];
const ALIAS: &[&str] = &[
    "pooler",
    "name",
    "host",
    "port",
    "database",
    "force_user",
    "pool_mode",
];
/// The unit of the console's times.
const MICROSECONDS: f64 = 1e6;

pub(in crate::metrics::catalog) const METRICS: &[Metric] = &[
    gauge(
        "pgbouncer_databases_pool_size",
        ALIAS,
        "Server connections that each pool of this entry may have, without the reserve. Absent while the pooler is down.",
        |server, series| of_aliases(server, series, AliasFigure::PoolSize),
    ),
    gauge(
        "pgbouncer_databases_reserve_pool",
        ALIAS,
        "Further server connections that each pool of this entry may have. Absent while the pooler is down.",
        |server, series| of_aliases(server, series, AliasFigure::ReservePool),
    ),
    gauge(
        "pgbouncer_databases_max_connections",
        ALIAS,
        "Most server connections of this entry; 0: no limit. Absent while the pooler is down.",
        |server, series| of_aliases(server, series, AliasFigure::MaxConnections),
    ),
    gauge(
        "pgbouncer_databases_current_connections",
        ALIAS,
        "Server connections of this entry. Absent while the pooler is down.",
        |server, series| of_aliases(server, series, AliasFigure::CurrentConnections),
    ),
    gauge(
        "pgbouncer_databases_paused",
        ALIAS,
        "Whether this entry is paused. Absent while the pooler is down.",
        |server, series| of_aliases(server, series, AliasFigure::Paused),
    ),
    gauge(
        "pgbouncer_databases_disabled",
        ALIAS,
        "Whether this entry is disabled. Absent while the pooler is down.",
        |server, series| of_aliases(server, series, AliasFigure::Disabled),
    ),
    counter(
        "pgbouncer_stats_totals_queries_pooled_total",
        TOTALS,
        "Queries that clients sent. Absent while the pooler is down.",
        |server, series| of_totals(server, series, TotalFigure::Queries, 1.0),
    ),
    counter(
        "pgbouncer_stats_totals_queries_duration_seconds_total",
        TOTALS,
        "Seconds that queries took. Absent while the pooler is down.",
        |server, series| of_totals(server, series, TotalFigure::QueryTime, MICROSECONDS),
    ),
    counter(
        "pgbouncer_stats_totals_received_bytes_total",
        TOTALS,
        "Bytes received from clients. Absent while the pooler is down.",
        |server, series| of_totals(server, series, TotalFigure::BytesReceived, 1.0),
    ),
    counter(
        "pgbouncer_stats_totals_sent_bytes_total",
        TOTALS,
        "Bytes sent to clients. Absent while the pooler is down.",
        |server, series| of_totals(server, series, TotalFigure::BytesSent, 1.0),
    ),
    counter(
        "pgbouncer_stats_totals_client_wait_seconds_total",
        TOTALS,
        "Seconds that clients waited for a server connection, counted when the wait is over. Absent while the pooler is down.",
        |server, series| of_totals(server, series, TotalFigure::WaitTime, MICROSECONDS),
    ),
    counter(
        "pgbouncer_stats_totals_sql_transactions_pooled_total",
        TOTALS,
        "Transactions of clients. Absent while the pooler is down.",
        |server, series| of_totals(server, series, TotalFigure::Transactions, 1.0),
    ),
    counter(
        "pgbouncer_stats_totals_server_in_transaction_seconds_total",
        TOTALS,
        "Seconds that server connections were in a transaction. Absent while the pooler is down.",
        |server, series| of_totals(server, series, TotalFigure::TransactionTime, MICROSECONDS),
    ),
    counter(
        "pgbouncer_stats_totals_server_assignments_total",
        TOTALS,
        "Times that a server connection was assigned to a client (1.24+). Absent while the pooler is down, and with older versions.",
        |server, series| of_totals(server, series, TotalFigure::ServerAssignments, 1.0),
    ),
    counter(
        "pgbouncer_stats_totals_client_parses_total",
        TOTALS,
        "Prepared statements of clients (1.24+). Absent while the pooler is down, and with older versions.",
        |server, series| of_totals(server, series, TotalFigure::ClientParses, 1.0),
    ),
    counter(
        "pgbouncer_stats_totals_server_parses_total",
        TOTALS,
        "Prepared statements that PgBouncer made on the server (1.24+). Absent while the pooler is down, and with older versions.",
        |server, series| of_totals(server, series, TotalFigure::ServerParses, 1.0),
    ),
    counter(
        "pgbouncer_stats_totals_binds_total",
        TOTALS,
        "Prepared statements that were bound (1.24+). Absent while the pooler is down, and with older versions.",
        |server, series| of_totals(server, series, TotalFigure::Binds, 1.0),
    ),
];

fn of_aliases(server: &Server, series: &mut Series, figure: AliasFigure) {
    for (pooler, view) in server.attached.pooler_views() {
        for alias in &view.settings.aliases {
            let labels = [
                pooler,
                &*alias.name,
                &*alias.host,
                &*alias.port,
                &*alias.datname,
                &*alias.force_user,
                &*alias.pool_mode,
            ];
            series.put_known(labels, alias.figure(figure));
        }
    }
}

fn of_totals(server: &Server, series: &mut Series, figure: TotalFigure, unit: f64) {
    for (pooler, view) in server.attached.pooler_views() {
        for totals in &view.settings.totals {
            let figure = totals.figures[figure as usize].map(|figure| figure / unit);
            series.put_known([pooler, &*totals.alias], figure);
        }
    }
}
