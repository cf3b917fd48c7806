//! `pg_settings`: the numeric and boolean settings of the server.

mod base_units;

use tokio_postgres::Row;

use base_units::{SettingRow, settings};

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;

const CONTEXT: QueryContext = QueryContext("polling settings");

pub(super) const VIEW: SlowView = SlowView {
    job: "settings",
    needs_monitor: false,
    interval: super::rarely,
    clear: |readings| readings.settings = None,
    context: CONTEXT,
    statements: |_| vec![SQL.to_owned()],
    decode,
};

/// The view has the values of this session. Those that the agent sets for itself (`client`, `session`), that were set for its
/// role or database, and that describe its transaction are not the server's, and the server's value cannot be read. A name
/// with a dot that no extension defines, which any role may set, is a string.
const SQL: &str = "
select s.name, s.setting, s.unit
  from pg_catalog.pg_settings as s
 where s.vartype in ('bool', 'integer', 'real')
   and s.source not in ('client', 'session', 'user', 'database', 'database user', 'interactive', 'test')
   and s.name not in ('transaction_read_only', 'transaction_deferrable')
 limit 5000";

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let rows = answers.iter().flatten().map(row);
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    let settings = settings(rows.into_iter());
    Ok(Box::new(move |readings| {
        readings.settings = Some(settings.into());
    }))
}

fn row(row: &Row) -> Result<SettingRow<'_>, QueryError> {
    Ok(SettingRow {
        name: CONTEXT.column(row, 0)?,
        value: CONTEXT.column(row, 1)?,
        unit: CONTEXT.column(row, 2)?,
    })
}
