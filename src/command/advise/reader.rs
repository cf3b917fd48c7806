//! Asks the API one query after the other, checks the values, and keeps what was asked and answered for `--explain`.

use std::ops::RangeInclusive;

use anyhow::{Context as _, anyhow};

use super::explain::Explained;
use crate::names::escape_for_terminal;
use crate::prometheus_api::{PrometheusApi, Question, Series};

/// `MAX_BACKENDS` of PostgreSQL.
pub(super) const CONNECTIONS: RangeInclusive<f64> = 0.0..=262_143.0;
/// Bytes: more than any volume has.
pub(super) const BYTES: RangeInclusive<f64> = 0.0..=1e18;
/// Anything that a counter or a ratio can be.
pub(super) const ANY: RangeInclusive<f64> = 0.0..=1e18;

/// Prometheus answers at most 11,000 points of a series.
const MOST_POINTS: f64 = 10_000.0;

pub(super) struct Reader {
    api: PrometheusApi,
    /// The window, in seconds since the epoch. Its end is the end of an hour, and may be in the future.
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) now: f64,
    pub(super) explained: Vec<Explained>,
}

impl Reader {
    pub(super) fn new(api: PrometheusApi, now: f64, days: u32) -> Self {
        let hour = 3600.0;
        let end = (now / hour).ceil() * hour;
        Self {
            api,
            start: end - f64::from(days) * 24.0 * hour,
            end,
            now,
            explained: Vec::new(),
        }
    }

    /// The scheme, host and port of the API.
    pub(super) fn origin(&self) -> String {
        self.api.origin()
    }

    /// A step that is `least` seconds, or longer in a long window.
    pub(super) fn step(&self, least: u32) -> u32 {
        let mut step = least;
        while (self.end - self.start) / f64::from(step) > MOST_POINTS {
            step *= 2;
        }
        step
    }

    /// The values of each step of the window. `within` is what they may be.
    pub(super) async fn over(
        &mut self,
        query: String,
        step: u32,
        within: &RangeInclusive<f64>,
    ) -> anyhow::Result<Vec<Series>> {
        let question = Question::Over {
            query,
            start: self.start + f64::from(step),
            end: self.end,
            step,
        };
        self.ask(question, within).await
    }

    /// The values at one time.
    pub(super) async fn at(
        &mut self,
        query: String,
        time: f64,
        within: &RangeInclusive<f64>,
    ) -> anyhow::Result<Vec<Series>> {
        self.ask(Question::At { query, time }, within).await
    }

    async fn ask(
        &mut self,
        question: Question,
        within: &RangeInclusive<f64>,
    ) -> anyhow::Result<Vec<Series>> {
        let series = self.api.ask(&question).await?;
        for one in &series {
            if let Some((_, value)) = one.points.iter().find(|(_, value)| !within.contains(value)) {
                let origin = self.api.origin();
                let query = escape_for_terminal(question.query());
                let (least, most) = (within.start(), within.end());
                return Err(anyhow!("{value} is not from {least} to {most}"))
                    .with_context(|| format!("the answer of {origin} to {query} cannot be used"));
            }
        }
        self.explained.push(Explained::of(question, &series));
        Ok(series)
    }
}
