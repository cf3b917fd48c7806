//! The text is the same as the `prometheus` crate writes for the same series.

use prometheus::TextEncoder;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use proptest::prelude::*;

use crate::metrics::series::{Kind, Series, Source, metric};

/// The text that the `prometheus` crate writes.
fn library(kind: Kind, help: &str, labels: &[(&str, &str)], value: f64) -> String {
    let pairs = labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).into());
        pair.set_value((*value).into());
        pair
    });
    let mut sample = Metric::from_label(pairs.collect());
    let mut family = MetricFamily::default();
    match kind {
        Kind::Gauge => {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            sample.set_gauge(gauge);
            family.set_field_type(MetricType::GAUGE);
        }
        Kind::Counter => {
            let mut counter = Counter::default();
            counter.set_value(value);
            sample.set_counter(counter);
            family.set_field_type(MetricType::COUNTER);
        }
    }
    family.set_name("pg_example".into());
    family.set_help(help.into());
    family.set_metric(vec![sample]);
    TextEncoder::new()
        .encode_to_string(&[family])
        .expect("the family can be encoded")
}

fn ours(kind: Kind, help: &str, labels: [(&'static str, &str); 2], value: f64) -> String {
    let names = Box::leak(Box::new(labels.map(|(name, _)| name)));
    let help = Box::leak(help.to_owned().into_boxed_str());
    let source = Source::Agent(|_, _| {});
    let metric = Box::leak(Box::new(metric("pg_example", kind, names, help, source)));
    let mut series = Series::default();
    series.start(metric);
    series.put(labels.map(|(_, value)| value), value);
    series.text().to_owned()
}

proptest! {
    #[test]
    fn a_series_is_written_as_the_library_writes_it(
        is_gauge: bool, help in ".+", first in ".+", second in ".+",
        value in prop_oneof![any::<f64>(), any::<i64>().prop_map(|value| value as f64), any::<i32>().prop_map(f64::from)],
    ) {
        let kind = if is_gauge { Kind::Gauge } else { Kind::Counter };
        let labels = [("datname", first.as_str()), ("mode", second.as_str())];
        prop_assert_eq!(ours(kind, &help, labels, value), library(kind, &help, &labels, value));
    }
}

#[test]
fn numbers_at_the_edges_are_written_as_the_library_writes_them() {
    let edges = [
        0.0,
        -0.0,
        1e15,
        9_007_199_254_740_992.0,
        -9_007_199_254_740_993.0,
        1e21,
        1e-7,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    for value in edges {
        let labels = [("datname", "a\\b\"c\nd"), ("mode", "é")];
        assert_eq!(
            ours(Kind::Gauge, "A \"help\"\\\n.", labels, value),
            library(Kind::Gauge, "A \"help\"\\\n.", &labels, value)
        );
    }
}
