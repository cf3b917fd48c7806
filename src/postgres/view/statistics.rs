//! Cumulative statistics of each database.

use std::sync::Arc;

use tokio_postgres::Row;

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::{DatabaseStats, SessionCounts, Stats};

const CONTEXT: QueryContext = QueryContext("polling statistics");

const DATABASES: &str = "
select s.datid, s.numbackends, s.xact_commit, s.xact_rollback, s.blks_read, s.blks_hit, s.tup_returned, s.tup_fetched,
       s.tup_inserted, s.tup_updated, s.tup_deleted, s.conflicts, s.temp_files, s.temp_bytes, s.deadlocks,
       s.blk_read_time, s.blk_write_time, extract(epoch from s.stats_reset)::float8, age(d.datfrozenxid),
       mxid_age(d.datminmxid), {since_14}
  from pg_catalog.pg_stat_database as s
  join pg_catalog.pg_database as d on d.oid = s.datid";

const SINCE_14: &str =
    "s.active_time, s.sessions, s.sessions_abandoned, s.sessions_fatal, s.sessions_killed";

pub(super) const VIEW: SlowView = SlowView {
    job: "stats",
    needs_monitor: false,
    interval: |cadence| cadence.stats,
    clear: |readings| readings.statistics = None,
    context: CONTEXT,
    statements,
    decode,
};

fn statements(version_num: u32) -> Vec<String> {
    let since_14 = if version_num >= 140_000 {
        SINCE_14
    } else {
        "null::float8, null::int8, null::int8, null::int8, null::int8"
    };
    vec![DATABASES.replace("{since_14}", since_14)]
}

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let mut stats = Stats::new();
    for row in answers.iter().flatten() {
        let row = database(row)?;
        stats.insert(row.oid, Arc::new(row));
    }
    Ok(Box::new(|readings| {
        readings.statistics = Some(Arc::new(stats));
    }))
}

fn database(row: &Row) -> Result<DatabaseStats, QueryError> {
    Ok(DatabaseStats {
        oid: CONTEXT.column(row, 0)?,
        numbackends: CONTEXT.column(row, 1)?,
        xact_commit: CONTEXT.column(row, 2)?,
        xact_rollback: CONTEXT.column(row, 3)?,
        blks_read: CONTEXT.column(row, 4)?,
        blks_hit: CONTEXT.column(row, 5)?,
        tup_returned: CONTEXT.column(row, 6)?,
        tup_fetched: CONTEXT.column(row, 7)?,
        tup_inserted: CONTEXT.column(row, 8)?,
        tup_updated: CONTEXT.column(row, 9)?,
        tup_deleted: CONTEXT.column(row, 10)?,
        conflicts: CONTEXT.column(row, 11)?,
        temp_files: CONTEXT.column(row, 12)?,
        temp_bytes: CONTEXT.column(row, 13)?,
        deadlocks: CONTEXT.column(row, 14)?,
        blk_read_time: CONTEXT.column(row, 15)?,
        blk_write_time: CONTEXT.column(row, 16)?,
        stats_reset: CONTEXT.column(row, 17)?,
        frozen_xid_age: CONTEXT.column(row, 18)?,
        min_mxid_age: CONTEXT.column(row, 19)?,
        active_time: CONTEXT.column(row, 20)?,
        sessions: sessions(row)?,
    })
}

fn sessions(row: &Row) -> Result<Option<SessionCounts>, QueryError> {
    let Some(sessions) = CONTEXT.column(row, 21)? else {
        return Ok(None);
    };
    Ok(Some(SessionCounts {
        sessions,
        abandoned: CONTEXT.column(row, 22)?,
        fatal: CONTEXT.column(row, 23)?,
        killed: CONTEXT.column(row, 24)?,
    }))
}
