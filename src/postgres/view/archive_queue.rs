//! `pg_wal/archive_status`: how many WAL files wait to be archived, and since when.

use tokio_postgres::Row;

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::archive::ArchiveQueue;

const CONTEXT: QueryContext = QueryContext("polling the WAL files to archive");

pub(crate) const JOB: &str = "archive_queue";

pub(super) const VIEW: SlowView = SlowView {
    job: JOB,
    needs_monitor: false,
    interval: super::rarely,
    clear: |readings| readings.archive_queue = None,
    context: CONTEXT,
    statements: |_| vec![SQL.to_owned()],
    decode,
};

/// A standby archives only with `archive_mode = always`; otherwise it may have kept `.ready` files of the primary. The executor
/// checks the privilege on a function when a statement begins, even in a branch that is not taken, so the function is called
/// in a text that `query_to_xml` executes: a role without the privilege gets NULL, and the server logs no error. With 10,000
/// files it takes 37 ms.
const SQL: &str = "
select substring(q.answer from '<files>([0-9]+)</files>')::int8,
       substring(q.answer from '<oldest>([0-9]+)</oldest>')::float8,
       extract(epoch from pg_catalog.clock_timestamp())::float8 - substring(q.answer from '<oldest>([0-9]+)</oldest>')::float8
  from (select case when pg_catalog.has_function_privilege('pg_catalog.pg_ls_archive_statusdir()', 'execute')
                     and case pg_catalog.current_setting('archive_mode')
                              when 'always' then true
                              when 'on' then not pg_catalog.pg_is_in_recovery()
                              else false end
                    then pg_catalog.query_to_xml($$
                         select count(*) as files, extract(epoch from min(f.modification))::int8 as oldest
                           from pg_catalog.pg_ls_archive_statusdir() as f
                          where f.name like '%.ready'$$, false, true, '')::text end as answer) as q";

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let row = CONTEXT.one_row(answers)?;
    let (oldest, longest_wait) = (CONTEXT.column(row, 1)?, CONTEXT.column(row, 2)?);
    let queue = CONTEXT.known_count(row, 0)?.map(|files| ArchiveQueue {
        files,
        oldest,
        longest_wait,
    });
    Ok(Box::new(move |readings| readings.archive_queue = queue))
}
