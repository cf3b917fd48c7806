//! `pgcommons_*` about who uses the server. Absent without `pg_monitor`: PostgreSQL hides what other sessions do.

use std::collections::BTreeMap;

use crate::metrics::series::{Metric, Series, counter, gauge};
use crate::sample::WaitClass;
use crate::sample::readings::Blocking;
use crate::sample::statements::StatementFigure;
use crate::snapshot::{ActiveSeconds, ProcessesView};
use crate::state::Server;

const DATABASE: &[&str] = &["datname"];

pub(super) const METRICS: &[Metric] = &[
    counter(
        "pgcommons_database_active_seconds_total",
        &["datname", "wait"],
        "Time that sessions and workers of the database were active, by what they waited for: cpu (nothing: they ran, or waited for \
         a CPU), io, lock, lwlock, ipc, client (its rows, or that it reads), other; sampled by each poll. A wait that was never seen \
         is absent, except cpu. Absent without pg_monitor.",
        |server, series| {
            let load = server.snapshot().and_then(|it| it.load.as_ref());
            for (datname, seconds) in load.into_iter().flat_map(|load| &load.databases) {
                for (wait, seconds) in seen(seconds) {
                    series.put([datname.as_str(), wait], seconds);
                }
            }
        },
    ),
    counter(
        "pgcommons_server_active_seconds_total",
        &["wait"],
        "Time that sessions and workers of all databases were active, also of those that are not monitored, as in \
         pgcommons_database_active_seconds_total. Without the agent's own session. Absent without pg_monitor.",
        |server, series| {
            let load = server.snapshot().and_then(|it| it.load.as_ref());
            for (wait, seconds) in load.into_iter().flat_map(|load| seen(&load.server)) {
                series.put([wait], seconds);
            }
        },
    ),
    gauge(
        "pgcommons_database_oldest_statement_start_timestamp_seconds",
        &["datname", "application_name"],
        "When the statement began that has run longest in a client session, by the clock of the server, since the epoch. Applications \
         as in pg_stat_activity_count. Absent while no statement runs, and without pg_monitor.",
        oldest_statements,
    ),
    gauge(
        "pgcommons_database_blocking_sessions",
        DATABASE,
        "Sessions of the database that others wait for, and that do not wait for a lock themselves: asked at most every 5 s, while a \
         session waits. Absent without pg_monitor, and until the server has answered.",
        |server, series| blocking(server, series, |of_database| of_database.sessions),
    ),
    gauge(
        "pgcommons_database_sessions_blocked_elsewhere",
        DATABASE,
        "Sessions of other databases that wait for a session of this one, as pgcommons_database_blocking_sessions counts them. Absent \
         as that is.",
        |server, series| blocking(server, series, |of_database| of_database.waiting_elsewhere),
    ),
    counter(
        "pgcommons_database_statements_seconds_total",
        DATABASE,
        "Time that statements took which have ended, since the agent began, summed up by pg_stat_statements. Absent unless that is \
         installed in the agent's database.",
        |server, series| statements(server, series, StatementFigure::Seconds),
    ),
    counter(
        "pgcommons_database_statements_rows_total",
        DATABASE,
        "Rows that statements returned or changed, as pgcommons_database_statements_seconds_total.",
        |server, series| statements(server, series, StatementFigure::Rows),
    ),
    counter(
        "pgcommons_database_statements_wal_bytes_total",
        DATABASE,
        "WAL that statements wrote, as pgcommons_database_statements_seconds_total. Absent also where the extension is older than 1.8.",
        |server, series| statements(server, series, StatementFigure::WalBytes),
    ),
    counter(
        "pgcommons_database_statements_temporary_bytes_total",
        DATABASE,
        "Bytes that statements wrote to temporary files, as pgcommons_database_statements_seconds_total.",
        |server, series| statements(server, series, StatementFigure::TemporaryBytes),
    ),
    counter(
        "pgcommons_database_statements_read_bytes_total",
        DATABASE,
        "Bytes of blocks that statements did not find in shared buffers, as pgcommons_database_statements_seconds_total.",
        |server, series| statements(server, series, StatementFigure::ReadBytes),
    ),
    counter(
        "pgcommons_server_statements_evictions_total",
        &[],
        "How often pg_stat_statements was full and removed the entries that were used least (dealloc), since it was reset. What these \
         counted after the last poll is missing in the figures of databases. Absent also where the extension is older than 1.9.",
        |server, series| {
            let statements = server.snapshot().and_then(|it| it.statements.as_ref());
            series.put_known([], statements.and_then(|it| it.evictions));
        },
    ),
    counter(
        "pgcommons_database_cpu_seconds_total",
        DATABASE,
        "CPU time that the kernel counted for sessions and workers of the database since the agent began, user and system. Without \
         what processes used after the last look at them: pgcommons_server_ended_cpu_seconds_total. Absent unless machine.processes \
         is configured and the processes are visible.",
        |server, series| {
            for (datname, processes) in processes(server).into_iter().flat_map(|it| &it.databases) {
                series.put([datname.as_str()], processes.cpu_seconds);
            }
        },
    ),
    counter(
        "pgcommons_server_cpu_seconds_total",
        &[],
        "CPU time of all processes of the server since the agent began, with those that belong to no database and those that ended. \
         Absent as pgcommons_database_cpu_seconds_total is.",
        |server, series| series.put_known([], processes(server).map(|it| it.server_seconds)),
    ),
    counter(
        "pgcommons_server_ended_cpu_seconds_total",
        &[],
        "The part of pgcommons_server_cpu_seconds_total that processes used between the last look at them, or their start, and their \
         end: all of short sessions. It is not known for which database. Absent as pgcommons_database_cpu_seconds_total is.",
        |server, series| series.put_known([], processes(server).map(|it| it.ended_seconds)),
    ),
    gauge(
        "pgcommons_database_private_memory_bytes",
        DATABASE,
        "Resident memory of sessions and workers of the database without shared memory and files. Absent as \
         pgcommons_database_cpu_seconds_total is, and while it cannot be read for one of them.",
        |server, series| {
            for (datname, processes) in processes(server).into_iter().flat_map(|it| &it.databases) {
                let bytes = processes.private_bytes.map(|bytes| bytes as f64);
                series.put_known([datname.as_str()], bytes);
            }
        },
    ),
    gauge(
        "pgcommons_server_cores",
        &[],
        "Configured number of CPU cores that PostgreSQL may use (cores of the server). Absent if it is not configured, and while the \
         server is down.",
        |server, series| {
            series.put_known([], server.snapshot().and_then(|it| it.machine.cores));
        },
    ),
];

/// The earliest start over roles and states.
fn oldest_statements(server: &Server, series: &mut Series) {
    let mut starts: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    let sessions = server.snapshot().map(|it| &it.sessions);
    for (key, total) in sessions.into_iter().flatten() {
        if let Some(start) = total.oldest_statement {
            let oldest = starts
                .entry((&*key.datname, &*key.application_name))
                .or_insert(start);
            *oldest = oldest.min(start);
        }
    }
    for ((datname, application_name), start) in starts {
        series.put([datname, application_name], start);
    }
}

/// The classes that any poll saw, and `cpu`, so that a database that never worked is known to be idle.
fn seen(seconds: &ActiveSeconds) -> impl Iterator<Item = (&'static str, f64)> {
    let classes = WaitClass::ALL.into_iter();
    let classes = classes.map(|wait| (wait, seconds.of(wait)));
    let seen = classes.filter(|(wait, seconds)| *wait == WaitClass::Cpu || *seconds > 0.0);
    seen.map(|(wait, seconds)| (wait.label(), seconds))
}

fn processes(server: &Server) -> Option<&ProcessesView> {
    server.snapshot()?.processes.as_ref()
}

fn blocking(server: &Server, series: &mut Series, count: fn(&Blocking) -> u64) {
    let blocking = server.snapshot().and_then(|it| it.blocking.as_ref());
    for (datname, of_database) in blocking.into_iter().flatten() {
        series.put([datname.as_str()], count(of_database) as f64);
    }
}

fn statements(server: &Server, series: &mut Series, figure: StatementFigure) {
    let statements = server.snapshot().and_then(|it| it.statements.as_ref());
    for (datname, figures) in statements.into_iter().flat_map(|it| &it.databases) {
        series.put_known([datname.as_str()], figures[figure as usize]);
    }
}
