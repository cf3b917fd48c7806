//! The settings that limit shared resources, and prepared transactions, whose number one of them limits.

use tokio_postgres::Row;

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::readings::{ResourceLimits, Resources};

const CONTEXT: QueryContext = QueryContext("polling the limits of resources");

pub(super) const VIEW: SlowView = SlowView {
    job: "resources",
    needs_monitor: false,
    interval: |cadence| cadence.stats,
    clear: |readings| readings.resources = None,
    context: CONTEXT,
    statements: |_| vec![LIMITS.to_owned(), PREPARED.to_owned()],
    decode,
};

/// `autovacuum_worker_slots` exists since 18, `max_slot_wal_keep_size` since 13.
const LIMITS: &str = "
select current_setting('max_worker_processes')::int8,
       current_setting('max_parallel_workers')::int8,
       current_setting('max_logical_replication_workers')::int8,
       current_setting('autovacuum_max_workers')::int8,
       current_setting('autovacuum_worker_slots', true)::int8,
       current_setting('max_wal_senders')::int8,
       current_setting('max_replication_slots')::int8,
       current_setting('max_prepared_transactions')::int8,
       current_setting('max_locks_per_transaction')::int8,
       (select pg_catalog.pg_size_bytes(setting) from current_setting('max_slot_wal_keep_size', true) as s(setting) where setting <> '-1')";

/// The function and not the view `pg_prepared_xacts`, which joins `pg_database` for the name.
const PREPARED: &str = "
select p.dbid, count(*)
  from pg_catalog.pg_prepared_xact() as p
 group by 1";

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let row = CONTEXT.one_row(answers)?;
    let limits = ResourceLimits {
        worker_processes: CONTEXT.count(row, 0)?,
        parallel_workers: CONTEXT.count(row, 1)?,
        logical_replication_workers: CONTEXT.count(row, 2)?,
        autovacuum_workers: CONTEXT.count(row, 3)?,
        autovacuum_worker_slots: CONTEXT.known_count(row, 4)?,
        wal_senders: CONTEXT.count(row, 5)?,
        replication_slots: CONTEXT.count(row, 6)?,
        prepared_transactions: CONTEXT.count(row, 7)?,
        locks_per_transaction: CONTEXT.count(row, 8)?,
        slot_wal_bytes: CONTEXT.known_count(row, 9)?,
    };
    let mut resources = Resources {
        limits,
        prepared: Vec::new(),
    };
    for row in answers.iter().skip(1).flatten() {
        resources
            .prepared
            .push((CONTEXT.column(row, 0)?, CONTEXT.count(row, 1)?));
    }
    Ok(Box::new(move |readings| {
        readings.resources = Some(resources.into());
    }))
}
