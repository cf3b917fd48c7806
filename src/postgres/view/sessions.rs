//! Single sessions of `pg_stat_activity`. Only `check --sessions` reads them: the agent itself counts sessions by group.

use tokio_postgres::{Client, Row};

use crate::names::readable;
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::sessions::{ListedSession, SessionList};

const CONTEXT: QueryContext = QueryContext("listing sessions");

/// Bytes of a query that are read.
const QUERY_BYTES: i32 = 1000;

/// The parameters: how many sessions, and how many bytes of each query (NULL: none). Texts are sent as bytes, because those of a
/// database in another encoding may not be UTF-8. A session that is idle, or executes nothing, has the start of its last statement in
/// `query_start`. Processes of the server itself are not listed.
const SQL: &str = "
select a.pid,
       pg_catalog.namesend(a.usename),
       pg_catalog.namesend(a.datname),
       pg_catalog.textsend(a.application_name),
       pg_catalog.textsend(a.backend_type),
       pg_catalog.textsend(a.state),
       extract(epoch from pg_catalog.clock_timestamp() - a.state_change)::float8,
       extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8,
       case when a.state in ('active', 'fastpath function call')
            then extract(epoch from pg_catalog.clock_timestamp() - a.query_start)::float8 end,
       pg_catalog.textsend(a.wait_event_type || ': ' || a.wait_event),
       case when $2::int4 is not null and a.backend_type is not null
            then pg_catalog.substring(pg_catalog.textsend(a.query), 1, $2) end,
       pg_catalog.count(*) over ()
  from pg_catalog.pg_stat_activity as a
 where a.pid <> pg_catalog.pg_backend_pid() and (a.datid is not null or a.backend_type = 'walsender')
 order by a.xact_start, a.state_change, a.backend_start, a.pid
 limit $1";

pub(in crate::postgres) async fn read(
    client: &Client,
    limit: u32,
    with_query: bool,
) -> Result<SessionList, QueryError> {
    let (limit, bytes) = (i64::from(limit), with_query.then_some(QUERY_BYTES));
    let rows = client.query(SQL, &[&limit, &bytes]).await;
    let rows = rows.map_err(CONTEXT.failed())?;
    let total = rows.first().map(|row| CONTEXT.count(row, 11)).transpose()?;
    Ok(SessionList {
        total: total.and_then(|it| it.try_into().ok()).unwrap_or_default(),
        sessions: rows.iter().map(session).collect::<Result<_, _>>()?,
    })
}

fn session(row: &Row) -> Result<ListedSession, QueryError> {
    let text = |index| -> Result<Option<String>, QueryError> {
        let bytes: Option<&[u8]> = CONTEXT.column(row, index)?;
        Ok(bytes.map(readable))
    };
    // The server's clock may have been set back.
    let seconds = |index| -> Result<Option<f64>, QueryError> {
        let seconds: Option<f64> = CONTEXT.column(row, index)?;
        Ok(seconds.map(|seconds| seconds.max(0.0)))
    };
    Ok(ListedSession {
        pid: CONTEXT.column(row, 0)?,
        usename: text(1)?,
        datname: text(2)?,
        application_name: text(3)?.unwrap_or_default(),
        backend_type: text(4)?,
        state: text(5)?,
        state_seconds: seconds(6)?,
        transaction_seconds: seconds(7)?,
        statement_seconds: seconds(8)?,
        wait: text(9)?,
        query: text(10)?,
    })
}
