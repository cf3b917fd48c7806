//! One database or one resource over 24 hours, as charts show it.

use super::MINUTES;
use super::chunk::Figures;

/// The figures of one database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Day {
    /// The first minute of the 24 hours.
    begin: u32,
    /// By time; minutes that are missing are unknown.
    rows: Vec<(u32, Figures)>,
}

impl Day {
    pub(super) fn of(
        chunks: impl Iterator<Item = Option<Vec<(u32, Figures)>>>,
        now: u32,
    ) -> Option<Self> {
        let begin = now.saturating_sub(MINUTES);
        let mut rows: Vec<_> = chunks.flatten().flatten().collect();
        rows.retain(|(minute, _)| (begin..now).contains(minute));
        (!rows.is_empty()).then_some(Self { begin, rows })
    }

    /// A whole day with these numbers of connections.
    #[cfg(test)]
    pub(crate) fn of_test(peak: impl Fn(u32) -> u32) -> Option<Self> {
        let row = |minute| {
            let figures = Figures {
                peak: Some(peak(minute)),
                ..Figures::default()
            };
            (minute, figures)
        };
        Self::of(
            std::iter::once(Some((0..MINUTES).map(row).collect())),
            MINUTES,
        )
    }

    /// How many minutes are known.
    pub(crate) fn minutes(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn peak(&self) -> Option<u32> {
        self.rows.iter().filter_map(|(_, it)| it.peak).max()
    }

    pub(crate) fn exhausted_seconds(&self) -> f64 {
        self.rows.iter().filter_map(|(_, it)| it.exhausted).sum()
    }

    /// The last size less the first one, in bytes. None: there are no two sizes.
    pub(crate) fn growth(&self) -> Option<f64> {
        let mut sizes = self.rows.iter().filter_map(|(_, it)| it.size);
        let first = sizes.next()?;
        Some(sizes.next_back()? - first)
    }

    /// The maximum in each of so many equal parts of the 24 hours. None: nothing is known of that part.
    pub(crate) fn maxima(
        &self,
        parts: u32,
        value: impl Fn(&Figures) -> Option<f64>,
    ) -> Vec<Option<f64>> {
        let values = self.rows.iter();
        maxima(
            self.begin,
            parts,
            values.filter_map(|(minute, it)| Some((*minute, value(it)?))),
        )
    }
}

/// The shares of one resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shares {
    begin: u32,
    rows: Vec<(u32, f64)>,
}

impl Shares {
    pub(super) fn of(
        chunks: impl Iterator<Item = Option<Vec<(u32, f64)>>>,
        now: u32,
    ) -> Option<Self> {
        let begin = now.saturating_sub(MINUTES);
        let mut rows: Vec<_> = chunks.flatten().flatten().collect();
        rows.retain(|(minute, _)| (begin..now).contains(minute));
        (!rows.is_empty()).then_some(Self { begin, rows })
    }

    /// A whole day that changes all the time.
    #[cfg(test)]
    pub(crate) fn of_test() -> Option<Self> {
        let rows = (0..MINUTES).map(|minute| (minute, f64::from(minute / 20 % 20) / 20.0));
        Self::of(std::iter::once(Some(rows.collect())), MINUTES)
    }

    /// As [`Day::maxima`].
    pub(crate) fn maxima(&self, parts: u32) -> Vec<Option<f64>> {
        maxima(self.begin, parts, self.rows.iter().copied())
    }
}

fn maxima(begin: u32, parts: u32, values: impl Iterator<Item = (u32, f64)>) -> Vec<Option<f64>> {
    let mut all: Vec<Option<f64>> = vec![None; parts as usize];
    for (minute, value) in values {
        let part = (minute - begin) * parts / MINUTES;
        let most = &mut all[part as usize];
        *most = Some(most.map_or(value, |it| it.max(value)));
    }
    all
}
