//! `pg_exporter_*` and `pg_scrape_collector_*`: the agent's own work, under the names of `postgres_exporter`.

use crate::health::JobHealth;
use crate::metrics::series::{Metric, Series, counter, gauge};
use crate::outcome::Outcome;
use crate::state::Server;

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pg_exporter_last_scrape_error",
        &[],
        "Whether the server is down, or the last poll of a job failed; never absent.",
        |server, series| series.put([], u8::from(has_error(server))),
    ),
    gauge(
        "pg_exporter_last_scrape_duration_seconds",
        &[],
        "Duration of the last poll of connections, as measured by the agent; absent before the first poll.",
        |server, series| {
            let first = server.health.jobs().first();
            series.put_known([], first.and_then(seconds));
        },
    ),
    counter(
        "pg_exporter_scrapes_total",
        &[],
        "Finished polls of connections.",
        |server, series| {
            let polls = |job: &JobHealth| Outcome::ALL.map(|it| job.polls(it)).iter().sum::<u64>();
            let first = server.health.jobs().first();
            series.put_known([], first.map(|job| polls(job) as f64));
        },
    ),
    gauge(
        "pg_scrape_collector_success",
        &["collector"],
        "Whether the last poll of the job that reads what this collector of postgres_exporter reads succeeded; 0 while the \
         server is down. A job that postgres_exporter does not have has its own name. Absent before the first poll.",
        |server, series| {
            let is_down = server.status.is_err();
            of_collectors(server, series, |job| {
                let outcome = if is_down {
                    Some(Outcome::Lost)
                } else {
                    job.last
                };
                outcome.map(|outcome| f64::from(u8::from(outcome == Outcome::Ok)))
            });
        },
    ),
    gauge(
        "pg_scrape_collector_duration_seconds",
        &["collector"],
        "Duration of the last poll of that job; absent before the first poll.",
        |server, series| of_collectors(server, series, seconds),
    ),
];

/// The collectors of `postgres_exporter` that read what a job reads. A job that is not listed has the name of its collector, or
/// reads what that exporter does not.
const COLLECTORS: [(&str, &[&str]); 6] = [
    ("activity", &["postmaster", "roles", "stat_activity"]),
    ("archiver", &["stat_archiver"]),
    (
        "server",
        &[
            "long_running_transactions",
            "stat_bgwriter",
            "stat_checkpointer",
        ],
    ),
    ("sizes", &["database"]),
    ("slots", &["replication_slot"]),
    ("stats", &["database_wraparound", "stat_database"]),
];

fn of_collectors(server: &Server, series: &mut Series, value: impl Fn(&JobHealth) -> Option<f64>) {
    for job in server.health.jobs() {
        let own_name = [job.name];
        let listed = COLLECTORS.iter().find(|(name, _)| *name == job.name);
        let collectors = listed.map_or(&own_name[..], |(_, collectors)| collectors);
        for collector in collectors {
            series.put_known([*collector], value(job));
        }
    }
}

fn has_error(server: &Server) -> bool {
    let failed = |job: &JobHealth| job.last.is_some_and(|outcome| outcome != Outcome::Ok);
    server.status.is_err() || server.health.jobs().iter().any(failed)
}

fn seconds(job: &JobHealth) -> Option<f64> {
    job.duration.map(|duration| duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::collect::JOBS;

    #[test]
    fn no_collector_stands_for_two_jobs() {
        let listed = |job: &str| COLLECTORS.iter().find(|(name, _)| *name == job);
        let of_job = |job: &'static str| listed(job).map_or(vec![job], |it| it.1.to_vec());
        let all: Vec<_> = JOBS.into_iter().flat_map(of_job).collect();
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "{all:?}");
    }
}
