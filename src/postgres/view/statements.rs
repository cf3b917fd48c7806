//! `pg_stat_statements`, summed up by database: no text of a query and no query id leaves the server. The extension shows the
//! statements of all databases in each one where it is installed.

use tokio_postgres::{Client, Row};

use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::statements::{StatementRow, Statements};

const CONTEXT: QueryContext = QueryContext("polling pg_stat_statements");

/// The schema of the extension, the columns of its function, and whether it has the function that counts evictions (since 1.9).
/// An extension that was not updated after `pg_upgrade` has the columns of its old version. No row: it is not installed in the
/// agent's database, the server did not load its library, or the agent's role may not call it.
const INSTALLED: &str = "
select pg_catalog.quote_ident(n.nspname), p.proargnames,
       exists (select from pg_catalog.pg_proc as i
                where i.proname = 'pg_stat_statements_info' and i.pronamespace = e.extnamespace
                  and pg_catalog.has_function_privilege(i.oid, 'execute'))
  from pg_catalog.pg_extension as e
  join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
  join pg_catalog.pg_proc as p on p.pronamespace = e.extnamespace and p.proname = 'pg_stat_statements'
  join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid
   and d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
 where e.extname = 'pg_stat_statements'
   and exists (select from pg_catalog.pg_settings where name = 'pg_stat_statements.max')
   and pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_function_privilege(p.oid, 'execute')
 limit 1";

/// None: the extension is not there.
pub(in crate::postgres) async fn read(client: &Client) -> Result<Option<Statements>, QueryError> {
    let rows = client.query(INSTALLED, &[]).await;
    let rows = rows.map_err(CONTEXT.failed())?;
    let Some(installed) = rows.first() else {
        return Ok(None);
    };
    let columns: Vec<&str> = CONTEXT.column(installed, 1)?;
    let schema: &str = CONTEXT.column(installed, 0)?;
    let sums = client.query(&sums(schema, &columns), &[]).await;
    let sums = sums.map_err(CONTEXT.failed())?;
    let rows = sums.iter().map(database);
    let mut statements = Statements {
        databases: rows.collect::<Result<_, _>>()?,
        ..Statements::default()
    };
    if CONTEXT.column(installed, 2)? {
        let info = client.query_one(&info(schema), &[]).await;
        let info = info.map_err(CONTEXT.failed())?;
        statements.evictions = CONTEXT.column(&info, 0)?;
        statements.reset_at = CONTEXT.column(&info, 1)?;
    }
    Ok(Some(statements))
}

/// `false`: without the texts, which are in a file. What a function does is a statement of its own if `track` is `all`, but the
/// figures of the outer statement include it.
fn sums(schema: &str, columns: &[&str]) -> String {
    let has = |name| columns.contains(&name);
    let time = if has("total_exec_time") {
        "total_exec_time"
    } else {
        "total_time" // until 1.7
    };
    let wal = if has("wal_bytes") {
        "sum(s.wal_bytes)::float8"
    } else {
        "null::float8" // until 1.7
    };
    let outer = if has("toplevel") {
        " where s.toplevel"
    } else {
        ""
    };
    let block = "pg_catalog.current_setting('block_size')::float8";
    format!(
        "select s.dbid, sum(s.{time}) / 1000, sum(s.rows)::float8, {wal},
                sum(s.temp_blks_written)::float8 * {block}, sum(s.shared_blks_read)::float8 * {block}
           from {schema}.pg_stat_statements(false) as s{outer}
          group by 1"
    )
}

fn info(schema: &str) -> String {
    format!(
        "select i.dealloc::float8, extract(epoch from i.stats_reset)::float8 from {schema}.pg_stat_statements_info() as i"
    )
}

fn database(row: &Row) -> Result<StatementRow, QueryError> {
    let figure = |index| CONTEXT.column::<Option<f64>>(row, index);
    Ok(StatementRow {
        database: CONTEXT.column(row, 0)?,
        figures: [figure(1)?, figure(2)?, figure(3)?, figure(4)?, figure(5)?],
    })
}
