//! Where each number comes from: the query, and what the API answered.

use std::fmt::Write as _;

use serde::Serialize;

use crate::names::escape_for_terminal;
use crate::prometheus_api::{Question, Series};

/// How many series of one answer are shown.
const MOST_SERIES: usize = 50;

/// A query and its answer.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    query: String,
    /// Seconds since the epoch. For a range also its start, and the length of a step.
    start: Option<f64>,
    end: f64,
    step: Option<u32>,
    /// How many series the answer has.
    count: usize,
    /// The first of them.
    series: Vec<Answer>,
}

#[derive(Debug, Serialize)]
struct Answer {
    labels: std::collections::BTreeMap<String, String>,
    points: usize,
    least: f64,
    most: f64,
    /// When the largest value was measured first.
    most_at: f64,
    last: f64,
}

impl Explained {
    pub(super) fn of(question: Question, series: &[Series]) -> Self {
        let (query, start, end, step) = match question {
            Question::At { query, time } => (query, None, time, None),
            Question::Over {
                query,
                start,
                end,
                step,
            } => (query, Some(start), end, Some(step)),
        };
        Self {
            query,
            start,
            end,
            step,
            count: series.len(),
            series: series.iter().take(MOST_SERIES).map(Answer::of).collect(),
        }
    }

    pub(super) fn render(&self, text: &mut String) {
        let _ = writeln!(text, "  {}", escape_for_terminal(&self.query));
        let range = match (self.start, self.step) {
            (Some(start), Some(step)) => {
                format!("from {start} to {} in steps of {step} s", self.end)
            }
            _ => format!("at {}", self.end),
        };
        let _ = writeln!(text, "    {range}: {} series", self.count);
        for answer in &self.series {
            let labels = answer
                .labels
                .iter()
                .map(|(name, value)| format!("{name}={value:?}"));
            let labels = labels.collect::<Vec<_>>().join(", ");
            let values = if self.step.is_some() {
                format!(
                    "{} points, {} to {} (first at {}), last {}",
                    answer.points, answer.least, answer.most, answer.most_at, answer.last
                )
            } else {
                answer.last.to_string()
            };
            let line = format!("    {{{labels}}} {values}");
            let _ = writeln!(text, "{}", escape_for_terminal(&line));
        }
        if self.count > self.series.len() {
            let _ = writeln!(text, "    and {} more", self.count - self.series.len());
        }
    }
}

impl Answer {
    fn of(series: &Series) -> Self {
        let values = series.points.iter().map(|(_, value)| *value);
        let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
        let at = series.points.iter().find(|(_, value)| *value >= most);
        Self {
            labels: series.labels.clone(),
            points: series.points.len(),
            least: values.fold(f64::INFINITY, f64::min),
            most,
            most_at: at.map_or(f64::NAN, |(time, _)| *time),
            last: series.last(),
        }
    }
}
