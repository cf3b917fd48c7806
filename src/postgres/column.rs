//! The only way to read a column of a row: by position, into the wanted type, with an error that names the query.

use std::error::Error;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::QueryError;

/// The purpose of a query, such as `polling statistics`. Its errors begin with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueryContext(pub(super) &'static str);

impl QueryContext {
    /// Reads a column. One that may be NULL needs an `Option`.
    pub(super) fn column<'a, T: FromSql<'a>>(
        self,
        row: &'a Row,
        index: usize,
    ) -> Result<T, QueryError> {
        row.try_get(index).map_err(self.failed())
    }

    /// A `bigint` that counts something. A negative one, such as a difference of positions that moved, is 0.
    pub(super) fn count(self, row: &Row, index: usize) -> Result<u64, QueryError> {
        Ok(self.known_count(row, index)?.unwrap_or(0))
    }

    /// The same, where NULL is unknown.
    pub(super) fn known_count(self, row: &Row, index: usize) -> Result<Option<u64>, QueryError> {
        let count: Option<i64> = self.column(row, index)?;
        Ok(count.map(|count| u64::try_from(count).unwrap_or(0)))
    }

    /// The row of the first statement, which has one.
    pub(super) fn one_row(self, answers: &[Vec<Row>]) -> Result<&Row, QueryError> {
        let row = answers.first().and_then(|rows| rows.first());
        row.ok_or_else(|| self.answer("no row".to_owned()))
    }

    /// The first column of a statement whose rows are of several kinds.
    pub(super) fn kind(self, row: &Row) -> Result<u8, QueryError> {
        let kind: i8 = self.column(row, 0)?;
        Ok(u8::try_from(kind).unwrap_or_default())
    }

    pub(super) fn unknown_kind(self, kind: u8) -> QueryError {
        self.answer(format!("a row of kind {kind}"))
    }

    pub(super) fn answer(self, what: String) -> QueryError {
        QueryError::Answer {
            context: self.0,
            what,
        }
    }

    pub(super) fn failed(self) -> impl Fn(tokio_postgres::Error) -> QueryError + Copy {
        QueryError::driver(self.0)
    }
}

/// The bytes of a text column. PostgreSQL restricts `application_name` to ASCII, but not the names that extensions give their
/// workers: with `String`, one byte that is not UTF-8 would fail the whole poll.
pub(super) struct TextBytes<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for TextBytes<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TEXT
    }
}

impl TextBytes<'_> {
    /// The text, if it is one of these.
    pub(super) fn one_of(&self, known: &[&'static str]) -> Option<&'static str> {
        let known = known.iter().find(|known| known.as_bytes() == self.0);
        known.copied()
    }
}
