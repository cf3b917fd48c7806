//! `pgcommons_*` about the server, its databases and roles: every limit that applies, headroom, and what polls saw between
//! two scrapes. Everything that counts sessions is absent without `pg_monitor`: a partial count must not pass for the total.

use crate::metrics::series::{Metric, Series, counter, gauge};
use crate::policy::Budget;
use crate::size_schedule::UnknownSize;
use crate::snapshot::ConnectionStatus;
use crate::state::Server;

const DATABASE: &[&str] = &["datname"];
const ROLE: &[&str] = &["rolname"];

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pgcommons_server_connections",
        &[],
        "Connection slots in use, including those of superusers and of the agent. Absent without pg_monitor.",
        |server, series| {
            of_server(server, series, |status| Some(f64::from(status.limits.used)));
        },
    ),
    gauge(
        "pgcommons_server_connections_limit",
        &[],
        "Connection slots that ordinary roles may use: max_connections minus the reserved slots. Absent while the server is down.",
        |server, series| {
            series.put_known(
                [],
                server.snapshot().map(|snapshot| snapshot.slots.ordinary),
            );
        },
    ),
    gauge(
        "pgcommons_server_connections_headroom",
        &[],
        "Connections that an ordinary role can still open; 0 means that logins are refused. Before PostgreSQL 18 an upper bound: \
         logins in progress hold slots that no view shows. Absent without pg_monitor.",
        |server, series| of_server(server, series, headroom),
    ),
    gauge(
        "pgcommons_server_connections_committed",
        &[],
        "Sum of the connection limits of the watched databases; a database without a limit counts as the limit of the server.",
        |server, series| {
            series.put_known(
                [],
                server.snapshot().map(|snapshot| snapshot.committed as f64),
            );
        },
    ),
    gauge(
        "pgcommons_server_connections_hidden",
        &[],
        "Connection slots held by logins that have not reached a database yet. Absent before PostgreSQL 18, which is the first \
         version that shows them, and without pg_monitor.",
        |server, series| {
            series.put_known([], server.snapshot().and_then(|snapshot| snapshot.starting));
        },
    ),
    gauge(
        "pgcommons_server_connections_peak",
        &[],
        "Maximum number of connections that a poll saw within poll.window. Absent without pg_monitor.",
        |server, series| of_server(server, series, peak),
    ),
    counter(
        "pgcommons_server_connections_exhausted_seconds_total",
        &[],
        "Time for which polls saw no headroom; failed polls and a limit of 0 do not count. Absent without pg_monitor.",
        |server, series| of_server(server, series, exhausted),
    ),
    gauge(
        "pgcommons_database_connections",
        DATABASE,
        "Sessions that count against the connection limit of the database. Absent without pg_monitor.",
        |server, series| {
            of_databases(server, series, |status| Some(f64::from(status.limits.used)));
        },
    ),
    gauge(
        "pgcommons_database_connections_limit",
        &["datname", "kind"],
        "The limits that PostgreSQL enforces (kind database and server), and the configured budget, which it does not. Only the \
         budget if the database accepts no logins. Absent without pg_monitor.",
        |server, series| {
            for view in server.databases() {
                limits(&view.row.name, view.connections.as_ref(), series);
            }
        },
    ),
    gauge(
        "pgcommons_database_connections_headroom",
        DATABASE,
        "Connections to this database that an ordinary role can still open: the minimum over the limits that \
         PostgreSQL enforces. Before PostgreSQL 18 an upper bound. Absent if the database accepts no logins, and without pg_monitor.",
        |server, series| of_databases(server, series, headroom),
    ),
    gauge(
        "pgcommons_database_connections_peak",
        DATABASE,
        "Maximum number of connections that a poll saw within poll.window. Absent without pg_monitor.",
        |server, series| of_databases(server, series, peak),
    ),
    counter(
        "pgcommons_database_connections_exhausted_seconds_total",
        DATABASE,
        "Time for which polls saw no headroom; failed polls and a limit of 0 do not count. Absent without pg_monitor.",
        |server, series| of_databases(server, series, exhausted),
    ),
    gauge(
        "pgcommons_database_sessions_blocked",
        DATABASE,
        "Sessions that wait for a lock. Absent without pg_monitor.",
        |server, series| {
            for view in server.databases() {
                series.put_known([&*view.row.name], view.blocked);
            }
        },
    ),
    gauge(
        "pgcommons_database_size_limit_bytes",
        DATABASE,
        "Configured size budget; absent if none is configured.",
        |server, series| {
            for view in server.databases() {
                series.put_known(
                    [&*view.row.name],
                    view.size_limit().map(|bytes| bytes as f64),
                );
            }
        },
    ),
    gauge(
        "pgcommons_budgets_without_database",
        &[],
        "Budgets of this server only whose database does not exist; the name may be misspelt. Absent while the server is down.",
        |server, series| {
            series.put_known(
                [],
                server
                    .snapshot()
                    .map(|snapshot| snapshot.missing.len() as f64),
            );
        },
    ),
    gauge(
        "pgcommons_database_sizes_unknown",
        &["reason"],
        "Databases with series whose size is unknown, by reason: pending, forbidden, unreadable, timeout, error, invalid. Absent \
         while the server is down.",
        |server, series| {
            if server.snapshot().is_none() {
                return;
            }
            for reason in UnknownSize::ALL {
                let unknown = server
                    .databases()
                    .iter()
                    .filter(|view| view.size == Err(reason))
                    .count();
                series.put([reason.label()], unknown as f64);
            }
        },
    ),
    gauge(
        "pgcommons_database_sizes_oldest_timestamp_seconds",
        &[],
        "Time of the oldest measurement among the known sizes, since the epoch; absent while no size is known.",
        |server, series| {
            series.put_known(
                [],
                server.snapshot().and_then(|snapshot| snapshot.oldest_size),
            );
        },
    ),
    gauge(
        "pgcommons_database_pool_ceiling",
        DATABASE,
        "Connections that the declared pools (budgets.DATABASE.pools) can open at most, a rollout included; absent without a \
         declared pool.",
        |server, series| {
            for view in server.databases() {
                let ceiling = view
                    .budget
                    .as_ref()
                    .and_then(|budget| budget.pool_ceiling());
                series.put_known([&*view.row.name], ceiling.map(|it| it as f64));
            }
        },
    ),
    gauge(
        "pgcommons_database_info",
        &["datname", "owner"],
        "Always 1; has the configured owner and labels (team, contact ...) of a database, for joins and for alert routing.",
        |server, series| {
            let none = Budget::default();
            for view in server.databases() {
                let budget = view.budget.as_deref().unwrap_or(&none);
                let owner = budget.owner.as_deref().unwrap_or_default();
                series.put_with([&*view.row.name, owner], &budget.labels, 1);
            }
        },
    ),
    gauge(
        "pgcommons_role_connections",
        ROLE,
        "Sessions that count against the connection limit of the role. Absent without pg_monitor.",
        |server, series| {
            of_roles(server, series, |status| Some(f64::from(status.limits.used)));
        },
    ),
    gauge(
        "pgcommons_role_connections_limit",
        &["rolname", "kind"],
        "Every limit that applies: of the role (not for a superuser) and the connection slots that the role may use. Absent \
         without pg_monitor.",
        |server, series| {
            for view in server.roles() {
                limits(&view.row.name, view.connections.as_ref(), series);
            }
        },
    ),
    gauge(
        "pgcommons_role_connections_headroom",
        ROLE,
        "Connections that the role can still open in a database without a limit. Before PostgreSQL 18 an upper bound. \
         Absent without pg_monitor.",
        |server, series| of_roles(server, series, headroom),
    ),
    gauge(
        "pgcommons_role_connections_peak",
        ROLE,
        "Maximum number of connections that a poll saw within poll.window. Absent without pg_monitor.",
        |server, series| of_roles(server, series, peak),
    ),
    counter(
        "pgcommons_role_connections_exhausted_seconds_total",
        ROLE,
        "Time for which polls saw no headroom; failed polls and a limit of 0 do not count. Absent without pg_monitor.",
        |server, series| of_roles(server, series, exhausted),
    ),
];

type Value = fn(&ConnectionStatus) -> Option<f64>;

fn headroom(status: &ConnectionStatus) -> Option<f64> {
    status.limits.headroom().map(f64::from)
}

fn peak(status: &ConnectionStatus) -> Option<f64> {
    status.history.peak.map(f64::from)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the type of a value that may be unknown"
)]
fn exhausted(status: &ConnectionStatus) -> Option<f64> {
    Some(status.history.exhausted.as_secs_f64())
}

fn of_server(server: &Server, series: &mut Series, value: Value) {
    series.put_known(
        [],
        server
            .snapshot()
            .and_then(|snapshot| snapshot.server.as_ref())
            .and_then(value),
    );
}

fn of_databases(server: &Server, series: &mut Series, value: Value) {
    for view in server.databases() {
        series.put_known([&*view.row.name], view.connections.as_ref().and_then(value));
    }
}

fn of_roles(server: &Server, series: &mut Series, value: Value) {
    for view in server.roles() {
        series.put_known([&*view.row.name], view.connections.as_ref().and_then(value));
    }
}

fn limits(name: &str, status: Option<&ConnectionStatus>, series: &mut Series) {
    let limits = status.into_iter().flat_map(|status| status.limits.all());
    for limit in limits {
        series.put([name, limit.kind.label()], limit.connections);
    }
}
