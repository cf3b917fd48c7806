//! Temporary files that are open now, by database. `pg_stat_database` counts a temporary file only when it is closed.

use std::sync::Arc;

use tokio_postgres::Row;

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::readings::TemporaryFiles;

const CONTEXT: QueryContext = QueryContext("polling temporary files");

pub(super) const VIEW: SlowView = SlowView {
    job: "temporary",
    needs_monitor: true,
    // A sort can fill a disk within a minute, and an empty directory costs nothing.
    interval: |cadence| cadence.stats / 3,
    clear: |readings| readings.temporary = None,
    context: CONTEXT,
    statements: |_| vec![SQL.to_owned()],
    decode,
};

/// The name of a file begins with the PID of its backend. A file that is older than the backend with that PID was left by a
/// crash, and belongs to no database. Times of files have whole seconds. `pg_global` (1664) uses the directory of
/// `pg_default`. Directories of parallel queries (file sets) are not listed by any function.
const SQL: &str = r"
select a.datid, sum(f.size)::int8
  from pg_catalog.pg_tablespace as t
 cross join lateral pg_catalog.pg_ls_tmpdir(t.oid) as f
  left join pg_catalog.pg_stat_get_activity(null) as a
    on a.pid = substring(f.name from '^pgsql_tmp([0-9]{1,9})\.')::int4
   and f.modification >= date_trunc('second', a.backend_start)
 where t.oid <> 1664
 group by 1";

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let mut files = TemporaryFiles::default();
    for row in answers.iter().flatten() {
        let bytes = CONTEXT.count(row, 1)?;
        match CONTEXT.column(row, 0)? {
            Some(database) => {
                files.databases.insert(database, bytes);
            }
            None => files.of_no_session = bytes,
        }
    }
    let files = Arc::new(files);
    Ok(Box::new(move |readings| readings.temporary = Some(files)))
}
