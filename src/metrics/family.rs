//! From the catalogue to families of series: label names come from the catalogue, values from what is published.

use prometheus::proto::{MetricFamily, MetricType};

use super::catalog;
use super::series::{Kind, Metric, Series, Source};
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
    let mut series = Series::of(metric);
    match metric.source {
        Source::Agent(read) => read(reload, &mut series),
        Source::Server(read) => {
            for server in servers {
                series.begin(server);
                read(server, &mut series);
            }
        }
        Source::Statistics(column) => {
            for server in servers {
                series.begin(server);
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
    family.set_metric(series.into_samples());
    family
}

fn statistics(server: &Server, column: fn(&DatabaseStats) -> Option<f64>, series: &mut Series) {
    for view in server.databases() {
        if let Some(row) = &view.stats {
            series.put_known([&*row.oid.to_string(), &*view.row.name], column(row));
        }
    }
}
