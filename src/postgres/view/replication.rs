//! Replication: the delay of a standby, and the WAL senders of a server.

use tokio_postgres::Row;

use super::{SlowView, Update, WAL_POSITION};
use crate::postgres::QueryError;
use crate::postgres::column::{QueryContext, TextBytes};
use crate::sample::replication::{Replication, WalSenders};

const CONTEXT: QueryContext = QueryContext("polling replication");

pub(super) const VIEW: SlowView = SlowView {
    job: "replication",
    needs_monitor: false,
    interval: |cadence| cadence.stats,
    clear: |readings| readings.replication = None,
    context: CONTEXT,
    statements: |_| vec![DELAY.to_owned(), format!("{WAL_POSITION}{SENDERS}")],
    decode,
};

/// As `postgres_exporter` computes it, but NULL where that has 0 because nothing was replayed yet.
const DELAY: &str = "
select case when not pg_catalog.pg_is_in_recovery() then 0
            when pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() then 0
            else extract(epoch from now() - pg_catalog.pg_last_xact_replay_timestamp()) end::float8,
       case when pg_catalog.pg_is_in_recovery()
            then extract(epoch from now() - pg_catalog.pg_last_xact_replay_timestamp())::float8 end";

/// Without `pg_monitor` the state and the positions are NULL. A client
/// chooses its `application_name`, so the number of rows is limited: the standbys that are furthest behind come first, then
/// those of which it is not known.
const SENDERS: &str = "
select r.application_name, r.state, s.slot_name::text, max(pg_catalog.pg_wal_lsn_diff(wal.lsn, '0/0'))::float8,
       max(pg_catalog.pg_wal_lsn_diff(wal.lsn, r.replay_lsn))::float8
  from pg_catalog.pg_stat_replication as r
 cross join wal
  left join pg_catalog.pg_replication_slots as s on s.active_pid = r.pid
 where r.state is not null
 group by 1, 2, 3
 order by 5 desc nulls last, 1, 2, 3
 limit 32";

/// `WalSndGetStateString()`.
const STATES: [&str; 5] = ["streaming", "catchup", "backup", "startup", "stopping"];

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let [_, senders] = answers else {
        return Err(CONTEXT.answer("not two answers".to_owned()));
    };
    let delay = CONTEXT.one_row(answers)?;
    // The server's clock may be behind that of the primary.
    let seconds = |column| -> Result<Option<f64>, QueryError> {
        let seconds: Option<f64> = CONTEXT.column(delay, column)?;
        Ok(seconds.map(|seconds| seconds.max(0.0)))
    };
    let replication = Replication {
        lag: seconds(0)?,
        last_replay: seconds(1)?,
        senders: senders.iter().map(sender).collect::<Result<_, _>>()?,
    };
    Ok(Box::new(move |readings| {
        readings.replication = Some(replication.into());
    }))
}

fn sender(row: &Row) -> Result<WalSenders, QueryError> {
    let name: TextBytes<'_> = CONTEXT.column(row, 0)?;
    let state: TextBytes<'_> = CONTEXT.column(row, 1)?;
    let lag: Option<f64> = CONTEXT.column(row, 4)?;
    Ok(WalSenders {
        application_name: String::from_utf8_lossy(name.0).into_owned(),
        state: state.one_of(&STATES).unwrap_or("other"),
        slot_name: CONTEXT.column(row, 2)?,
        current_lsn: CONTEXT.column(row, 3)?,
        // A standby may have replayed what arrived after the position was read.
        lag_bytes: lag.map(|bytes| bytes.max(0.0)),
    })
}
