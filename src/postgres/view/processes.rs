//! The processes of the server, each with its database: what the kernel says about them is read beside this.

use tokio_postgres::{Client, Row};

use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::{ListedProcess, Oid};

const CONTEXT: QueryContext = QueryContext("polling processes");

/// Parallel and autovacuum workers have rows too.
const SQL: &str = "select a.pid, a.datid from pg_catalog.pg_stat_get_activity(null) as a";

pub(in crate::postgres) async fn read(client: &Client) -> Result<Vec<ListedProcess>, QueryError> {
    let rows = client.query_typed(SQL, &[]).await;
    rows.map_err(CONTEXT.failed())?
        .iter()
        .map(process)
        .collect()
}

fn process(row: &Row) -> Result<ListedProcess, QueryError> {
    Ok(ListedProcess {
        pid: CONTEXT.column(row, 0)?,
        database: CONTEXT
            .column::<Option<Oid>>(row, 1)?
            .filter(|oid| *oid != 0),
    })
}
