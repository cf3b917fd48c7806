//! Sessions that others wait for. `pg_blocking_pids()` stops every process that takes a lock for a moment, so it is called only
//! for sessions that wait for a lock, and the view is read only while the last poll saw one.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Row;

use super::{SlowView, Update};
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::readings::Blocking;

const CONTEXT: QueryContext = QueryContext("polling blocking sessions");

/// The label `poll`.
pub(super) const JOB: &str = "blocking";

pub(super) const VIEW: SlowView = SlowView {
    job: JOB,
    needs_monitor: false,
    interval: |cadence| cadence.stats.min(Duration::from_secs(5)),
    clear: |readings| readings.blocking = None,
    context: CONTEXT,
    statements: |_| vec![SQL.to_owned()],
    decode,
};

/// A session that waits itself blocks those behind it in the queue, but it is not the cause and is left out. A prepared
/// transaction (process 0) is no session. Only functions, so that it works while the lock table is full.
const SQL: &str = "
with sessions as materialized (
    select a.pid, a.datid, a.wait_event_type is not distinct from 'Lock' as waits
      from pg_catalog.pg_stat_get_activity(null) as a),
pairs as materialized (
    select w.pid, w.datid, b.pid as blocker
      from sessions as w, pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) as b(pid)
     where w.waits)
select s.datid, count(distinct s.pid), count(distinct p.pid) filter (where p.datid <> s.datid)
  from pairs as p
  join sessions as s on s.pid = p.blocker
 where not s.waits and s.datid is not null
 group by 1";

fn decode(answers: &[Vec<Row>]) -> Result<Update, QueryError> {
    let rows = answers.iter().flatten().map(|row| {
        let blocking = Blocking {
            sessions: CONTEXT.count(row, 1)?,
            waiting_elsewhere: CONTEXT.count(row, 2)?,
        };
        Ok((CONTEXT.column(row, 0)?, blocking))
    });
    let databases = Arc::new(rows.collect::<Result<_, QueryError>>()?);
    Ok(Box::new(move |readings| {
        readings.blocking = Some(databases);
    }))
}
