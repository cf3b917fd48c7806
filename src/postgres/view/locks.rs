//! Locks that are held or awaited: by database and mode, and how many of them have an entry in the shared lock table.

use std::sync::Arc;

use tokio_postgres::Row;

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::readings::{Locks, ModeCount};

const CONTEXT: QueryContext = QueryContext("polling locks");

pub(super) const VIEW: SlowView = SlowView {
    job: "locks",
    needs_monitor: false,
    interval: |cadence| cadence.stats,
    clear: |readings| readings.locks = None,
    context: CONTEXT,
    statements: |_| vec![SQL.to_owned()],
    decode,
};

/// The function and not the view `pg_locks`: it works longer while the lock table is full, because no relation is opened.
/// Locks on transactions have no database, those on shared objects have 0.
const SQL: &str = "
select nullif(l.database, 0), lower(l.mode), count(*), count(*) filter (where not l.fastpath)
  from pg_catalog.pg_lock_status() as l
 group by 1, 2";

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let mut locks = Locks::default();
    for row in answers.iter().flatten() {
        let in_table = CONTEXT.count(row, 3)?;
        locks.in_table += in_table;
        if let Some(database) = CONTEXT.column(row, 0)? {
            let of_database = locks.databases.entry(database).or_default();
            of_database.in_table += in_table;
            of_database.modes.push(ModeCount {
                mode: CONTEXT.column(row, 1)?,
                count: CONTEXT.count(row, 2)?,
            });
        }
    }
    let locks = Arc::new(locks);
    Ok(Box::new(move |readings| readings.locks = Some(locks)))
}
