//! A row of the catalogue, and the series that it defines: label names from the row, values from the published state.

use std::collections::BTreeMap;

use super::AgentState;
use super::text;
use crate::sample::DatabaseStats;
use crate::state::Server;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Counter,
}

impl Kind {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// Where the value comes from. All series but those of `Agent` have the label `server` first.
pub(super) enum Source {
    Agent(fn(&AgentState, &mut Series)),
    Server(fn(&Server, &mut Series)),
    /// One column of `pg_stat_database`, for each database.
    Statistics(fn(&DatabaseStats) -> Option<f64>),
    /// A family for each setting of a server. The row documents all of them.
    Settings,
}

pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The labels besides `server`.
    pub(super) labels: &'static [&'static str],
    /// Must state when the series is absent.
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

/// The series of one metric, in the text format.
#[derive(Default)]
pub(super) struct Series {
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    kind: &'static str,
    /// The encoded label `server`.
    server: String,
    text: String,
}

impl Series {
    /// Begins another metric and clears the text.
    pub(super) fn start(&mut self, metric: &'static Metric) {
        (self.name, self.labels) = (metric.name, metric.labels);
        (self.help, self.kind) = (metric.help, metric.kind.label());
        self.server.clear();
        self.text.clear();
    }

    /// Begins the series of a server.
    pub(super) fn begin(&mut self, server: &Server) {
        self.server.clear();
        text::label(&mut self.server, "server", &server.name);
    }

    /// Empty if there is no series.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Adds a series. The values are in the order of the catalogue's labels; a label with an empty value is left out.
    pub(super) fn put<const N: usize>(&mut self, values: [&str; N], value: impl Into<f64>) {
        self.put_with(values, &BTreeMap::new(), value);
    }

    /// Adds a series, unless its value is unknown.
    pub(super) fn put_known<const N: usize>(
        &mut self,
        values: [&str; N],
        value: Option<impl Into<f64>>,
    ) {
        if let Some(value) = value {
            self.put(values, value);
        }
    }

    /// Adds a series with configured labels.
    pub(super) fn put_with<const N: usize>(
        &mut self,
        values: [&str; N],
        free: &BTreeMap<String, String>,
        value: impl Into<f64>,
    ) {
        debug_assert_eq!(N, self.labels.len(), "labels of {}", self.name);
        self.begin_line();
        let fixed = self.labels.iter().copied().zip(values);
        let free = free
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let mut mark = '{';
        if !self.server.is_empty() {
            self.text.push(mark);
            self.text.push_str(&self.server);
            mark = ',';
        }
        for (name, value) in fixed.chain(free).filter(|(_, value)| !value.is_empty()) {
            self.text.push(mark);
            text::label(&mut self.text, name, value);
            mark = ',';
        }
        self.text.push_str(if mark == ',' { "} " } else { " " });
        self.end_line(value.into());
    }

    /// Adds a series with encoded labels, including `server` and the blank after the labels.
    pub(super) fn put_written(&mut self, labels: &str, value: f64) {
        self.begin_line();
        self.text.push_str(labels);
        self.end_line(value);
    }

    fn begin_line(&mut self) {
        if self.text.is_empty() {
            text::head(&mut self.text, self.name, self.help, self.kind);
        }
        self.text.push_str(self.name);
    }

    fn end_line(&mut self, value: f64) {
        text::number(&mut self.text, value);
        self.text.push('\n');
    }
}
