//! Who owns each database. Only `check` asks: owners seldom change, and no series has them.

use std::collections::HashMap;

use tokio_postgres::Client;

use super::QueryError;
use super::catalogue::readable;
use crate::sample::Oid;

const DOING: &str = "reading the owners of databases";

const SQL: &str = "
select d.oid,
       pg_catalog.namesend(pg_catalog.pg_get_userbyid(d.datdba))
  from pg_catalog.pg_database as d";

pub(super) async fn read(client: &Client) -> Result<HashMap<Oid, String>, QueryError> {
    let failed = QueryError::driver(DOING);
    let rows = client.query_typed(SQL, &[]).await.map_err(failed)?;
    let owner = |row: &tokio_postgres::Row| {
        let name = row.try_get(1).map_err(failed)?;
        Ok((row.try_get(0).map_err(failed)?, readable(name)))
    };
    rows.iter().map(owner).collect()
}
