//! Every metric there is: its name, type, labels, help and value. One row each; what is not here is not exposed.

mod agent;
mod facts;
mod judgements;

use super::family::Series;
use crate::sample::DatabaseStats;
use crate::snapshot::{DatabaseView, RoleView, Snapshot};
use crate::state::{Reload, Server};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Counter,
}

/// Where the value comes from, and whether the label `server` stands first.
pub(super) enum Source {
    Agent(fn(&Reload, &mut Series)),
    Server(fn(&Server, &mut Series)),
    /// One column of `pg_stat_database`, for each database.
    Statistics(fn(&DatabaseStats) -> Option<f64>),
}

pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Beside `server`.
    pub(super) labels: &'static [&'static str],
    /// Says when the series is absent.
    pub(super) help: &'static str,
    pub(super) source: Source,
}

pub(super) fn all() -> impl Iterator<Item = &'static Metric> {
    facts::METRICS
        .iter()
        .chain(judgements::METRICS)
        .chain(agent::METRICS)
}

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
    source: Source,
) -> Metric {
    Metric {
        name,
        kind,
        labels,
        help,
        source,
    }
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&Server, &mut Series),
) -> Metric {
    metric(name, Kind::Gauge, labels, help, Source::Server(read))
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&Server, &mut Series),
) -> Metric {
    metric(name, Kind::Counter, labels, help, Source::Server(read))
}

/// What the last poll brought, if it brought anything.
fn snapshot(server: &Server) -> Option<&Snapshot> {
    server.status.as_deref().ok()
}

pub(super) fn databases(server: &Server) -> &[DatabaseView] {
    snapshot(server).map_or(&[], |snapshot| &snapshot.databases)
}

fn roles(server: &Server) -> &[RoleView] {
    snapshot(server).map_or(&[], |snapshot| &snapshot.roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_follow_the_conventions() {
        let mut names: Vec<_> = all().map(|metric| metric.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for metric in all() {
            let ours = metric.name.starts_with("pgcommons_");
            assert!(ours || metric.name.starts_with("pg_"), "{}", metric.name);
            let total = metric.name.ends_with("_total");
            assert!(
                total == (metric.kind == Kind::Counter) || !ours && !total,
                "{}",
                metric.name
            );
            assert!(
                metric.help.ends_with('.'),
                "{}: the help is a sentence",
                metric.name
            );
        }
    }
}
