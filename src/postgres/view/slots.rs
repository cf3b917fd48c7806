//! Replication slots, and how much WAL each keeps.

use std::sync::Arc;

use tokio_postgres::Row;

use super::{SlowView, Update, WAL_POSITION};
use crate::names::readable;
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::readings::{ReplicationSlot, WalStatus};

const CONTEXT: QueryContext = QueryContext("polling replication slots");

pub(super) const VIEW: SlowView = SlowView {
    job: "slots",
    needs_monitor: false,
    interval: |cadence| cadence.stats,
    clear: |readings| readings.slots = None,
    context: CONTEXT,
    statements: |_| vec![format!("{WAL_POSITION}{SQL}")],
    decode,
};

/// A slot that is lost keeps nothing, even if 18's `idle_replication_slot_timeout` leaves its `restart_lsn` set.
/// `safe_wal_size` of a slot that was never used is meaningless. Both columns exist since 13.
/// `max_replication_slots` limits the rows.
const SQL: &str = "
select s.slot_name::text, s.slot_type, s.datoid, pg_catalog.namesend(s.database), s.active, w.wal_status,
       case when w.wal_status is distinct from 'lost'
            then pg_catalog.pg_wal_lsn_diff(wal.lsn, s.restart_lsn)::int8 end,
       case when s.restart_lsn is not null and w.wal_status is distinct from 'lost' then w.safe_wal_size end,
       pg_catalog.pg_wal_lsn_diff(wal.lsn, '0/0')::float8,
       pg_catalog.pg_wal_lsn_diff(s.confirmed_flush_lsn, '0/0')::float8
  from pg_catalog.pg_replication_slots as s
 cross join wal
 cross join lateral (select to_jsonb(s) ->> 'wal_status', (to_jsonb(s) ->> 'safe_wal_size')::int8) as w(wal_status, safe_wal_size)
 order by s.slot_name";

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let rows = answers.iter().flatten().map(slot);
    let slots: Arc<[ReplicationSlot]> = rows.collect::<Result<_, _>>()?;
    Ok(Box::new(move |readings| readings.slots = Some(slots)))
}

fn slot(row: &Row) -> Result<ReplicationSlot, QueryError> {
    let datname: Option<&[u8]> = CONTEXT.column(row, 3)?;
    let status: Option<&str> = CONTEXT.column(row, 5)?;
    Ok(ReplicationSlot {
        name: CONTEXT.column(row, 0)?,
        is_logical: CONTEXT.column::<&str>(row, 1)? == "logical",
        database: CONTEXT.column(row, 2)?,
        datname: datname.map(readable),
        is_active: CONTEXT.column(row, 4)?,
        wal_status: status.map(WalStatus::of),
        retained_bytes: CONTEXT.known_count(row, 6)?.unwrap_or(0),
        safe_wal_bytes: CONTEXT.column(row, 7)?,
        current_lsn: CONTEXT.column(row, 8)?,
        confirmed_flush_lsn: CONTEXT.column(row, 9)?,
    })
}
