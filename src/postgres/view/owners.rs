//! The owner of each database. Only `check` reads them: owners rarely change, and no series shows them.

use std::collections::HashMap;

use tokio_postgres::Client;

use crate::names::readable;
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::Oid;

const CONTEXT: QueryContext = QueryContext("reading the owners of databases");

const SQL: &str = "
select d.oid,
       pg_catalog.namesend(pg_catalog.pg_get_userbyid(d.datdba))
  from pg_catalog.pg_database as d";

pub(in crate::postgres) async fn read(client: &Client) -> Result<HashMap<Oid, String>, QueryError> {
    let rows = client.query_typed(SQL, &[]).await;
    let owner = |row: &tokio_postgres::Row| {
        let name = CONTEXT.column(row, 1)?;
        Ok((CONTEXT.column(row, 0)?, readable(name)))
    };
    rows.map_err(CONTEXT.failed())?.iter().map(owner).collect()
}
