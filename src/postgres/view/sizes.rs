//! Sizes of a few databases at a time.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, Statement};

use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::{Oid, Size, SizeMeasurement};

const CONTEXT: QueryContext = QueryContext("measuring sizes");

/// `has_database_privilege` for PUBLIC is NULL for a database that has just been dropped, for which the size function would
/// fail the whole statement. Invalid databases are left out: DROP DATABASE removes their files. The last column is the time
/// when the row was computed: rows are computed one after another, so the difference is the cost of the row.
const SQL: &str = "
select d.oid,
       pg_catalog.has_database_privilege('public', d.oid, 'connect') is not null as present,
       $2 or pg_catalog.has_database_privilege(d.oid, 'connect') as permitted,
       case when pg_catalog.has_database_privilege('public', d.oid, 'connect') is null then null
            when $2 or pg_catalog.has_database_privilege(d.oid, 'connect') then pg_catalog.pg_database_size(d.oid)
       end as bytes,
       extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp())::float8 as done
  from pg_catalog.pg_database as d
 where d.datconnlimit <> -2 and d.oid = any ($1)";

pub(in crate::postgres) async fn prepare(client: &Client) -> Result<Statement, QueryError> {
    client
        .prepare_typed(SQL, &[Type::OID_ARRAY, Type::BOOL])
        .await
        .map_err(CONTEXT.failed())
}

/// `permitted` is true when the agent's role has `pg_read_all_stats`, which makes CONNECT unnecessary.
pub(in crate::postgres) async fn read(
    client: &Client,
    statement: &Statement,
    databases: &[Oid],
    permitted: bool,
) -> Result<Vec<SizeMeasurement>, QueryError> {
    let rows = client
        .query(statement, &[&databases, &permitted])
        .await
        .map_err(CONTEXT.failed())?;
    let mut before = 0.0;
    rows.iter().map(|row| measured(row, &mut before)).collect()
}

fn measured(row: &Row, before: &mut f64) -> Result<SizeMeasurement, QueryError> {
    let (present, permitted): (bool, Option<bool>) =
        (CONTEXT.column(row, 1)?, CONTEXT.column(row, 2)?);
    let bytes: Option<i64> = CONTEXT.column(row, 3)?;
    let size = match (bytes, permitted) {
        (Some(bytes), _) => Size::Bytes(u64::try_from(bytes).unwrap_or_default()),
        (None, _) if !present => Size::Gone,
        (None, Some(true)) => Size::Unreadable,
        (None, Some(false)) => Size::Forbidden,
        (None, None) => Size::Gone, // dropped between two columns
    };
    let done: f64 = CONTEXT.column(row, 4)?;
    let seconds = done - *before;
    *before = done;
    Ok(SizeMeasurement {
        oid: CONTEXT.column(row, 0)?,
        size,
        seconds,
    })
}
