//! The primary poll: sessions, and the fingerprint of databases and roles, in one statement and one round trip.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, Statement};

use crate::postgres::QueryError;
use crate::postgres::column::{QueryContext, TextBytes};
use crate::sample::{Activity, Backend, Fingerprint, Oid, Sessions, WaitClass};

const CONTEXT: QueryContext = QueryContext("polling activity");

/// Rows of several kinds share the columns; the first column has the kind. Calling `pg_stat_get_activity` without the joins of
/// the view halves the cost. For databases and roles it reads only sums, see [`Fingerprint`]: sending unchanged rows every
/// second would cost the server, the agent, and the network. The parameters are an orphaned backend, or NULL and NULL, and the
/// session's key: the sums are of keyed hashes, and no tenant knows the key, so tenants cannot make changes cancel each
/// other out. The number of sessions is limited by the server's slots.
///
/// What an idle session waits for is not read: it changes all the time, and each value would be another row. An autovacuum
/// worker may have no state. The agent's own session is always active, but it is no load: `Activity` means waiting for work. The
/// second number of a row is 1 if the own session is in it, because it takes a slot but is not one of the tenants' sessions. The last
/// column is when the statement began that has run longest; walsenders and autovacuum workers run one for as long as they exist.
const SESSIONS: &str = r#"
select 's'::"char" as kind, a.datid, a.usesysid, a.application_name, a.state, a.backend_type,
       case when a.state = 'idle' then null
            when a.state = 'active' or a.backend_type = 'autovacuum worker'
            then case when a.pid = pg_catalog.pg_backend_pid() then 'Activity' else a.wait_event_type end end as wait,
       count(*) as number, count(*) filter (where a.pid = pg_catalog.pg_backend_pid()) as other_number,
       extract(epoch from now() - min(a.xact_start) filter (where a.pid <> pg_catalog.pg_backend_pid()))::float8 as seconds,
       extract(epoch from min(a.query_start) filter (
           where a.state = 'active' and a.backend_type = 'client backend' and a.pid <> pg_catalog.pg_backend_pid()))::float8 as moment
  from pg_catalog.pg_stat_get_activity(null) as a
 group by 2, 3, 4, 5, 6, 7"#;

const SUMS: &str = r"
union all
select 'd', null, null, null, null, null, null,
       (sum(hashoidextended(d.oid, hashint8extended(d.xmin::text::int8, $3 + (d.datconnlimit = -2)::int4))) % 4611686018427387904)::int8,
       count(*), null, null
  from pg_catalog.pg_database as d
union all
select 'r', null, null, null, null, null, null,
       (sum(hashnameextended(r.rolname, hashoidextended(r.oid, hashint8extended(r.rolconnlimit::int8 * 2 + r.rolsuper::int4, $3))))
        % 4611686018427387904)::int8,
       count(*), null, null
  from pg_catalog.pg_roles as r
 where r.rolcanlogin";

const SERVER: &str = r"
union all
select 'i', null, null, null, null, null, null, pg_catalog.pg_is_in_recovery()::int4,
       ($1 is not null and exists (
           select from pg_catalog.pg_stat_get_activity($1) as b
            where extract(epoch from b.backend_start)::float8 = $2))::int4,
       extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp())::float8,
       extract(epoch from pg_catalog.statement_timestamp())::float8";

pub(in crate::postgres) async fn prepare(client: &Client) -> Result<Statement, QueryError> {
    let sql = format!("{SESSIONS}{SUMS}{SERVER}");
    let types = [Type::INT4, Type::FLOAT8, Type::INT8];
    let prepared = client.prepare_typed(&sql, &types).await;
    prepared.map_err(CONTEXT.failed())
}

/// The statement without the sums. It opens no relation, so it works while the lock table is full.
pub(in crate::postgres) async fn prepare_reduced(client: &Client) -> Result<Statement, QueryError> {
    let sql = format!("{SESSIONS}{SERVER}");
    let prepared = client
        .prepare_typed(&sql, &[Type::INT4, Type::FLOAT8])
        .await;
    prepared.map_err(CONTEXT.failed())
}

/// The caller compares the fingerprint to find out whether databases or roles have changed. `orphan` is the backend of an
/// abandoned session; the answer has whether it still runs.
pub(in crate::postgres) async fn read(
    client: &Client,
    statement: &Statement,
    orphan: Option<Backend>,
    key: i64,
) -> Result<(Activity, Fingerprint), QueryError> {
    let (pid, start) = parameters(orphan);
    let rows = client.query(statement, &[&pid, &start, &key]).await;
    decode(&rows.map_err(CONTEXT.failed())?)
}

/// The sessions only.
pub(in crate::postgres) async fn read_reduced(
    client: &Client,
    statement: &Statement,
    orphan: Option<Backend>,
) -> Result<Activity, QueryError> {
    let (pid, start) = parameters(orphan);
    let rows = client.query(statement, &[&pid, &start]).await;
    let (activity, _) = decode(&rows.map_err(CONTEXT.failed())?)?;
    Ok(Activity {
        is_reduced: true,
        ..activity
    })
}

fn parameters(orphan: Option<Backend>) -> (Option<i32>, Option<f64>) {
    orphan.map(|it| (it.pid, it.start_time)).unzip()
}

fn decode(rows: &[Row]) -> Result<(Activity, Fingerprint), QueryError> {
    let (mut activity, mut fingerprint) = (Activity::default(), Fingerprint::default());
    activity.sessions.reserve(rows.len());
    for row in rows {
        match CONTEXT.kind(row)? {
            b's' => activity.sessions.push(sessions(row)?),
            b'd' => fingerprint.databases = sums(row)?,
            b'r' => fingerprint.roles = sums(row)?,
            b'i' => {
                let (in_recovery, orphan) = sums(row)?;
                activity.in_recovery = in_recovery == 1;
                activity.has_orphan = orphan == 1;
                activity.seconds = CONTEXT.column(row, 9)?;
                activity.time = CONTEXT.column(row, 10)?;
            }
            other => return Err(CONTEXT.unknown_kind(other)),
        }
    }
    Ok((activity, fingerprint))
}

/// The two numbers of a row. The sum over no rows is NULL.
fn sums(row: &Row) -> Result<(i64, i64), QueryError> {
    let sum: Option<i64> = CONTEXT.column(row, 7)?;
    Ok((sum.unwrap_or_default(), CONTEXT.column(row, 8)?))
}

fn sessions(row: &Row) -> Result<Sessions, QueryError> {
    let nonzero = |oid: Option<Oid>| oid.filter(|oid| *oid != 0);
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Sessions {
        database: nonzero(CONTEXT.column(row, 1)?),
        role: nonzero(CONTEXT.column(row, 2)?),
        application_name: CONTEXT
            .column::<Option<TextBytes<'_>>>(row, 3)?
            .map(|name| String::from_utf8_lossy(name.0).into_owned())
            .unwrap_or_default(),
        state: CONTEXT
            .column::<Option<TextBytes<'_>>>(row, 4)?
            .map(|text| state(&text)),
        backend_type: CONTEXT
            .column::<Option<TextBytes<'_>>>(row, 5)?
            .map(|text| backend_type(&text)),
        wait: wait(row)?,
        count: count(CONTEXT.column(row, 7)?),
        own: count(CONTEXT.column(row, 8)?),
        // The server's clock may have been set back since the transaction began.
        oldest_transaction: CONTEXT
            .column::<Option<f64>>(row, 9)?
            .map(|age| age.max(0.0)),
        oldest_statement: CONTEXT.column(row, 10)?,
    })
}

fn wait(row: &Row) -> Result<Option<WaitClass>, QueryError> {
    let text = |index| CONTEXT.column::<Option<TextBytes<'_>>>(row, index);
    let is = |text: Option<TextBytes<'_>>, value: &str| {
        text.is_some_and(|text| text.0 == value.as_bytes())
    };
    let works = is(text(4)?, "active") || is(text(5)?, "autovacuum worker");
    Ok(if works { wait_class(text(6)?) } else { None })
}

/// The `wait_event_type` of a session that is active. None: it waits for work, as a walsender does that has sent all WAL.
fn wait_class(text: Option<TextBytes<'_>>) -> Option<WaitClass> {
    let Some(text) = text else {
        return Some(WaitClass::Cpu);
    };
    match text.0 {
        b"Activity" => None,
        b"IO" => Some(WaitClass::Io),
        b"Lock" => Some(WaitClass::Lock),
        b"LWLock" => Some(WaitClass::Lwlock),
        b"IPC" => Some(WaitClass::Ipc),
        b"Client" => Some(WaitClass::Client),
        // Timeout, BufferPin, Extension, and what a later version adds.
        _ => Some(WaitClass::Other),
    }
}

fn state(text: &TextBytes<'_>) -> &'static str {
    text.one_of(&STATES).unwrap_or("other")
}

fn backend_type(text: &TextBytes<'_>) -> &'static str {
    text.one_of(&BACKEND_TYPES).unwrap_or("background worker")
}

/// The states of PostgreSQL 13 to 18 (`pg_stat_get_activity`), the most frequent first.
const STATES: [&str; 7] = [
    "idle",
    "active",
    "idle in transaction",
    "idle in transaction (aborted)",
    "fastpath function call",
    "disabled",
    "starting",
];

/// The backend types of PostgreSQL 13 to 18 (`GetBackendTypeDesc`, and those of its own background workers), the most
/// frequent first.
const BACKEND_TYPES: [&str; 22] = [
    "client backend",
    "parallel worker",
    "walsender",
    "autovacuum worker",
    "autovacuum launcher",
    "logical replication launcher",
    "logical replication worker",
    "logical replication apply worker",
    "logical replication parallel worker",
    "logical replication tablesync worker",
    "background writer",
    "checkpointer",
    "walwriter",
    "archiver",
    "io worker",
    "slotsync worker",
    "startup",
    "walreceiver",
    "walsummarizer",
    "logger",
    "dead-end client backend",
    "standalone backend",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_extension_workers_are_no_labels_and_fail_no_poll() {
        assert_eq!(backend_type(&TextBytes(b"walsender")), "walsender");
        for worker in [
            b"TimescaleDB Background Worker Scheduler".as_slice(),
            b"caf\xe9",
            b"",
        ] {
            assert_eq!(backend_type(&TextBytes(worker)), "background worker");
        }
    }

    #[test]
    fn a_wait_that_is_not_known_is_other_and_waiting_for_work_is_none() {
        let class = |text: &'static str| wait_class(Some(TextBytes(text.as_bytes())));
        assert_eq!(wait_class(None), Some(WaitClass::Cpu));
        assert_eq!(class("Activity"), None);
        for (text, label) in [
            ("IO", "io"),
            ("Lock", "lock"),
            ("LWLock", "lwlock"),
            ("IPC", "ipc"),
            ("Client", "client"),
            ("Timeout", "other"),
            ("InjectionPoint", "other"),
            ("io", "other"),
        ] {
            assert_eq!(class(text).map(WaitClass::label), Some(label), "{text}");
        }
    }
}
