//! A row of the catalogue, and the series that come of it: label names from the row, values from what is published.

use std::collections::BTreeMap;

use prometheus::proto::{Counter, Gauge, LabelPair, Metric as Sample};

use crate::sample::DatabaseStats;
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

pub(super) const fn metric(
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

pub(super) const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&Server, &mut Series),
) -> Metric {
    metric(name, Kind::Gauge, labels, help, Source::Server(read))
}

pub(super) const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&Server, &mut Series),
) -> Metric {
    metric(name, Kind::Counter, labels, help, Source::Server(read))
}

/// The series of one metric, as they are found.
pub(super) struct Series {
    metric: &'static Metric,
    server: Option<String>,
    samples: Vec<Sample>,
}

impl Series {
    pub(super) fn of(metric: &'static Metric) -> Self {
        Self {
            metric,
            server: None,
            samples: Vec::new(),
        }
    }

    /// What follows is of this server.
    pub(super) fn begin(&mut self, server: &Server) {
        self.server = Some(server.name.clone());
    }

    pub(super) fn into_samples(self) -> Vec<Sample> {
        self.samples
    }

    /// One series. The values stand in the order of the catalogue's labels; an empty one is a label left out.
    pub(super) fn put<const N: usize>(&mut self, values: [&str; N], value: impl Into<f64>) {
        self.put_with(values, &BTreeMap::new(), value);
    }

    /// One series, unless its value is not known.
    pub(super) fn put_known<const N: usize>(
        &mut self,
        values: [&str; N],
        value: Option<impl Into<f64>>,
    ) {
        if let Some(value) = value {
            self.put(values, value);
        }
    }

    /// With labels that the operator has named.
    pub(super) fn put_with<const N: usize>(
        &mut self,
        values: [&str; N],
        free: &BTreeMap<String, String>,
        value: impl Into<f64>,
    ) {
        debug_assert_eq!(
            N,
            self.metric.labels.len(),
            "labels of {}",
            self.metric.name
        );
        let server = self.server.as_deref().map(|server| ("server", server));
        let fixed = self.metric.labels.iter().copied().zip(values);
        let free = free
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let labels = server.into_iter().chain(fixed).chain(free);
        let labels = labels
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| pair(name, value));
        let mut sample = Sample::from_label(labels.collect());
        match self.metric.kind {
            Kind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(value.into());
                sample.set_gauge(gauge);
            }
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value.into());
                sample.set_counter(counter);
            }
        }
        self.samples.push(sample);
    }
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}
