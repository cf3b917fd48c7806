//! `pgbouncer_*` about pools, counts and limits, as prometheus-community/pgbouncer_exporter names them.

use crate::metrics::series::{Metric, Series, gauge};
use crate::sample::pooler::PoolFigure;
use crate::state::Server;

use super::{POOLER, up};

const POOL: &[&str] = &["pooler", "database", "user"];

pub(in crate::metrics::catalog) const METRICS: &[Metric] = &[
    gauge(
        "pgbouncer_up",
        POOLER,
        "Whether the last poll of the pooler's console succeeded.",
        up,
    ),
    gauge(
        "pgbouncer_version_info",
        &["pooler", "version"],
        "Always 1; the version of PgBouncer. Absent while the pooler is down.",
        |server, series| {
            for (pooler, view) in server.attached.pooler_views() {
                if !view.settings.version.is_empty() {
                    series.put([pooler, &*view.settings.version], 1);
                }
            }
        },
    ),
    gauge(
        "pgbouncer_databases",
        POOLER,
        "Entries of [databases]. Absent while the pooler is down.",
        |server, series| of_list(server, series, "databases"),
    ),
    gauge(
        "pgbouncer_users",
        POOLER,
        "Users that PgBouncer knows. Absent while the pooler is down.",
        |server, series| of_list(server, series, "users"),
    ),
    gauge(
        "pgbouncer_pools",
        POOLER,
        "Pools. Absent while the pooler is down.",
        |server, series| of_list(server, series, "pools"),
    ),
    gauge(
        "pgbouncer_free_clients",
        POOLER,
        "Free structures for client connections. Absent while the pooler is down.",
        |server, series| of_list(server, series, "free_clients"),
    ),
    gauge(
        "pgbouncer_used_clients",
        POOLER,
        "Client connections. Absent while the pooler is down.",
        |server, series| of_list(server, series, "used_clients"),
    ),
    gauge(
        "pgbouncer_login_clients",
        POOLER,
        "Client connections that are logging in. Absent while the pooler is down.",
        |server, series| of_list(server, series, "login_clients"),
    ),
    gauge(
        "pgbouncer_free_servers",
        POOLER,
        "Free structures for server connections. Absent while the pooler is down.",
        |server, series| of_list(server, series, "free_servers"),
    ),
    gauge(
        "pgbouncer_used_servers",
        POOLER,
        "Server connections. Absent while the pooler is down.",
        |server, series| of_list(server, series, "used_servers"),
    ),
    gauge(
        "pgbouncer_cached_dns_names",
        POOLER,
        "Host names in the DNS cache. Absent while the pooler is down.",
        |server, series| of_list(server, series, "dns_names"),
    ),
    gauge(
        "pgbouncer_cached_dns_zones",
        POOLER,
        "DNS zones in the cache. Absent while the pooler is down.",
        |server, series| of_list(server, series, "dns_zones"),
    ),
    gauge(
        "pgbouncer_in_flight_dns_queries",
        POOLER,
        "DNS queries without an answer yet. Absent while the pooler is down.",
        |server, series| of_list(server, series, "dns_queries"),
    ),
    gauge(
        "pgbouncer_config_max_client_connections",
        POOLER,
        "max_client_conn. Absent while the pooler is down.",
        |server, series| {
            for (pooler, view) in server.attached.pooler_views() {
                series.put_known([pooler], view.settings.max_clients.map(|it| it as f64));
            }
        },
    ),
    gauge(
        "pgbouncer_config_max_user_connections",
        POOLER,
        "max_user_connections; 0: no limit. Absent while the pooler is down.",
        |server, series| {
            for (pooler, view) in server.attached.pooler_views() {
                let most = view.settings.max_user_connections;
                series.put_known([pooler], most.map(|it| it as f64));
            }
        },
    ),
    gauge(
        "pgbouncer_pools_client_active_connections",
        POOL,
        "Client connections that have a server connection, or are idle and wait for none. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ClientsActive),
    ),
    gauge(
        "pgbouncer_pools_client_waiting_connections",
        POOL,
        "Client connections that wait for a server connection. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ClientsWaiting),
    ),
    gauge(
        "pgbouncer_pools_client_active_cancel_connections",
        POOL,
        "Client connections that have forwarded a cancel request and wait for the answer. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ClientsActiveCancel),
    ),
    gauge(
        "pgbouncer_pools_client_waiting_cancel_connections",
        POOL,
        "Client connections that have not forwarded their cancel request yet. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ClientsWaitingCancel),
    ),
    gauge(
        "pgbouncer_pools_server_active_connections",
        POOL,
        "Server connections that are linked to a client. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ServersActive),
    ),
    gauge(
        "pgbouncer_pools_server_active_cancel_connections",
        POOL,
        "Server connections that forward a cancel request. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ServersActiveCancel),
    ),
    gauge(
        "pgbouncer_pools_server_being_canceled_connections",
        POOL,
        "Server connections that wait until cancel requests to their server are finished. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ServersBeingCancelled),
    ),
    gauge(
        "pgbouncer_pools_server_idle_connections",
        POOL,
        "Server connections that are idle and can be used at once. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ServersIdle),
    ),
    gauge(
        "pgbouncer_pools_server_used_connections",
        POOL,
        "Server connections that must be checked before they are used. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ServersUsed),
    ),
    gauge(
        "pgbouncer_pools_server_testing_connections",
        POOL,
        "Server connections that are being reset or checked. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ServersTested),
    ),
    gauge(
        "pgbouncer_pools_server_login_connections",
        POOL,
        "Server connections that are logging in. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::ServersLogin),
    ),
    gauge(
        "pgbouncer_pools_client_maxwait_seconds",
        POOL,
        "Whole seconds that the oldest client in the queue has waited. Absent while the pooler is down.",
        |server, series| of_pools(server, series, PoolFigure::MaxWait),
    ),
    gauge(
        "pgbouncer_client_connections",
        &["pooler", "database", "user", "application_name", "state"],
        "Client connections; those without series of their own are summed up as other. Absent while the pooler is down, and while it \
         has more than 2,000 clients.",
        |server, series| {
            for (pooler, view) in server.attached.pooler_views() {
                for ([alias, user, application, state], count) in
                    view.settings.clients.iter().flatten()
                {
                    series.put(
                        [pooler, &**alias, &**user, &**application, &**state],
                        *count,
                    );
                }
            }
        },
    ),
];

fn of_pools(server: &Server, series: &mut Series, figure: PoolFigure) {
    for (pooler, view) in server.attached.pooler_views() {
        for pool in &view.pools {
            series.put_known(
                [pooler, &*pool.alias, &*pool.user],
                pool.figure(figure).map(|it| it as f64),
            );
        }
    }
}

fn of_list(server: &Server, series: &mut Series, item: &str) {
    for (pooler, view) in server.attached.pooler_views() {
        let count = view.settings.count_of(item);
        series.put_known([pooler], count.map(|it| it as f64));
    }
}
