//! The size of the write-ahead log on disk.

use tokio_postgres::Row;

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::readings::Wal;

const CONTEXT: QueryContext = QueryContext("polling the write-ahead log");

pub(super) const VIEW: SlowView = SlowView {
    job: "wal",
    needs_monitor: true,
    interval: |cadence| cadence.stats,
    clear: |readings| readings.wal = None,
    context: CONTEXT,
    statements: |_| vec![SQL.to_owned()],
    decode,
};

/// Only segments, as `postgres_exporter` counts them; the directory also has history files.
const SQL: &str = "
select count(*), coalesce(sum(f.size), 0)::int8
  from pg_catalog.pg_ls_waldir() as f
 where f.name ~ '^[0-9A-F]{24}$'";

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let row = CONTEXT.one_row(answers)?;
    let wal = Wal {
        segments: CONTEXT.count(row, 0)?,
        bytes: CONTEXT.count(row, 1)?,
    };
    Ok(Box::new(move |readings| readings.wal = Some(wal)))
}
