//! The slow poll: cumulative statistics of each database, and locks. Both statements share one round trip.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::types::FromSql;
use tokio_postgres::{Client, Row, Statement};

use super::QueryError;
use crate::sample::{DatabaseStats, Locks, Oid, SessionCounts, Stats};

const DOING: &str = "polling statistics";

const DATABASES: &str = "
select s.datid, s.numbackends, s.xact_commit, s.xact_rollback, s.blks_read, s.blks_hit, s.tup_returned, s.tup_fetched,
       s.tup_inserted, s.tup_updated, s.tup_deleted, s.conflicts, s.temp_files, s.temp_bytes, s.deadlocks,
       s.blk_read_time, s.blk_write_time, extract(epoch from s.stats_reset)::float8, age(d.datfrozenxid),
       mxid_age(d.datminmxid), {since_14}
  from pg_catalog.pg_stat_database as s
  join pg_catalog.pg_database as d on d.oid = s.datid";

const SINCE_14: &str =
    "s.active_time, s.sessions, s.sessions_abandoned, s.sessions_fatal, s.sessions_killed";

const LOCKS: &str = "
select database, lower(mode), count(*)
  from pg_catalog.pg_locks
 where database <> 0
 group by 1, 2";

pub(super) struct Statements {
    databases: Statement,
    locks: Statement,
}

pub(super) async fn prepare(client: &Client, version_num: u32) -> Result<Statements, QueryError> {
    let since_14 = if version_num >= 140_000 {
        SINCE_14
    } else {
        "null::float8, null::int8, null::int8, null::int8, null::int8"
    };
    let sql = DATABASES.replace("{since_14}", since_14);
    let prepared = tokio::try_join!(client.prepare(&sql), client.prepare(LOCKS));
    let (databases, locks) = prepared.map_err(QueryError::driver(DOING))?;
    Ok(Statements { databases, locks })
}

pub(super) async fn read(client: &Client, statements: &Statements) -> Result<Stats, QueryError> {
    let rows = tokio::try_join!(
        client.query(&statements.databases, &[]),
        client.query(&statements.locks, &[])
    );
    let (databases, locks) = rows.map_err(QueryError::driver(DOING))?;
    let mut stats: HashMap<Oid, DatabaseStats> = HashMap::with_capacity(databases.len());
    for row in &databases {
        let row = database(row)?;
        stats.insert(row.oid, row);
    }
    for row in &locks {
        // A database that came between the two statements is seen whole next time.
        if let Some(database) = stats.get_mut(&column(row, 0)?) {
            database.locks.push(Locks {
                mode: column(row, 1)?,
                count: column(row, 2)?,
            });
        }
    }
    Ok(stats
        .into_iter()
        .map(|(oid, row)| (oid, Arc::new(row)))
        .collect())
}

fn column<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, QueryError> {
    row.try_get(index).map_err(QueryError::driver(DOING))
}

fn database(row: &Row) -> Result<DatabaseStats, QueryError> {
    Ok(DatabaseStats {
        oid: column(row, 0)?,
        numbackends: column(row, 1)?,
        xact_commit: column(row, 2)?,
        xact_rollback: column(row, 3)?,
        blks_read: column(row, 4)?,
        blks_hit: column(row, 5)?,
        tup_returned: column(row, 6)?,
        tup_fetched: column(row, 7)?,
        tup_inserted: column(row, 8)?,
        tup_updated: column(row, 9)?,
        tup_deleted: column(row, 10)?,
        conflicts: column(row, 11)?,
        temp_files: column(row, 12)?,
        temp_bytes: column(row, 13)?,
        deadlocks: column(row, 14)?,
        blk_read_time: column(row, 15)?,
        blk_write_time: column(row, 16)?,
        stats_reset: column(row, 17)?,
        frozen_xid_age: column(row, 18)?,
        min_mxid_age: column(row, 19)?,
        active_time: column(row, 20)?,
        sessions: sessions(row)?,
        locks: Vec::new(),
    })
}

fn sessions(row: &Row) -> Result<Option<SessionCounts>, QueryError> {
    let Some(sessions) = column(row, 21)? else {
        return Ok(None);
    };
    Ok(Some(SessionCounts {
        sessions,
        abandoned: column(row, 22)?,
        fatal: column(row, 23)?,
        killed: column(row, 24)?,
    }))
}
