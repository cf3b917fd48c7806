//! Every metric: its name, type, labels, help and value, one row each. Nothing else is exposed.

mod agent;
mod backups;
mod container;
mod crashes;
mod exporter;
mod facts;
mod info;
mod isolation;
mod limits;
mod load;
mod notifications;
mod pooler;
mod probe;
mod replication;
mod resources;
mod server_stats;
mod sessions;
pub(super) mod settings;
mod statistics;
mod storage;
mod wal;

use super::series::Metric;

pub(super) fn all() -> impl Iterator<Item = &'static Metric> {
    facts::METRICS
        .iter()
        .chain(settings::METRICS)
        .chain(server_stats::METRICS)
        .chain(replication::METRICS)
        .chain(statistics::METRICS)
        .chain(wal::METRICS)
        .chain(info::METRICS)
        .chain(limits::METRICS)
        .chain(load::METRICS)
        .chain(resources::METRICS)
        .chain(isolation::METRICS)
        .chain(sessions::METRICS)
        .chain(storage::METRICS)
        .chain(pooler::METRICS)
        .chain(pooler::pools::METRICS)
        .chain(pooler::entries::METRICS)
        .chain(probe::METRICS)
        .chain(backups::METRICS)
        .chain(container::METRICS)
        .chain(crashes::METRICS)
        .chain(agent::METRICS)
        .chain(notifications::METRICS)
        .chain(exporter::METRICS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::series::Kind;

    #[test]
    fn names_are_unique_and_follow_the_conventions() {
        let mut names: Vec<_> = all().map(|metric| metric.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for metric in all() {
            let ours = metric.name.starts_with("pgcommons_");
            let theirs = ["pg_", "pgbouncer_"]
                .iter()
                .any(|it| metric.name.starts_with(it));
            assert!(ours || theirs, "{}", metric.name);
            let total = metric.name.ends_with("_total");
            assert!(
                total == (metric.kind == Kind::Counter) || !ours && !total,
                "{}",
                metric.name
            );
            // Prometheus sets these labels itself, and would rename ours.
            let taken = |label: &&str| ["job", "instance", "server"].contains(label);
            assert!(!metric.labels.iter().any(taken), "{}", metric.name);
            assert!(
                metric.help.ends_with('.'),
                "{}: the help is a sentence",
                metric.name
            );
        }
    }
    /// Otherwise a page would have the same series twice, and Prometheus would refuse it.
    #[test]
    fn a_setting_with_a_row_of_its_own_is_not_written_twice() {
        let settings = all().filter_map(|metric| metric.name.strip_prefix(settings::PREFIX));
        let mut names: Vec<_> = settings.filter(|name| *name != "*").collect();
        names.sort_unstable();
        assert_eq!(names, settings::WITH_OWN_ROW);
    }
}
