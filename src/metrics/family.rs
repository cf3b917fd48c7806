//! Writes the families of the catalogue: label names come from the catalogue, values from the published state.

use std::io::{self, Write};

use super::AgentState;
use super::catalog;
use super::series::{Metric, Series, Source};
use super::settings;
use super::text;
use crate::sample::DatabaseStats;
use crate::state::Server;

/// Writes every family that has a series, one after another: only one is in memory at a time.
pub(super) fn families(
    servers: &[&Server],
    agent: &AgentState,
    page: &mut dyn Write,
) -> io::Result<()> {
    let (mut series, rows) = (Series::default(), Rows::of(servers));
    for metric in catalog::all() {
        if let Source::Settings = metric.source {
            settings::families(servers, page)?;
            continue;
        }
        series.start(metric);
        fill(&mut series, metric, servers, agent, &rows);
        page.write_all(series.text().as_bytes())?;
    }
    Ok(())
}

fn fill(
    series: &mut Series,
    metric: &'static Metric,
    servers: &[&Server],
    agent: &AgentState,
    rows: &Rows<'_>,
) {
    match metric.source {
        Source::Agent(read) => read(agent, series),
        Source::Server(read) => {
            for server in servers {
                series.begin(server);
                read(server, series);
            }
        }
        Source::Statistics(column) => rows.fill(column, series),
        Source::Settings => {}
    }
}

/// The statistics of all databases, each with its encoded labels. Nineteen families, two thirds of a page, have the same labels.
struct Rows<'a> {
    labels: String,
    /// Each row with the end of its labels in `labels`.
    rows: Vec<(&'a DatabaseStats, usize)>,
}

impl<'a> Rows<'a> {
    fn of(servers: &[&'a Server]) -> Self {
        let mut all = Self {
            labels: String::new(),
            rows: Vec::new(),
        };
        for server in servers {
            for view in server.databases() {
                if let Some(row) = &view.stats {
                    text::labels_of_statistics(
                        &mut all.labels,
                        &server.name,
                        row.oid,
                        &view.row.name,
                    );
                    all.rows.push((row, all.labels.len()));
                }
            }
        }
        all
    }

    fn fill(&self, column: fn(&DatabaseStats) -> Option<f64>, series: &mut Series) {
        let mut from = 0;
        for &(row, to) in &self.rows {
            if let Some(value) = column(row) {
                series.put_written(&self.labels[from..to], value);
            }
            from = to;
        }
    }
}
