//! `pgcommons_*` about the agent: its polls, its privileges, its configuration, its build.

use crate::build_info::{REVISION, VERSION};
use crate::health::{CloseReason, JobHealth};
use crate::metrics::AgentState;
use crate::metrics::series::{Kind, Metric, Series, Source, counter, gauge, metric};
use crate::outcome::{ConnectFailure, Outcome};
use crate::state::{Server, SourceLabels};

pub(super) const METRICS: &[Metric] = &[
    counter(
        "pgcommons_polls_total",
        &["poll", "volume", "pooler", "datname", "outcome"],
        "Finished polls, by job and outcome; those of the job storage also by volume, those of pooler by pooler, those of probe by \
         datname.",
        |server, series| {
            for (of, job) in jobs(server) {
                for outcome in Outcome::ALL {
                    let polls = job.polls(outcome) as f64;
                    let labels = [job.name, of.volume, of.pooler, of.datname, outcome.label()];
                    series.put(labels, polls);
                }
            }
        },
    ),
    gauge(
        "pgcommons_poll_last_success_timestamp_seconds",
        &["poll", "volume", "pooler", "datname"],
        "Time of the last successful poll, since the epoch; absent if none has succeeded.",
        |server, series| {
            for (of, job) in jobs(server) {
                let labels = [job.name, of.volume, of.pooler, of.datname];
                series.put_known(labels, job.last_success);
            }
        },
    ),
    gauge(
        "pgcommons_poll_duration_seconds",
        &["poll", "volume", "pooler", "datname"],
        "Duration of the last poll, as measured by the agent; absent before the first poll.",
        |server, series| {
            for (of, job) in jobs(server) {
                let duration = job.duration.map(|duration| duration.as_secs_f64());
                series.put_known([job.name, of.volume, of.pooler, of.datname], duration);
            }
        },
    ),
    gauge(
        "pgcommons_poll_interval_seconds",
        &[],
        "Interval between polls of connections: poll.interval, or longer if polls would take more than \
         poll.max_time_fraction of one core of the server. Absent before the first poll.",
        |server, series| {
            let interval = server.health.interval();
            series.put_known([], interval.map(|interval| interval.as_secs_f64()));
        },
    ),
    counter(
        "pgcommons_connect_failures_total",
        &["pooler", "reason"],
        "Failed attempts to connect, by reason, to the server and to each pooler; too_many_connections means that the limit of the server, the database or the role was reached.",
        |server, series| {
            let poolers = server.attached.poolers.iter();
            let poolers = poolers.map(|(name, pooler)| (&**name, &pooler.health));
            for (pooler, health) in std::iter::once(("", &server.health)).chain(poolers) {
                for reason in ConnectFailure::ALL {
                    let failures = health.connect_failures(reason) as f64;
                    series.put([pooler, reason.label()], failures);
                }
            }
        },
    ),
    gauge(
        "pgcommons_privilege",
        &["privilege"],
        "Whether the agent's role has a privilege: pg_read_all_stats (counts of sessions are absent without it), superuser \
         (the agent does not need it), pg_use_reserved_connections (16+). Absent while the server is down.",
        |server, series| {
            let Some(snapshot) = server.snapshot() else {
                return;
            };
            series.put(
                ["pg_read_all_stats"],
                u8::from(snapshot.sees_all_sessions()),
            );
            series.put(["superuser"], u8::from(snapshot.superuser));
            let reserved = snapshot.uses_reserved_connections.map(u8::from);
            series.put_known(["pg_use_reserved_connections"], reserved);
        },
    ),
    gauge(
        "pgcommons_series_overflow",
        &["label"],
        "Databases (datname), login roles (rolname) and applications (application_name) without series of their own, because \
         there are more than series_limits allows, or many new names within an hour. The figures of the server include \
         them. Absent while the server is down; that of applications also without pg_monitor.",
        |server, series| {
            let Some(snapshot) = server.snapshot() else {
                return;
            };
            let overflow = &snapshot.overflow;
            series.put(["datname"], overflow.databases as f64);
            series.put(["rolname"], overflow.roles as f64);
            let applications = overflow.applications.map(|count| count as f64);
            series.put_known(["application_name"], applications);
        },
    ),
    agent(
        "pgcommons_http_unread_bytes",
        "Memory of answers that clients have not read yet: each page once, and the maximum size of the kernel's socket buffers. \
         Above 10 MiB, or four pages if that is more, the agent resets the slowest readers.",
        |agent, series| series.put([], agent.listener.unread_bytes as f64),
    ),
    metric(
        "pgcommons_http_connections_closed_total",
        Kind::Counter,
        &["reason"],
        "Client connections that the agent closed, by reason: no_request (no request for 40 s), connection_limit (evicted for a \
         new connection), unread_limit (the slowest reader, see pgcommons_http_unread_bytes).",
        Source::Agent(|agent, series| {
            for reason in CloseReason::ALL {
                let closed = agent.listener.closed[reason as usize];
                series.put([reason.label()], closed as f64);
            }
        }),
    ),
    agent(
        "pgcommons_config_last_reload_successful",
        "Whether the last reload of the configuration succeeded.",
        |agent, series| series.put([], u8::from(agent.reload.successful)),
    ),
    agent(
        "pgcommons_config_last_reload_success_timestamp_seconds",
        "Time of the last successful reload of the configuration, since the epoch.",
        |agent, series| series.put([], agent.reload.last_success),
    ),
    metric(
        "pgcommons_build_info",
        Kind::Gauge,
        &["version", "revision"],
        "Always 1; the version of the agent and the source revision of its build.",
        Source::Agent(|_, series| {
            series.put([VERSION, REVISION], 1);
        }),
    ),
];

/// The jobs of PostgreSQL and of its attached sources, each with the labels of its source.
fn jobs(server: &Server) -> impl Iterator<Item = (SourceLabels<'_>, &JobHealth)> {
    let sources = server.sources();
    sources.flat_map(|(of, health)| health.jobs().iter().map(move |job| (of, job)))
}

const fn agent(
    name: &'static str,
    help: &'static str,
    read: fn(&AgentState, &mut Series),
) -> Metric {
    metric(name, Kind::Gauge, &[], help, Source::Agent(read))
}
