//! From the catalogue to families of series: label names come from the catalogue, values from what is published.

use std::io::{self, Write};

use super::catalog;
use super::series::{Metric, Series, Source};
use crate::sample::DatabaseStats;
use crate::state::{Reload, Server};

/// Writes every family that has a series, one after the other: only the text of one is in memory.
pub(super) fn families(
    servers: &[&Server],
    reload: &Reload,
    page: &mut dyn Write,
) -> io::Result<()> {
    let mut series = Series::default();
    for metric in catalog::all() {
        series.start(metric);
        fill(&mut series, metric, servers, reload);
        page.write_all(series.text().as_bytes())?;
    }
    Ok(())
}

fn fill(series: &mut Series, metric: &'static Metric, servers: &[&Server], reload: &Reload) {
    match metric.source {
        Source::Agent(read) => read(reload, series),
        Source::Server(read) => {
            for server in servers {
                series.begin(server);
                read(server, series);
            }
        }
        Source::Statistics(column) => {
            for server in servers {
                series.begin(server);
                statistics(server, column, series);
            }
        }
    }
}

fn statistics(server: &Server, column: fn(&DatabaseStats) -> Option<f64>, series: &mut Series) {
    for view in server.databases() {
        if let Some(row) = &view.stats {
            series.put_known([&*row.oid.to_string(), &*view.row.name], column(row));
        }
    }
}
