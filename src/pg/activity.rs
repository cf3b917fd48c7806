//! The fast poll: sessions, and whether anything else has changed, in one statement of one round trip.

use std::error::Error;

use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Row, Statement};

use super::QueryError;
use crate::sample::{Activity, Backend, Fingerprint, Oid, Sessions};

const DOING: &str = "polling activity";

/// Kinds of rows that share columns; what a column means depends on the first. `pg_stat_get_activity` without the view's
/// joins costs half of it. Of databases and roles only sums are asked for, see [`Fingerprint`]: rows that nobody needs
/// anew each second cost the server, the agent, and the network. The parameters are a backend that may be there still, or
/// NULL and NULL, and the session's key: the sums are those of hashes, whose key no tenant knows, so that no changes cancel each
/// other out in them. Sessions are no more than the server has slots.
const SQL: &str = r#"
select 's'::"char" as kind, a.datid, a.usesysid, a.application_name, a.state, a.backend_type, count(*) as number,
       count(*) filter (where a.wait_event_type = 'Lock') as other_number,
       extract(epoch from now() - min(a.xact_start))::float8 as seconds
  from pg_catalog.pg_stat_get_activity(null) as a
 group by 2, 3, 4, 5, 6
union all
select 'd', null, null, null, null, null,
       (sum(hashoidextended(d.oid, hashint8extended(d.xmin::text::int8, $3 + (d.datconnlimit = -2)::int4))) % 4611686018427387904)::int8,
       count(*), null
  from pg_catalog.pg_database as d
union all
select 'r', null, null, null, null, null,
       (sum(hashnameextended(r.rolname, hashoidextended(r.oid, hashint8extended(r.rolconnlimit::int8 * 2 + r.rolsuper::int4, $3))))
        % 4611686018427387904)::int8,
       count(*), null
  from pg_catalog.pg_roles as r
 where r.rolcanlogin
union all
select 'i', null, null, null, null, null, pg_catalog.pg_is_in_recovery()::int4,
       ($1 is not null and exists (
           select from pg_catalog.pg_stat_get_activity($1) as b
            where extract(epoch from b.backend_start)::float8 = $2))::int4,
       extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp())::float8"#;

pub(super) async fn prepare(client: &Client) -> Result<Statement, QueryError> {
    client
        .prepare_typed(SQL, &[Type::INT4, Type::FLOAT8, Type::INT8])
        .await
        .map_err(QueryError::driver(DOING))
}

/// What has changed of databases and roles is for the caller to find out, by the fingerprint. `left_behind`: a backend of a
/// session that is lost, of which the answer says whether it is still there.
pub(super) async fn read(
    client: &Client,
    statement: &Statement,
    left_behind: Option<Backend>,
    key: i64,
) -> Result<(Activity, Fingerprint), QueryError> {
    let rows = client
        .query(
            statement,
            &[
                &left_behind.map(|backend| backend.pid),
                &left_behind.map(|backend| backend.start_time),
                &key,
            ],
        )
        .await
        .map_err(QueryError::driver(DOING))?;
    let (mut activity, mut fingerprint) = (Activity::default(), Fingerprint::default());
    activity.sessions.reserve(rows.len());
    for row in &rows {
        match u8::try_from(column::<i8>(row, 0)?).unwrap_or_default() {
            b's' => activity.sessions.push(sessions(row)?),
            b'd' => fingerprint.databases = sums(row)?,
            b'r' => fingerprint.roles = sums(row)?,
            b'i' => {
                let (in_recovery, left_behind) = sums(row)?;
                activity.in_recovery = in_recovery == 1;
                activity.left_behind = left_behind == 1;
                activity.seconds = column(row, 8)?;
            }
            other => {
                return Err(QueryError::Answer {
                    doing: DOING,
                    what: format!("a row of kind {other}"),
                });
            }
        }
    }
    Ok((activity, fingerprint))
}

fn column<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, QueryError> {
    row.try_get(index).map_err(QueryError::driver(DOING))
}

/// Of no rows at all the sum is NULL.
fn sums(row: &Row) -> Result<(i64, i64), QueryError> {
    let sum: Option<i64> = column(row, 6)?;
    Ok((sum.unwrap_or_default(), column(row, 7)?))
}

fn sessions(row: &Row) -> Result<Sessions, QueryError> {
    let nonzero = |oid: Option<Oid>| oid.filter(|oid| *oid != 0);
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Sessions {
        database: nonzero(column(row, 1)?),
        role: nonzero(column(row, 2)?),
        application_name: column::<Option<Bytes<'_>>>(row, 3)?
            .map(|name| String::from_utf8_lossy(name.0).into_owned())
            .unwrap_or_default(),
        state: column::<Option<Bytes<'_>>>(row, 4)?.map(|state| state.state()),
        backend_type: column::<Option<Bytes<'_>>>(row, 5)?.map(|name| name.backend_type()),
        count: count(column(row, 6)?),
        blocked: count(column(row, 7)?),
        // The server's clock may have been set back meanwhile.
        oldest_transaction: column::<Option<f64>>(row, 8)?.map(|age| age.max(0.0)),
    })
}

/// Text as the bytes that it is. The server lets `application_name` be ASCII only, but what extensions call their workers and
/// what these call themselves it takes as it comes, in whatever encoding: one byte of that would cost the whole poll.
struct Bytes<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Bytes<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::TEXT
    }
}

impl Bytes<'_> {
    fn one_of(&self, known: &[&'static str]) -> Option<&'static str> {
        let known = known.iter().find(|known| known.as_bytes() == self.0);
        known.copied()
    }

    fn state(&self) -> &'static str {
        self.one_of(&STATES).unwrap_or("other")
    }

    fn backend_type(&self) -> &'static str {
        self.one_of(&BACKEND_TYPES).unwrap_or("background worker")
    }
}

/// Of PostgreSQL 13 to 18 (`pg_stat_get_activity`), the most frequent first.
const STATES: [&str; 7] = [
    "idle",
    "active",
    "idle in transaction",
    "idle in transaction (aborted)",
    "fastpath function call",
    "disabled",
    "starting",
];

/// Of PostgreSQL 13 to 18 (`GetBackendTypeDesc`, and the types of its own background workers), the most frequent first.
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
    use super::{Bytes, FromSql, Type};

    #[test]
    fn what_extensions_call_their_workers_is_no_label_and_costs_no_poll() {
        let backend_type = |raw| {
            let bytes = Bytes::from_sql(&Type::TEXT, raw).expect("any bytes will do");
            bytes.backend_type()
        };
        assert_eq!(backend_type(b"walsender"), "walsender");
        for worker in [
            b"TimescaleDB Background Worker Scheduler".as_slice(),
            b"caf\xe9",
            b"",
        ] {
            assert_eq!(backend_type(worker), "background worker");
        }
    }
}
