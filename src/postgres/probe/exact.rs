//! The workspaces of a database by a scan of each table. Names are quoted here, because a statement cannot have one as a parameter.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::{Client, Row};

use super::workspaces::matching;
use super::{CONTEXT, name};
use crate::config::WorkspaceColumn;
use crate::names::{identifier, readable};
use crate::postgres::QueryError;
use crate::postgres::column::TextBytes;
use crate::sample::access::Name;
use crate::sample::probe::{WorkspaceStatistics, WorkspaceTable, WorkspaceValue};

/// Each table with its columns, and whether the role may read each of them and enter the schema.
const COLUMNS: &str = "
select m.oid, pg_catalog.namesend(m.nspname), pg_catalog.namesend(m.relname),
       m.readable and pg_catalog.has_schema_privilege(m.nspoid, 'usage'), pg_catalog.namesend(a.attname),
       pg_catalog.has_column_privilege(m.oid, a.attnum, 'select')
  from matching as m
  join pg_catalog.pg_attribute as a on a.attrelid = m.oid and a.attnum > 0 and not a.attisdropped
 order by m.oid, a.attnum
 limit 100001";

/// More rows than this are not read.
const MAX_COLUMNS: usize = 100_000;

/// One table to scan.
struct Scan {
    table: WorkspaceTable,
    /// None: the role may not read all of them.
    columns: Option<Vec<Name>>,
}

pub(super) async fn read(
    client: &Client,
    column: &WorkspaceColumn,
    limit: Duration,
) -> Result<WorkspaceStatistics, QueryError> {
    let end = Instant::now() + limit;
    let mut counted = WorkspaceStatistics::default();
    let columns = matching(client, column, COLUMNS).await?;
    if columns.len() > MAX_COLUMNS {
        return Err(CONTEXT.answer("too many tables and columns match".to_owned()));
    }
    for mut scan in scans(&columns)? {
        let sql = scan.sql(&column.column).filter(|_| scan.table.is_readable);
        scan.table.is_readable = sql.is_some();
        if let Some(sql) = sql {
            let left = end.saturating_duration_since(Instant::now()).as_millis();
            let set = format!("set local statement_timeout = {}", left.max(1));
            let done = client.batch_execute(&set).await;
            done.map_err(CONTEXT.failed())?;
            for row in client
                .query_typed(&sql, &[])
                .await
                .map_err(CONTEXT.failed())?
            {
                let value = value(&row)?;
                scan.table.rows += value.rows;
                counted.values.push(value);
            }
        }
        counted.tables.push(scan.table);
    }
    Ok(counted)
}

fn scans(rows: &[Row]) -> Result<Vec<Scan>, QueryError> {
    let mut scans: Vec<Scan> = Vec::new();
    for row in rows {
        let oid = CONTEXT.column(row, 0)?;
        if scans.last().is_none_or(|last| last.table.oid != oid) {
            scans.push(Scan {
                table: WorkspaceTable {
                    oid,
                    schema: name(row, 1)?,
                    name: name(row, 2)?,
                    rows: 0.0,
                    is_readable: CONTEXT.column(row, 3)?,
                    has_statistics: true, // what is scanned needs none
                    is_empty: false,
                    analysed: None,
                    written: 0,
                },
                columns: Some(Vec::new()),
            });
        }
        let (column, may_read) = (name(row, 4)?, CONTEXT.column(row, 5)?);
        if let Some(scan) = scans.last_mut() {
            let columns = scan.columns.take().filter(|_| may_read);
            scan.columns = columns.map(|columns| [columns, vec![column]].concat());
        }
    }
    Ok(scans)
}

impl Scan {
    /// None: a name is not UTF-8, so that no statement can have it.
    fn sql(&self, column: &str) -> Option<String> {
        let name = |name: &Name| name.exact.as_deref().map(identifier);
        let table = format!("{}.{}", name(&self.table.schema)?, name(&self.table.name)?);
        let bytes = match &self.columns {
            None => "null::int8".to_owned(),
            Some(columns) => {
                let mut sum = "sum(0::int8".to_owned();
                for column in columns {
                    // The stored size, compressed and without reading what is in TOAST.
                    let size = format!("pg_catalog.pg_column_size(t.{})", name(column)?);
                    let _ = write!(sum, " + coalesce({size}, 0)");
                }
                sum + ")"
            }
        };
        Some(count(&identifier(column), &bytes, &table))
    }
}

/// `format` calls the output function of the type, never a cast, which a tenant can define. Workspaces after the first thousand have no
/// name in the answer.
fn count(column: &str, bytes: &str, table: &str) -> String {
    format!(
        "with counted as (
select pg_catalog.format('%s', t.{column}) as value, t.{column} is null as is_null, count(*) as rows, {bytes} as bytes
  from only {table} as t
 group by 1, 2
), ranked as (
select rows, bytes,
       case when not is_null and row_number() over (order by is_null, rows desc, value) <= 1000 then value end as named
  from counted
)
select pg_catalog.left(named, 100), case when pg_catalog.length(named) > 100 then pg_catalog.hashtextextended(named, 0) end,
       sum(rows)::float8, sum(bytes)::float8
  from ranked
 group by named"
    )
}

fn value(row: &Row) -> Result<WorkspaceValue, QueryError> {
    let start: Option<TextBytes<'_>> = CONTEXT.column(row, 0)?;
    Ok(WorkspaceValue {
        start: start.map(|start| readable(start.0)),
        hash: CONTEXT.column(row, 1)?,
        rows: CONTEXT.column(row, 2)?,
        bytes: CONTEXT.column(row, 3)?,
    })
}
