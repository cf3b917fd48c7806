//! The workspaces of a database by the statistics of their column: no statement here reads a row of the tenant. `pg_stats` shows a
//! column only to a role that may read it.

use futures_util::future::try_join;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::{CONTEXT, name};
use crate::config::WorkspaceColumn;
use crate::names::readable;
use crate::outcome::Outcome;
use crate::postgres::QueryError;
use crate::postgres::column::TextBytes;
use crate::sample::Oid;
use crate::sample::probe::{WorkspaceStatistics, WorkspaceTable, WorkspaceValue};

/// The tables that have the column `$1` and one of the names `$2`, or are partitions of a table with such a name. Owners can set the
/// statistics of their tables (18), so every number is clamped.
pub(super) const MATCHING: &str = "
with matching as materialized (
select c.oid, n.oid as nspoid, n.nspname, c.relname, a.attname, least(greatest(c.reltuples, 0), 1e15)::float8 as rows,
       pg_catalog.has_column_privilege(c.oid, a.attnum, 'select')
         and not (c.relrowsecurity and pg_catalog.row_security_active(c.oid)) as readable
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relkind = 'r' and a.attname = $1::text::name
   and not pg_catalog.starts_with(n.nspname::text, 'pg_') and n.nspname <> 'information_schema'
   and (c.relname::text like any ($2)
        or c.relispartition and exists (
             select from pg_catalog.pg_partition_ancestors(c.oid) as t(relid)
               join pg_catalog.pg_class as p on p.oid = t.relid
              where p.relname::text like any ($2))))";

/// `offset 0` keeps the view apart: joined with it, PostgreSQL would read the statistics of the whole database for each table.
const TABLES: &str = "
select m.oid, pg_catalog.namesend(m.nspname), pg_catalog.namesend(m.relname), m.rows, m.readable, s.attname is not null,
       extract(epoch from greatest(pg_catalog.pg_stat_get_last_analyze_time(m.oid),
                                   pg_catalog.pg_stat_get_last_autoanalyze_time(m.oid)))::float8,
       pg_catalog.pg_stat_get_mod_since_analyze(m.oid)
  from matching as m
  left join lateral (
       select v.attname, v.null_frac, v.n_distinct, v.most_common_vals, v.most_common_freqs
         from pg_catalog.pg_stats as v
        where v.schemaname = m.nspname and v.tablename = m.relname and v.attname = m.attname and not v.inherited
       offset 0) as s on true
 order by m.oid
 limit 2001";

/// ANALYZE lists the most common values with their share of all rows. The list is complete if there are no more distinct values:
/// then all rows but those with NULL are in it, and the shares are scaled to that, because they are rounded. The rows of an
/// incomplete list are not in the answer, and become `other`.
const VALUES: &str = "
, listed as materialized (
select m.rows, s.most_common_vals::text::text[] as vals, s.most_common_freqs as shares,
       1 - least(greatest(s.null_frac, 0), 1)::float8 as filled,
       case when s.n_distinct < 0 then -s.n_distinct * m.rows else s.n_distinct end as distinct_values,
       (select sum(least(greatest(f.share, 0), 1)::float8) from unnest(s.most_common_freqs) as f(share)) as covered
  from matching as m
  join lateral (
       select v.attname, v.null_frac, v.n_distinct, v.most_common_vals, v.most_common_freqs
         from pg_catalog.pg_stats as v
        where v.schemaname = m.nspname and v.tablename = m.relname and v.attname = m.attname and not v.inherited
       offset 0) as s on true
 where m.readable and m.rows > 0
), counted as (
select v.value, sum(l.rows * least(greatest(v.share, 0), 1)::float8
                    * case when l.covered > 0 and pg_catalog.cardinality(l.vals) > l.distinct_values - 0.5
                           then l.filled / l.covered else 1 end) as rows
  from listed as l, lateral unnest(l.vals, l.shares) as v(value, share)
 where v.value is not null
 group by v.value
)
select pg_catalog.left(value, 100), case when pg_catalog.length(value) > 100 then pg_catalog.hashtextextended(value, 0) end,
       least(rows, 1e15)
  from counted
 where rows > 0
 order by rows desc, value
 limit 200";

/// Waits for the lock of a table, for `lock_timeout` at most.
const NOT_EMPTY: &str = "
select t.oid
  from unnest($1::oid[]) as t(oid)
 where coalesce(pg_catalog.pg_relation_size(t.oid::regclass), 0) > 0";

/// One round trip.
pub(super) async fn read(
    client: &Client,
    column: &WorkspaceColumn,
) -> Result<WorkspaceStatistics, QueryError> {
    let tables = matching(client, column, TABLES);
    let values = matching(client, column, VALUES);
    let (tables, values) = try_join(tables, values).await?;
    Ok(WorkspaceStatistics {
        tables: tables.iter().map(table).collect::<Result<_, _>>()?,
        values: values.iter().map(value).collect::<Result<_, _>>()?,
    })
}

/// Runs [`MATCHING`] with what follows it.
pub(super) async fn matching(
    client: &Client,
    column: &WorkspaceColumn,
    rest: &str,
) -> Result<Vec<Row>, QueryError> {
    let patterns: Vec<_> = column.tables.iter().map(|it| like(it)).collect();
    let sql = format!("{MATCHING}{rest}");
    let (column, patterns) = (
        (&column.column as _, Type::TEXT),
        (&patterns as _, Type::TEXT_ARRAY),
    );
    let rows = client.query_typed(&sql, &[column, patterns]).await;
    rows.map_err(CONTEXT.failed())
}

/// Finds out which tables without statistics have no rows. On a lock that is not granted in time, none is taken for empty.
pub(super) async fn mark_empty(
    client: &Client,
    tables: &mut [WorkspaceTable],
) -> Result<(), QueryError> {
    let unknown: Vec<Oid> = tables
        .iter()
        .filter(|table| !table.has_statistics)
        .map(|table| table.oid)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let parameters = [(&unknown as _, Type::OID_ARRAY)];
    let answer = client.query_typed(NOT_EMPTY, &parameters).await;
    let rows = match answer.map_err(CONTEXT.failed()) {
        Ok(rows) => rows,
        Err(error) if error.outcome() == Outcome::Lost => return Err(error),
        Err(_) => return Ok(()),
    };
    let mut filled = Vec::new();
    for row in &rows {
        filled.push(CONTEXT.column::<Oid>(row, 0)?);
    }
    for table in tables {
        table.is_empty = !table.has_statistics && !filled.contains(&table.oid);
    }
    Ok(())
}

fn table(row: &Row) -> Result<WorkspaceTable, QueryError> {
    Ok(WorkspaceTable {
        oid: CONTEXT.column(row, 0)?,
        schema: name(row, 1)?,
        name: name(row, 2)?,
        rows: CONTEXT.column(row, 3)?,
        is_readable: CONTEXT.column(row, 4)?,
        has_statistics: CONTEXT.column(row, 5)?,
        is_empty: false,
        analysed: CONTEXT.column(row, 6)?,
        written: CONTEXT.known_count(row, 7)?.unwrap_or(0),
    })
}

fn value(row: &Row) -> Result<WorkspaceValue, QueryError> {
    let start: TextBytes<'_> = CONTEXT.column(row, 0)?;
    Ok(WorkspaceValue {
        start: Some(readable(start.0)),
        hash: CONTEXT.column(row, 1)?,
        rows: CONTEXT.column(row, 2)?,
        bytes: None,
    })
}

/// A pattern with `*` and `?` as one of LIKE.
pub(in crate::postgres) fn like(pattern: &str) -> String {
    let mut like = String::new();
    for c in pattern.chars() {
        match c {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' | '_' | '\\' => like.extend(['\\', c]),
            c => like.push(c),
        }
    }
    like
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_as_written() {
        for (pattern, wanted) in [
            ("lightrag_*", r"lightrag\_%"),
            ("a?c", "a_c"),
            (r"50%\", r"50\%\\"),
        ] {
            assert_eq!(like(pattern), wanted);
        }
    }
}
