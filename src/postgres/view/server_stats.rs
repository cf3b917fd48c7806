//! Figures of the server as a whole: `pg_stat_bgwriter`, `pg_stat_checkpointer`, and how many transactions are open.

use tokio_postgres::Row;

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::server_stats::{
    Bgwriter, BgwriterUntil16, Checkpointer, OpenTransactions, ServerStats,
};

const CONTEXT: QueryContext = QueryContext("polling the background writer and transactions");

pub(super) const VIEW: SlowView = SlowView {
    job: "server",
    needs_monitor: false,
    interval: |cadence| cadence.stats,
    clear: |readings| readings.server = None,
    context: CONTEXT,
    statements,
    decode,
};

/// PostgreSQL 17 moved columns of `pg_stat_bgwriter` to `pg_stat_checkpointer`, and those of backends to `pg_stat_io`.
const SINCE_17: u32 = 170_000;

const BGWRITER: &str = "
select b.buffers_clean, b.maxwritten_clean, b.buffers_alloc, extract(epoch from b.stats_reset)::float8{until_16}
  from pg_catalog.pg_stat_bgwriter as b";

const UNTIL_16: &str =
    ", b.checkpoints_timed, b.checkpoints_req, b.checkpoint_write_time, b.checkpoint_sync_time,
       b.buffers_checkpoint, b.buffers_backend, b.buffers_backend_fsync";

/// Only a role that sees all sessions gets a row. The view of sessions shows the command of an autovacuum worker as
/// `autovacuum: ...`, which is how `postgres_exporter` leaves them out.
const TRANSACTIONS: &str = "
select count(*), extract(epoch from pg_catalog.clock_timestamp() - min(a.xact_start))::float8
  from pg_catalog.pg_stat_get_activity(null) as a
 where a.xact_start is not null and a.state is distinct from 'idle' and a.backend_type is distinct from 'autovacuum worker'
   and a.pid <> pg_catalog.pg_backend_pid()
having pg_catalog.pg_has_role('pg_read_all_stats', 'usage')";

const CHECKPOINTER: &str = "
select c.num_timed, c.num_requested, c.restartpoints_timed, c.restartpoints_req, c.restartpoints_done, c.write_time,
       c.sync_time, c.buffers_written, extract(epoch from c.stats_reset)::float8
  from pg_catalog.pg_stat_checkpointer as c";

fn statements(version_num: u32) -> Vec<String> {
    let (until_16, checkpointer) = if version_num >= SINCE_17 {
        ("", Some(CHECKPOINTER.to_owned()))
    } else {
        (UNTIL_16, None)
    };
    let bgwriter = BGWRITER.replace("{until_16}", until_16);
    let statements = [bgwriter, TRANSACTIONS.to_owned()].into_iter();
    statements.chain(checkpointer).collect()
}

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let [_, transaction_rows, rest @ ..] = answers else {
        return Err(CONTEXT.answer("not two answers".to_owned()));
    };
    let checkpointer_row = rest.first().and_then(|rows| rows.first());
    let stats = ServerStats {
        bgwriter: bgwriter(CONTEXT.one_row(answers)?)?,
        checkpointer: checkpointer_row.map(checkpointer).transpose()?,
        transactions: transaction_rows.first().map(transactions).transpose()?,
    };
    Ok(Box::new(move |readings| readings.server = Some(stats)))
}

fn bgwriter(row: &Row) -> Result<Bgwriter, QueryError> {
    Ok(Bgwriter {
        buffers_clean: CONTEXT.column(row, 0)?,
        maxwritten_clean: CONTEXT.column(row, 1)?,
        buffers_alloc: CONTEXT.column(row, 2)?,
        stats_reset: CONTEXT.column(row, 3)?,
        until_16: (row.len() > 4).then(|| until_16(row)).transpose()?,
    })
}

fn until_16(row: &Row) -> Result<BgwriterUntil16, QueryError> {
    Ok(BgwriterUntil16 {
        checkpoints_timed: CONTEXT.column(row, 4)?,
        checkpoints_req: CONTEXT.column(row, 5)?,
        checkpoint_write_time: CONTEXT.column(row, 6)?,
        checkpoint_sync_time: CONTEXT.column(row, 7)?,
        buffers_checkpoint: CONTEXT.column(row, 8)?,
        buffers_backend: CONTEXT.column(row, 9)?,
        buffers_backend_fsync: CONTEXT.column(row, 10)?,
    })
}

fn transactions(row: &Row) -> Result<OpenTransactions, QueryError> {
    Ok(OpenTransactions {
        count: CONTEXT.column(row, 0)?,
        // The server's clock may have been set back since the transaction began.
        oldest: CONTEXT
            .column::<Option<f64>>(row, 1)?
            .map(|age| age.max(0.0)),
    })
}

fn checkpointer(row: &Row) -> Result<Checkpointer, QueryError> {
    Ok(Checkpointer {
        num_timed: CONTEXT.column(row, 0)?,
        num_requested: CONTEXT.column(row, 1)?,
        restartpoints_timed: CONTEXT.column(row, 2)?,
        restartpoints_req: CONTEXT.column(row, 3)?,
        restartpoints_done: CONTEXT.column(row, 4)?,
        write_time: CONTEXT.column(row, 5)?,
        sync_time: CONTEXT.column(row, 6)?,
        buffers_written: CONTEXT.column(row, 7)?,
        stats_reset: CONTEXT.column(row, 8)?,
    })
}
