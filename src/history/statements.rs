//! What statements did since the agent began, by database. `pg_stat_statements` forgets: it removes the entries that are used
//! least when it is full, so its sums fall. The sums here never do.

use std::collections::HashMap;

use crate::sample::Oid;
use crate::sample::statements::{StatementFigure, Statements};

type RowFigures = [Option<f64>; StatementFigure::COUNT];
type Figures = [f64; StatementFigure::COUNT];

/// Whose series show the statements of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// The database's own, under this name.
    Own(&'a str),
    /// The sum over all databases without series of their own.
    Other,
}

/// The sums since the agent began.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct StatementTotals {
    databases: HashMap<Oid, (String, Figures)>,
    other: Figures,
    unknown: [bool; StatementFigure::COUNT],
    /// The server's own count.
    pub(crate) evictions: Option<f64>,
}

impl StatementTotals {
    /// 0 for a database without statements. None: the extension does not count this.
    pub(crate) fn of(&self, database: Oid, figure: StatementFigure) -> Option<f64> {
        let figures = self.databases.get(&database).map(|(_, figures)| figures);
        self.known(figures.unwrap_or(&[0.0; _]), figure)
    }

    pub(crate) fn of_other(&self, figure: StatementFigure) -> Option<f64> {
        self.known(&self.other, figure)
    }

    fn known(&self, figures: &Figures, figure: StatementFigure) -> Option<f64> {
        let index = figure as usize;
        (!self.unknown[index]).then_some(figures[index])
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct StatementHistory {
    /// None: nothing was read yet, so what was counted before is not counted here.
    last: Option<HashMap<Oid, RowFigures>>,
    reset_at: Option<f64>,
    totals: StatementTotals,
}

impl StatementHistory {
    /// Adds what was counted since the last reading. What a removed entry counted after that reading is lost; it is one of the
    /// entries that are used least.
    pub(crate) fn record<'a>(
        &mut self,
        now: Statements,
        place: impl Fn(Oid) -> Option<Place<'a>>,
    ) -> StatementTotals {
        let was_reset = self.was_reset(now.reset_at);
        let last = self.last.take();
        self.totals.unknown = [false; _];
        for row in &now.databases {
            for (index, figure) in row.figures.iter().enumerate() {
                self.totals.unknown[index] |= figure.is_none();
            }
            let (Some(place), Some(last)) = (place(row.database), &last) else {
                continue;
            };
            let before = last.get(&row.database).filter(|_| !was_reset);
            let before = before.copied().unwrap_or_default();
            let sum = self.sum(row.database, place);
            for ((sum, now), before) in sum.iter_mut().zip(row.figures).zip(before) {
                *sum += (now.unwrap_or(0.0) - before.unwrap_or(0.0)).max(0.0);
            }
        }
        let is_shown = |oid: &Oid| matches!(place(*oid), Some(Place::Own(_)));
        self.totals.databases.retain(|oid, _| is_shown(oid));
        self.totals.evictions = now.evictions;
        let rows = now.databases.into_iter();
        self.last = Some(rows.map(|row| (row.database, row.figures)).collect());
        self.reset_at = now.reset_at;
        self.totals.clone()
    }

    /// All entries were removed. Nothing tells when only those of one database or role were.
    fn was_reset(&self, reset_at: Option<f64>) -> bool {
        self.reset_at.is_some() && self.reset_at != reset_at
    }

    /// A database that was renamed begins again.
    fn sum(&mut self, database: Oid, place: Place<'_>) -> &mut Figures {
        match place {
            Place::Other => &mut self.totals.other,
            Place::Own(name) => {
                let own = self.totals.databases.entry(database).or_default();
                if own.0 != name {
                    *own = (name.to_owned(), [0.0; _]);
                }
                &mut own.1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::statements::StatementRow;

    fn reading(reset_at: Option<f64>, rows: &[(Oid, f64)]) -> Statements {
        let row = |&(database, seconds)| StatementRow {
            database,
            figures: [Some(seconds), Some(seconds), None, Some(0.0), Some(0.0)],
        };
        Statements {
            databases: rows.iter().map(row).collect(),
            evictions: None,
            reset_at,
        }
    }

    fn place(oid: Oid) -> Option<Place<'static>> {
        match oid {
            1 => Some(Place::Own("shop")),
            2 | 3 => Some(Place::Other),
            _ => None,
        }
    }

    fn seconds(totals: &StatementTotals) -> [Option<f64>; 2] {
        let figure = StatementFigure::Seconds;
        [totals.of(1, figure), totals.of_other(figure)]
    }

    #[test]
    fn sums_grow_from_the_first_reading_and_never_fall() {
        let mut history = StatementHistory::default();
        for (rows, wanted) in [
            (vec![(1, 100.0), (2, 7.0), (9, 1.0)], [0.0, 0.0]),
            (vec![(1, 103.0), (2, 7.5), (3, 1.0)], [3.0, 1.5]),
            // Entries were evicted.
            (vec![(1, 50.0), (2, 9.5)], [3.0, 3.5]),
            (vec![(1, 51.0)], [4.0, 3.5]),
            // They are counted again from 0.
            (vec![(1, 51.0), (2, 2.0)], [4.0, 5.5]),
        ] {
            let totals = history.record(reading(Some(1.0), &rows), place);
            assert_eq!(seconds(&totals), wanted.map(Some), "{rows:?}");
            assert_eq!(totals.of(1, StatementFigure::WalBytes), None);
            assert_eq!(totals.of(4, StatementFigure::Rows), Some(0.0));
        }
    }

    #[test]
    fn what_was_counted_since_a_reset_counts() {
        let mut history = StatementHistory::default();
        for (reset_at, sum, wanted) in [
            (Some(1.0), 100.0, 0.0),
            (Some(2.0), 5.0, 5.0),
            (Some(3.0), 30.0, 35.0),
            (Some(3.0), 31.0, 36.0),
        ] {
            let totals = history.record(reading(reset_at, &[(1, sum)]), place);
            assert_eq!(seconds(&totals)[0], Some(wanted));
        }
        // Before 1.9 a reset looks like an eviction.
        let mut history = StatementHistory::default();
        for (sum, wanted) in [(100.0, 0.0), (5.0, 0.0), (6.0, 1.0)] {
            let totals = history.record(reading(None, &[(1, sum)]), place);
            assert_eq!(seconds(&totals)[0], Some(wanted));
        }
    }

    #[test]
    fn a_database_that_was_renamed_or_dropped_begins_again() {
        let mut history = StatementHistory::default();
        history.record(reading(None, &[(1, 1.0)]), place);
        history.record(reading(None, &[(1, 2.0)]), place);
        let renamed = |_| Some(Place::Own("store"));
        let totals = history.record(reading(None, &[(1, 2.5)]), renamed);
        assert_eq!(totals.of(1, StatementFigure::Seconds), Some(0.5));
        let totals = history.record(reading(None, &[(1, 3.5)]), |_| None);
        assert_eq!(totals.of(1, StatementFigure::Seconds), Some(0.0));
    }
}
