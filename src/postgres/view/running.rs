//! How long the statements that run now have run, by database. Only `check` reads it: the agent itself integrates over its polls.

use std::collections::HashMap;

use tokio_postgres::Client;

use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::Oid;

const CONTEXT: QueryContext = QueryContext("reading how long statements run");

/// The parameter is the time in seconds that counts of each statement at most. A session that waits for its client does no work.
const SQL: &str = "
select a.datid,
       sum(least($1, greatest(0, extract(epoch from pg_catalog.clock_timestamp() - a.query_start)::float8)))::float8
  from pg_catalog.pg_stat_get_activity(null) as a
 where a.state = 'active' and a.wait_event_type is distinct from 'Client' and a.query_start is not null
   and a.datid <> 0 and a.pid <> pg_catalog.pg_backend_pid()
 group by 1";

pub(in crate::postgres) async fn read(
    client: &Client,
    window: f64,
) -> Result<HashMap<Oid, f64>, QueryError> {
    let rows = client.query(SQL, &[&window]).await;
    let seconds =
        |row: &tokio_postgres::Row| Ok((CONTEXT.column(row, 0)?, CONTEXT.column(row, 1)?));
    rows.map_err(CONTEXT.failed())?
        .iter()
        .map(seconds)
        .collect()
}
