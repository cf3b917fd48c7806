//! Every metric: its name, type, labels, help and value, one row each. Nothing else is exposed.

mod agent;
mod facts;
mod isolation;
mod limits;
mod sessions;
mod statistics;

use super::series::Metric;

pub(super) fn all() -> impl Iterator<Item = &'static Metric> {
    facts::METRICS
        .iter()
        .chain(statistics::METRICS)
        .chain(limits::METRICS)
        .chain(isolation::METRICS)
        .chain(sessions::METRICS)
        .chain(agent::METRICS)
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
            assert!(ours || metric.name.starts_with("pg_"), "{}", metric.name);
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
}
