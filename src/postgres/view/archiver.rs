//! `pg_stat_archiver`: how many WAL files the server has archived, and failed to archive.

use tokio_postgres::Row;

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::readings::Archiver;

const CONTEXT: QueryContext = QueryContext("polling the archiver");

pub(super) const VIEW: SlowView = SlowView {
    job: "archiver",
    needs_monitor: false,
    interval: |cadence| cadence.stats,
    clear: |readings| readings.archiver = None,
    context: CONTEXT,
    statements: |_| vec![SQL.to_owned()],
    decode,
};

const SQL: &str = "
select a.archived_count, a.failed_count,
       extract(epoch from now() - a.last_archived_time)::float8 as last_archive_age
  from pg_catalog.pg_stat_archiver as a";

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let row = CONTEXT.one_row(answers)?;
    let archiver = Archiver {
        archived_count: CONTEXT.column(row, 0)?,
        failed_count: CONTEXT.column(row, 1)?,
        last_archive_age: CONTEXT.column(row, 2)?,
    };
    Ok(Box::new(move |readings| readings.archiver = Some(archiver)))
}
