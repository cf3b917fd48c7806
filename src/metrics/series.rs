//! A row of the catalogue, and the series that come of it: label names from the row, values from what is published.

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

/// Where the value comes from, and whether the label `server` stands first.
pub(super) enum Source {
    Agent(fn(&AgentState, &mut Series)),
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

/// The series of one metric, as they are found, in the text of the page.
#[derive(Default)]
pub(super) struct Series {
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    kind: &'static str,
    /// The label `server`, as it is written.
    server: String,
    text: String,
}

impl Series {
    /// What follows is of this metric; what was there is forgotten.
    pub(super) fn start(&mut self, metric: &'static Metric) {
        (self.name, self.labels) = (metric.name, metric.labels);
        (self.help, self.kind) = (metric.help, metric.kind.label());
        self.server.clear();
        self.text.clear();
    }

    /// What follows is of this server.
    pub(super) fn begin(&mut self, server: &Server) {
        self.server.clear();
        text::label(&mut self.server, "server", &server.name);
    }

    /// Empty if there is no series.
    pub(super) fn text(&self) -> &str {
        &self.text
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

    /// With labels as they are written, `server` and the blank after them included.
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
