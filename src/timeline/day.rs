//! One database or one resource over 24 hours, as charts show it. It reads the history in place: a page shows a hundred of them.

use super::MINUTES;
use super::chunk::{Chunk, Minute};

/// The figures of one database.
#[derive(Debug, Clone)]
pub(crate) struct Day<'a> {
    /// The first minute of the 24 hours.
    begin: u32,
    /// By time, each with the index of the database in it.
    chunks: Vec<(&'a Chunk, usize)>,
}

/// What a list shows of a day.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct DaySummary {
    /// How many minutes are known.
    pub(crate) minutes: usize,
    pub(crate) peak: Option<u32>,
    pub(crate) exhausted_seconds: f64,
    /// The last size less the first one, in bytes. None: there are no two sizes.
    pub(crate) growth: Option<f64>,
    /// The most connections in each of some equal parts of the day.
    pub(crate) peaks: Vec<Option<f64>>,
}

impl<'a> Day<'a> {
    /// None: no minute of the day is known.
    pub(super) fn of(
        chunks: impl Iterator<Item = &'a Chunk>,
        name: &str,
        now: u32,
    ) -> Option<Self> {
        let chunks = chunks.filter_map(|chunk| Some((chunk, chunk.index_of(name)?)));
        let day = Self {
            begin: now.saturating_sub(MINUTES),
            chunks: chunks.collect(),
        };
        let is_known = day.rows().next().is_some();
        is_known.then_some(day)
    }

    /// By time; minutes that are missing are unknown.
    fn rows(&self) -> impl Iterator<Item = (u32, Minute)> {
        let day = self.begin..self.begin + MINUTES;
        let chunks = self.chunks.iter();
        let rows = chunks.flat_map(|(chunk, index)| chunk.database(*index));
        rows.filter(move |(minute, _)| day.contains(minute))
    }

    pub(crate) fn summary(&self, parts: u32) -> DaySummary {
        let mut summary = DaySummary {
            peaks: vec![None; parts as usize],
            ..DaySummary::default()
        };
        let (mut first, mut last) = (None, None);
        for (minute, figures) in self.rows() {
            let peak = figures.peak();
            summary.minutes += 1;
            summary.peak = summary.peak.max(peak);
            summary.exhausted_seconds += figures.exhausted().unwrap_or(0.0);
            if let Some(size) = figures.size() {
                last = first.map(|_| size);
                first = first.or(Some(size));
            }
            let at = part(minute - self.begin, parts);
            raise(&mut summary.peaks[at], peak.map(f64::from));
        }
        summary.growth = last.zip(first).map(|(last, first)| last - first);
        summary
    }

    /// Divides the day into `parts` of equal length, and returns the maximum in each. None: nothing is known of that part.
    pub(crate) fn maxima(
        &self,
        parts: u32,
        value: impl Fn(Minute) -> Option<f64>,
    ) -> Vec<Option<f64>> {
        let values = self.rows().map(|(minute, it)| (minute, value(it)));
        maxima(self.begin, parts, values)
    }
}

/// As [`Day::maxima`], of the shares of one resource. None: no minute of the day is known.
pub(super) fn shares<'a>(
    chunks: impl Iterator<Item = &'a Chunk>,
    name: &str,
    now: u32,
    parts: u32,
) -> Option<Vec<Option<f64>>> {
    let begin = now.saturating_sub(MINUTES);
    let values = chunks.flat_map(|chunk| chunk.resource(name));
    let values = values.filter(|(minute, _)| (begin..begin + MINUTES).contains(minute));
    let maxima = maxima(begin, parts, values.map(|(minute, it)| (minute, Some(it))));
    maxima.iter().any(Option::is_some).then_some(maxima)
}

fn maxima(
    begin: u32,
    parts: u32,
    values: impl Iterator<Item = (u32, Option<f64>)>,
) -> Vec<Option<f64>> {
    let mut all = vec![None; parts as usize];
    for (minute, value) in values {
        raise(&mut all[part(minute - begin, parts)], value);
    }
    all
}

fn part(minute: u32, parts: u32) -> usize {
    (minute * parts / MINUTES) as usize
}

fn raise(most: &mut Option<f64>, value: Option<f64>) {
    if let Some(value) = value {
        *most = Some(most.map_or(value, |it| it.max(value)));
    }
}
