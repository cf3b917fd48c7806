//! `pgcommons_*` of the agent itself: its polls, its privileges, its configuration, its build.

use crate::build_info::{REVISION, VERSION};
use crate::metrics::series::{Kind, Metric, Series, Source, counter, gauge, metric};
use crate::outcome::{ConnectFailure, Outcome};

pub(super) const METRICS: &[Metric] = &[
    counter(
        "pgcommons_polls_total",
        &["poll", "outcome"],
        "Polls that have ended, by what was polled and how it ended.",
        |server, series| {
            for job in server.health.jobs() {
                for outcome in Outcome::ALL {
                    series.put([job.name, outcome.label()], job.polls(outcome) as f64);
                }
            }
        },
    ),
    gauge(
        "pgcommons_poll_last_success_timestamp_seconds",
        &["poll"],
        "When a poll got its data last, since the epoch; absent if none has.",
        |server, series| {
            for job in server.health.jobs() {
                series.put_known([job.name], job.last_success);
            }
        },
    ),
    gauge(
        "pgcommons_poll_duration_seconds",
        &["poll"],
        "How long the last poll took, as the agent saw it; absent if there was none.",
        |server, series| {
            for job in server.health.jobs() {
                let duration = job.duration.map(|duration| duration.as_secs_f64());
                series.put_known([job.name], duration);
            }
        },
    ),
    gauge(
        "pgcommons_poll_interval_seconds",
        &[],
        "How often connections are counted: as poll.interval says, or less often where it would cost the server more than \
         poll.max_time_fraction of one core. Absent before the first poll.",
        |server, series| {
            let interval = server.health.interval();
            series.put_known([], interval.map(|interval| interval.as_secs_f64()));
        },
    ),
    counter(
        "pgcommons_connect_failures_total",
        &["reason"],
        "Attempts to open the session that failed, by reason; too_many_connections is the lack of a slot.",
        |server, series| {
            for reason in ConnectFailure::ALL {
                series.put(
                    [reason.label()],
                    server.health.connect_failures(reason) as f64,
                );
            }
        },
    ),
    gauge(
        "pgcommons_privilege",
        &["privilege"],
        "What the agent's role may do: pg_read_all_stats (without it counts of sessions are left out), superuser (more \
         than it needs), pg_use_reserved_connections (16+). Absent while the server is down.",
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
         there are more than series_limits allows, or many new names within the hour. What is said of the server counts them all \
         the same. Absent while the server is down; of applications also without pg_monitor.",
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
        "pgcommons_config_last_reload_successful",
        "Whether the configuration was good when it was read last.",
        |reload, series| series.put([], u8::from(reload.successful)),
    ),
    agent(
        "pgcommons_config_last_reload_success_timestamp_seconds",
        "When a good configuration was read last.",
        |reload, series| series.put([], reload.last_success),
    ),
    metric(
        "pgcommons_build_info",
        Kind::Gauge,
        &["version", "revision"],
        "Always 1; the version of the agent and the revision it was built from.",
        Source::Agent(|_, series| {
            series.put([VERSION, REVISION], 1);
        }),
    ),
];

const fn agent(
    name: &'static str,
    help: &'static str,
    read: fn(&crate::state::Reload, &mut Series),
) -> Metric {
    metric(name, Kind::Gauge, &[], help, Source::Agent(read))
}
