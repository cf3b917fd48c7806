//! `pgcommons_pooler_*`: what the console of a pooler does not tell by itself. The families of `pgbouncer_exporter` are below.

pub(super) mod entries;
pub(super) mod pools;

use std::collections::BTreeMap;

use crate::metrics::series::{Metric, Series, counter, gauge};
use crate::pooler::{Ceiling, PoolerView, Queue, SERIES};
use crate::state::Server;

const POOLER: &[&str] = &["pooler"];
const DATNAME: &[&str] = &["pooler", "datname"];

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pgcommons_pooler_up",
        POOLER,
        "Whether the last poll of the pooler's console succeeded.",
        up,
    ),
    gauge(
        "pgcommons_pooler_ceiling",
        DATNAME,
        "Connections that the pooler may open to a database of PostgreSQL: the pools of all its entries and of the users that came so \
         far, with reserves, within max_db_connections and max_user_connections. Absent if there is no bound, and if the pooler \
         leads to several servers and server_hosts is not configured.",
        |server, series| {
            of_ceilings(server, series, |view| {
                view.ceilings.as_ref().map(|it| &it.databases)
            });
        },
    ),
    gauge(
        "pgcommons_pooler_role_ceiling",
        &["pooler", "rolname"],
        "Connections that the pooler may open as a role of PostgreSQL. Absent as pgcommons_pooler_ceiling is.",
        |server, series| {
            of_ceilings(server, series, |view| {
                view.ceilings.as_ref().map(|it| &it.roles)
            });
        },
    ),
    gauge(
        "pgcommons_pooler_clients_waiting",
        DATNAME,
        "Clients that wait in the pooler for a connection to a database of PostgreSQL. Absent while the pooler is down, and as \
         pgcommons_pooler_ceiling is if it leads to several servers.",
        |server, series| of_queues(server, series, |queue| f64::from(queue.waiting)),
    ),
    gauge(
        "pgcommons_pooler_clients_waiting_peak",
        DATNAME,
        "The most clients that waited at a poll within poll.window. Absent as pgcommons_pooler_clients_waiting is.",
        |server, series| of_queues(server, series, |queue| f64::from(queue.peak)),
    ),
    counter(
        "pgcommons_pooler_waiting_seconds_total",
        DATNAME,
        "Seconds that clients waited, summed up over the clients: each poll counts until the next one. Absent as \
         pgcommons_pooler_clients_waiting is.",
        |server, series| of_queues(server, series, |queue| queue.seconds),
    ),
    gauge(
        "pgcommons_pooler_server_connections",
        DATNAME,
        "Connections of the pooler to a database of PostgreSQL, of all its entries. Absent as pgcommons_pooler_clients_waiting is.",
        |server, series| of_queues(server, series, |queue| f64::from(queue.servers)),
    ),
    gauge(
        "pgcommons_pooler_series_overflow",
        &["pooler", "label"],
        "Pools (user), which are summed up as other, and entries of [databases] (database), which are left out, without series of \
         their own. Absent while the pooler is down.",
        |server, series| {
            for (pooler, view) in server.attached.pooler_views() {
                series.put([pooler, "user"], view.overflow.0 as f64);
                series.put([pooler, "database"], view.overflow.1 as f64);
            }
        },
    ),
];

fn up(server: &Server, series: &mut Series) {
    for (pooler, attachment) in &server.attached.poolers {
        series.put([pooler.as_str()], u8::from(attachment.reading.is_ok()));
    }
}

fn of_ceilings(
    server: &Server,
    series: &mut Series,
    of: fn(&PoolerView) -> Option<&BTreeMap<String, Ceiling>>,
) {
    for (pooler, view) in server.attached.pooler_views() {
        for (name, ceiling) in of(view).into_iter().flatten().take(SERIES) {
            series.put_known([pooler, name.as_str()], ceiling.map(|it| it as f64));
        }
    }
}

fn of_queues(server: &Server, series: &mut Series, value: fn(&Queue) -> f64) {
    for (pooler, view) in server.attached.pooler_views() {
        for (datname, queue) in &view.queues {
            series.put([pooler, datname.as_str()], value(queue));
        }
    }
}
