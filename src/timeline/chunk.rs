//! Rows of up to an hour that have the same databases and resources, in a few bytes each. A value that is unknown has a code of
//! its own.

use std::sync::Arc;

use super::SIZE_STEP;

/// The code of what is unknown.
const UNKNOWN: u8 = u8::MAX;
const UNKNOWN_COUNT: u16 = u16::MAX;
/// Time is kept in quarters of a second, and a share in 1/10,000.
const QUARTERS: f64 = 4.0;
const SHARES: f64 = 10_000.0;
/// A load has 16 codes for each power of two, from 1/8 of a session.
const CODES: f64 = 16.0;
const LEAST: f64 = 8.0;

/// What one minute had of one database. None: unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figures {
    /// The most connections that a poll saw.
    pub(super) peak: Option<u32>,
    /// Seconds without a free connection; to a quarter of a second.
    pub(super) exhausted: Option<f64>,
    /// How many sessions worked, on average; to 4 %.
    pub(super) active: Option<f64>,
    /// In bytes; every ten minutes.
    pub(super) size: Option<f64>,
}

/// The figures of one minute that has ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    /// Minutes since the epoch.
    pub(super) minute: u32,
    /// By name.
    pub(super) databases: Vec<(String, Figures)>,
    /// Used / limit, by name.
    pub(super) resources: Vec<(String, f64)>,
}

/// Without the size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub(super) peak: u16,
    pub(super) exhausted: u8,
    pub(super) active: u8,
}

/// Columns are not kept apart: the rows follow each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Chunk {
    pub(super) names: Arc<Names>,
    pub(super) minutes: Vec<u32>,
    /// One for each minute and database.
    pub(super) cells: Vec<Cell>,
    /// One for each minute and resource.
    pub(super) shares: Vec<u16>,
    /// One for each database, in the minutes that have sizes. Not a number: unknown.
    pub(super) sizes: Vec<f32>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Names {
    pub(super) databases: Vec<String>,
    pub(super) resources: Vec<String>,
}

impl Names {
    fn of(row: &Row) -> Self {
        let databases = row.databases.iter().map(|(name, _)| name.clone());
        let resources = row.resources.iter().map(|(name, _)| name.clone());
        Self {
            databases: databases.collect(),
            resources: resources.collect(),
        }
    }

    fn are_of(&self, row: &Row) -> bool {
        let databases = row.databases.iter().map(|(name, _)| name);
        let resources = row.resources.iter().map(|(name, _)| name);
        self.databases.iter().eq(databases) && self.resources.iter().eq(resources)
    }
}

fn has_sizes(minute: u32) -> bool {
    minute.is_multiple_of(SIZE_STEP)
}

impl Chunk {
    /// The first row. Names are shared with the chunk before, if they are the same.
    pub(super) fn of(row: &Row, before: Option<&Self>) -> Self {
        let same = before.filter(|before| before.names.are_of(row));
        let names = same.map(|before| Arc::clone(&before.names));
        let mut chunk = Self {
            names: names.unwrap_or_else(|| Arc::new(Names::of(row))),
            ..Self::default()
        };
        chunk.push(row);
        chunk
    }

    pub(super) fn databases(&self) -> &[String] {
        &self.names.databases
    }

    pub(super) fn first(&self) -> u32 {
        self.minutes.first().copied().unwrap_or(0)
    }

    pub(super) fn last(&self) -> u32 {
        self.minutes.last().copied().unwrap_or(0)
    }

    /// Whether the row is of the same hour and has the same names.
    pub(super) fn accepts(&self, row: &Row) -> bool {
        self.first() / 60 == row.minute / 60 && self.names.are_of(row)
    }

    pub(super) fn push(&mut self, row: &Row) {
        // Exactly: the chunk is copied for every row, because the last one was published.
        self.minutes.reserve_exact(1);
        self.cells.reserve_exact(row.databases.len());
        self.shares.reserve_exact(row.resources.len());
        self.minutes.push(row.minute);
        let figures = row.databases.iter().map(|(_, figures)| figures);
        self.cells.extend(figures.clone().map(Cell::from));
        if has_sizes(row.minute) {
            self.sizes.reserve_exact(row.databases.len());
            self.sizes.extend(figures.map(|it| size_code(it.size)));
        }
        let shares = row.resources.iter().map(|(_, share)| share_code(*share));
        self.shares.extend(shares);
    }

    /// Removes this minute and all later ones.
    pub(super) fn truncate(&mut self, minute: u32) {
        let rows = self.minutes.partition_point(|it| *it < minute);
        let sized = self.minutes[..rows].iter().filter(|it| has_sizes(**it));
        let sized = sized.count();
        self.minutes.truncate(rows);
        self.cells.truncate(rows * self.names.databases.len());
        self.sizes.truncate(sized * self.names.databases.len());
        self.shares.truncate(rows * self.names.resources.len());
    }

    /// Where the database is among the names, which are sorted.
    pub(super) fn index_of(&self, database: &str) -> Option<usize> {
        let names = &self.names.databases;
        names
            .binary_search_by(|name| name.as_str().cmp(database))
            .ok()
    }

    /// The minutes of one database, by its index.
    pub(super) fn database(&self, index: usize) -> impl Iterator<Item = (u32, Minute)> {
        let count = self.names.databases.len();
        let mut sizes = self.sizes.iter().skip(index).step_by(count);
        let cells = self.cells.iter().skip(index).step_by(count);
        self.minutes.iter().zip(cells).map(move |(minute, cell)| {
            let size = has_sizes(*minute).then(|| sizes.next()).flatten();
            let size = size.copied().filter(|size| size.is_finite());
            (*minute, Minute { cell: *cell, size })
        })
    }

    /// The minutes with the share of one resource.
    pub(super) fn resource(&self, name: &str) -> impl Iterator<Item = (u32, f64)> {
        let names = &self.names.resources;
        let index = names.iter().position(|it| it == name);
        let shares = self.shares.iter().skip(index.unwrap_or(usize::MAX));
        let shares = shares.step_by(names.len().max(1));
        let shares = shares.map(|share| f64::from(*share) / SHARES);
        self.minutes.iter().copied().zip(shares)
    }

    /// Whether the lengths fit each other, as those of a file may not.
    pub(super) fn is_consistent(&self) -> bool {
        let (rows, databases) = (self.minutes.len(), self.names.databases.len());
        let sized = self.minutes.iter().filter(|it| has_sizes(**it)).count();
        rows > 0
            && self.minutes.is_sorted_by(|a, b| a < b)
            && self.names.databases.is_sorted_by(|a, b| a < b)
            && self.cells.len() == rows * databases
            && self.sizes.len() == sized * databases
            && self.shares.len() == rows * self.names.resources.len()
    }
}

impl From<&Figures> for Cell {
    fn from(figures: &Figures) -> Self {
        let peak = figures
            .peak
            .map(|peak| u16::try_from(peak).unwrap_or(u16::MAX));
        let exhausted = figures.exhausted.map(|seconds| code(seconds * QUARTERS));
        let active = figures
            .active
            .map(|active| code((active * LEAST + 1.0).log2() * CODES));
        Self {
            peak: peak.map_or(UNKNOWN_COUNT, |peak| peak.min(UNKNOWN_COUNT - 1)),
            exhausted: exhausted.unwrap_or(UNKNOWN),
            active: active.unwrap_or(UNKNOWN),
        }
    }
}

/// One minute of one database, as it is kept. None: unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Minute {
    pub(super) cell: Cell,
    pub(super) size: Option<f32>,
}

impl Minute {
    /// The most connections that a poll saw.
    pub(crate) fn peak(self) -> Option<u32> {
        let peak = self.cell.peak;
        (peak != UNKNOWN_COUNT).then(|| u32::from(peak))
    }

    /// Seconds without a free connection.
    pub(crate) fn exhausted(self) -> Option<f64> {
        known(self.cell.exhausted).map(|quarters| quarters / QUARTERS)
    }

    /// How many sessions worked, on average.
    pub(crate) fn active(self) -> Option<f64> {
        known(self.cell.active).map(|code| ((code / CODES).exp2() - 1.0) / LEAST)
    }

    /// In bytes.
    pub(crate) fn size(self) -> Option<f64> {
        self.size.map(f64::from)
    }
}

fn known(code: u8) -> Option<f64> {
    (code != UNKNOWN).then(|| f64::from(code))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is below 255 and not negative"
)]
fn code(value: f64) -> u8 {
    value.round().clamp(0.0, f64::from(UNKNOWN - 1)) as u8
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is below 65,536 and not negative"
)]
fn share_code(share: f64) -> u16 {
    (share * SHARES).round().clamp(0.0, f64::from(u16::MAX)) as u16
}

#[expect(clippy::cast_possible_truncation, reason = "a size to 7 digits")]
fn size_code(size: Option<f64>) -> f32 {
    size.map_or(f32::NAN, |size| size as f32)
}
