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
    let mut text = String::new();
    for metric in catalog::all() {
        text = family(metric, servers, reload, text);
        page.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn family(metric: &'static Metric, servers: &[&Server], reload: &Reload, place: String) -> String {
    let mut series = Series::of(metric, place);
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
    series.into_text()
}

fn statistics(server: &Server, column: fn(&DatabaseStats) -> Option<f64>, series: &mut Series) {
    for view in server.databases() {
        if let Some(row) = &view.stats {
            series.put_known([&*row.oid.to_string(), &*view.row.name], column(row));
        }
    }
}
