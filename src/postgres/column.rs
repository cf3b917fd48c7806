//! The one way to read a column of a row: by position, as the type that is wanted, with an error that says what was being done.

use std::error::Error;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::QueryError;

/// The rows of one question. `context` is what its errors begin with, as in `polling statistics`.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueryContext(pub(super) &'static str);

impl QueryContext {
    /// A NULL needs an `Option`.
    pub(super) fn column<'a, T: FromSql<'a>>(
        self,
        row: &'a Row,
        index: usize,
    ) -> Result<T, QueryError> {
        row.try_get(index).map_err(self.failed())
    }

    /// The first column of statements whose rows are of several kinds.
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

/// Text as the bytes that it is. The server lets `application_name` be ASCII only, but what extensions call their workers, and
/// what these call themselves, it takes in whatever encoding: one byte that is not UTF-8 would cost the whole poll.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Bytes<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::TEXT
    }
}

impl Bytes<'_> {
    pub(super) fn one_of(&self, known: &[&'static str]) -> Option<&'static str> {
        let known = known.iter().find(|known| known.as_bytes() == self.0);
        known.copied()
    }
}
