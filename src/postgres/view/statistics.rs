//! Cumulative statistics of each database, and its locks.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::Row;

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::Doing;
use crate::sample::{DatabaseStats, Locks, Oid, SessionCounts, Stats};

const DOING: Doing = Doing("polling statistics");

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

pub(super) const VIEW: SlowView = SlowView {
    job: "stats",
    interval: |cadence| cadence.stats,
    clear: |readings| readings.statistics = None,
    doing: DOING,
    statements,
    decode,
};

fn statements(version_num: u32) -> Vec<String> {
    let since_14 = if version_num >= 140_000 {
        SINCE_14
    } else {
        "null::float8, null::int8, null::int8, null::int8, null::int8"
    };
    vec![DATABASES.replace("{since_14}", since_14), LOCKS.to_owned()]
}

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let [databases, locks] = answers else {
        return Err(DOING.answer("not two answers".to_owned()));
    };
    let mut rows: HashMap<Oid, DatabaseStats> = HashMap::with_capacity(databases.len());
    for row in databases {
        let row = database(row)?;
        rows.insert(row.oid, row);
    }
    for row in locks {
        // A database that was created between the two statements is seen whole next time.
        if let Some(database) = rows.get_mut(&DOING.column(row, 0)?) {
            database.locks.push(Locks {
                mode: DOING.column(row, 1)?,
                count: DOING.column(row, 2)?,
            });
        }
    }
    let rows = rows.into_iter().map(|(oid, row)| (oid, Arc::new(row)));
    let stats: Stats = rows.collect();
    Ok(Box::new(|readings| {
        readings.statistics = Some(Arc::new(stats));
    }))
}

fn database(row: &Row) -> Result<DatabaseStats, QueryError> {
    Ok(DatabaseStats {
        oid: DOING.column(row, 0)?,
        numbackends: DOING.column(row, 1)?,
        xact_commit: DOING.column(row, 2)?,
        xact_rollback: DOING.column(row, 3)?,
        blks_read: DOING.column(row, 4)?,
        blks_hit: DOING.column(row, 5)?,
        tup_returned: DOING.column(row, 6)?,
        tup_fetched: DOING.column(row, 7)?,
        tup_inserted: DOING.column(row, 8)?,
        tup_updated: DOING.column(row, 9)?,
        tup_deleted: DOING.column(row, 10)?,
        conflicts: DOING.column(row, 11)?,
        temp_files: DOING.column(row, 12)?,
        temp_bytes: DOING.column(row, 13)?,
        deadlocks: DOING.column(row, 14)?,
        blk_read_time: DOING.column(row, 15)?,
        blk_write_time: DOING.column(row, 16)?,
        stats_reset: DOING.column(row, 17)?,
        frozen_xid_age: DOING.column(row, 18)?,
        min_mxid_age: DOING.column(row, 19)?,
        active_time: DOING.column(row, 20)?,
        sessions: sessions(row)?,
        locks: Vec::new(),
    })
}

fn sessions(row: &Row) -> Result<Option<SessionCounts>, QueryError> {
    let Some(sessions) = DOING.column(row, 21)? else {
        return Ok(None);
    };
    Ok(Some(SessionCounts {
        sessions,
        abandoned: DOING.column(row, 22)?,
        fatal: DOING.column(row, 23)?,
        killed: DOING.column(row, 24)?,
    }))
}
