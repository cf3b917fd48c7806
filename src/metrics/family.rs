//! From the catalogue to families of series: label names come from the catalogue, values from what is published.

use std::collections::BTreeMap;

use prometheus::proto::{Counter, Gauge, LabelPair, Metric as Sample, MetricFamily, MetricType};

use super::catalog::{self, Kind, Metric, Source};
use crate::sample::DatabaseStats;
use crate::state::{Reload, Server};

/// Every family that has a series.
pub(super) fn families(servers: &[&Server], reload: &Reload) -> Vec<MetricFamily> {
    catalog::all()
        .map(|metric| family(metric, servers, reload))
        .filter(|family| !family.get_metric().is_empty())
        .collect()
}

fn family(metric: &'static Metric, servers: &[&Server], reload: &Reload) -> MetricFamily {
    let mut series = Series {
        metric,
        server: None,
        samples: Vec::new(),
    };
    match metric.source {
        Source::Agent(read) => read(reload, &mut series),
        Source::Server(read) => {
            for server in servers {
                series.server = Some(server.name.clone());
                read(server, &mut series);
            }
        }
        Source::Statistics(column) => {
            for server in servers {
                series.server = Some(server.name.clone());
                statistics(server, column, &mut series);
            }
        }
    }
    let mut family = MetricFamily::default();
    family.set_name(metric.name.to_owned());
    family.set_help(metric.help.to_owned());
    family.set_field_type(match metric.kind {
        Kind::Gauge => MetricType::GAUGE,
        Kind::Counter => MetricType::COUNTER,
    });
    family.set_metric(series.samples);
    family
}

fn statistics(server: &Server, column: fn(&DatabaseStats) -> Option<f64>, series: &mut Series) {
    for view in catalog::databases(server) {
        if let Some(row) = &view.stats {
            series.put_known([&*row.oid.to_string(), &*view.row.name], column(row));
        }
    }
}

/// The series of one metric, as they are found.
pub(super) struct Series {
    metric: &'static Metric,
    server: Option<String>,
    samples: Vec<Sample>,
}

impl Series {
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
