//! The rows of each workspace, summed up over the tables of a database.

use std::collections::BTreeMap;
use std::time::Duration;

use super::label::label;
use super::{OTHER, SERIES, is_too_many};
use crate::sample::probe::{WorkspaceStatistics, WorkspaceTable};
use crate::series::slots::SeriesSlots;

/// What is known of one table that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TableState {
    /// It has statistics of its column.
    Estimated,
    /// It has no rows.
    Empty,
    /// It has rows and no statistics.
    NotAnalysed,
    /// The role may not read its column, or row security applies.
    NotReadable,
}

impl TableState {
    pub(crate) const ALL: [Self; 4] = [
        Self::Estimated,
        Self::Empty,
        Self::NotAnalysed,
        Self::NotReadable,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::Empty => "empty",
            Self::NotAnalysed => "not_analysed",
            Self::NotReadable => "not_readable",
        }
    }

    fn of(table: &WorkspaceTable) -> Self {
        if !table.is_readable {
            Self::NotReadable
        } else if table.has_statistics {
            Self::Estimated
        } else if table.is_empty {
            Self::Empty
        } else {
            Self::NotAnalysed
        }
    }
}

/// Why the workspaces of a database are unknown. A table by `schema.table`: the first one of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unknown {
    NoTable,
    TooManyTables,
    NotReadable(String),
    NotAnalysed(String),
}

impl Unknown {
    /// In one line, after the name of the database.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::NoTable => "no table matches, or none has the column".to_owned(),
            Self::TooManyTables => "more than 2000 tables match".to_owned(),
            Self::NotReadable(table) => format!(
                "the role may not read the column of {table}, or row security hides its rows"
            ),
            Self::NotAnalysed(table) => format!("{table} has rows and was never analysed"),
        }
    }
}

/// The workspaces of one database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Workspaces {
    /// How many tables are in each state.
    pub(crate) tables: BTreeMap<TableState, usize>,
    pub(crate) estimate: Result<Estimate, Unknown>,
}

/// The rows of the tables that match.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Estimate {
    /// By the label of the workspace, and of the rest as [`OTHER`], which has also the rows without a workspace.
    pub(crate) workspaces: BTreeMap<String, Amount>,
    /// The oldest ANALYZE that it rests on, in seconds since the epoch. None: that of one table is unknown.
    pub(crate) analysed: Option<f64>,
    /// Rows that were written since.
    pub(crate) written: u64,
}

/// What one workspace has.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Amount {
    pub(crate) rows: f64,
    /// None: not counted.
    pub(crate) bytes: Option<f64>,
}

impl Workspaces {
    pub(super) fn of(read: &WorkspaceStatistics, slots: &mut SeriesSlots, now: Duration) -> Self {
        let mut tables: BTreeMap<_, usize> = TableState::ALL.map(|state| (state, 0)).into();
        for table in &read.tables {
            *tables.entry(TableState::of(table)).or_default() += 1;
        }
        let estimate = is_known(read).map(|()| {
            let all = labelled(read);
            let names = largest_first(&all);
            slots.assign(now, SERIES, &names);
            estimate(read, &all, |name| slots.has(name))
        });
        Self { tables, estimate }
    }
}

/// The same of a scan, without a limit of the names. Bytes are unknown if those of one table are.
pub(crate) fn count(read: &WorkspaceStatistics) -> Result<Estimate, Unknown> {
    is_known(read).map(|()| estimate(read, &labelled(read), |_| true))
}

fn is_known(read: &WorkspaceStatistics) -> Result<(), Unknown> {
    let first = |state: TableState| {
        let table = read.tables.iter().find(|it| TableState::of(it) == state)?;
        Some(format!("{}.{}", table.schema.shown, table.name.shown))
    };
    if read.tables.is_empty() {
        Err(Unknown::NoTable)
    } else if is_too_many(read.tables.len()) {
        Err(Unknown::TooManyTables)
    } else if let Some(table) = first(TableState::NotReadable) {
        Err(Unknown::NotReadable(table))
    } else if let Some(table) = first(TableState::NotAnalysed) {
        Err(Unknown::NotAnalysed(table))
    } else {
        Ok(())
    }
}

/// The workspaces that were told apart. A workspace with the name `other` is in the rest.
fn labelled(read: &WorkspaceStatistics) -> BTreeMap<String, Amount> {
    let mut all: BTreeMap<String, Amount> = BTreeMap::new();
    for value in &read.values {
        let start = value.start.as_ref();
        let name = start.map_or_else(|| OTHER.to_owned(), |start| label(start, value));
        let more = Amount {
            rows: value.rows.max(0.0),
            bytes: value.bytes,
        };
        all.entry(name)
            .and_modify(|sum| *sum = sum.plus(more))
            .or_insert(more);
    }
    all
}

fn largest_first(all: &BTreeMap<String, Amount>) -> Vec<&str> {
    let mut names: Vec<_> = all.iter().filter(|(name, _)| *name != OTHER).collect();
    names.sort_by(|(_, one), (_, two)| two.rows.total_cmp(&one.rows));
    names.into_iter().map(|(name, _)| &**name).collect()
}

/// What is less than this part of all rows is the rounding of their shares.
const ROUNDING: f64 = 1e-6;

fn estimate(
    read: &WorkspaceStatistics,
    all: &BTreeMap<String, Amount>,
    is_shown: impl Fn(&str) -> bool,
) -> Estimate {
    let total: f64 = read.tables.iter().map(|table| table.rows).sum();
    let named: f64 = all.values().map(|amount| amount.rows).sum();
    let (mut workspaces, mut other) = (BTreeMap::new(), None::<Amount>);
    for (name, amount) in all {
        if name != OTHER && is_shown(name) {
            workspaces.insert(name.clone(), *amount);
        } else {
            other = Some(other.map_or(*amount, |sum| sum.plus(*amount)));
        }
    }
    let unnamed = total - named;
    if unnamed > (total * ROUNDING).max(0.5) {
        let sum = other.get_or_insert_default();
        sum.rows += unnamed;
    }
    if let Some(other) = other {
        workspaces.insert(OTHER.to_owned(), other);
    }
    let used = read.tables.iter().filter(|table| table.rows > 0.0);
    let analysed = used.map(|table| table.analysed);
    Estimate {
        workspaces,
        analysed: oldest(analysed),
        written: read.tables.iter().map(|table| table.written).sum(),
    }
}

/// None: one is unknown, or there is none.
fn oldest(times: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let times: Option<Vec<_>> = times.collect();
    times?.into_iter().reduce(f64::min)
}

impl Amount {
    fn plus(self, more: Self) -> Self {
        let bytes = self.bytes.zip(more.bytes);
        Self {
            rows: self.rows + more.rows,
            bytes: bytes.map(|(sum, more)| sum + more),
        }
    }
}

impl Estimate {
    /// The share of each workspace. None: there are no rows.
    pub(crate) fn share(&self, rows: f64) -> Option<f64> {
        let total: f64 = self.workspaces.values().map(|amount| amount.rows).sum();
        (total > 0.0).then(|| rows / total)
    }
}
