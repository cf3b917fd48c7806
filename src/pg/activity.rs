//! The fast poll: sessions, databases and login roles, in one statement of one round trip. Names travel as bytes, for a
//! name made in another encoding may not be UTF-8 and would cost the whole answer.

use std::fmt::Write as _;

use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Row, Statement};

use super::QueryError;
use crate::sample::{Activity, Backend, Database, Oid, Role, Sessions};

const DOING: &str = "polling activity";

/// Four kinds of rows share columns; what a column means depends on the first. `pg_stat_get_activity` without the
/// view's joins costs half of it. The parameters are the role `pg_use_reserved_connections`, or NULL, and a backend that may
/// be there still, or NULL and NULL. Sessions are no more
/// than the server has slots, and a database costs its maker some megabytes; roles cost nothing, so there is a limit to
/// what is asked for.
const SQL: &str = r#"
with activity as materialized (
    select datid, usesysid, application_name, state, backend_type, count(*) as sessions,
           count(*) filter (where wait_event_type = 'Lock') as blocked,
           extract(epoch from now() - min(xact_start))::float8 as oldest_transaction
      from pg_catalog.pg_stat_get_activity(null)
     group by 1, 2, 3, 4, 5)
select 'd'::"char" as kind, d.oid, null::oid as role, pg_catalog.namesend(d.datname) as name, null::text as application_name,
       null::text as state, null::text as backend_type, d.datconnlimit::int8 as number, {sessions_fatal} as fatal,
       d.datallowconn as flag, null::bool as other_flag, null::float8 as seconds
  from pg_catalog.pg_database as d
union all
select 'r', r.oid, null, pg_catalog.namesend(r.rolname), null, null, null, r.rolconnlimit, r.logins,
       r.rolsuper, coalesce(pg_catalog.pg_has_role(r.oid, $1::oid, 'usage'), false), null
  from (select oid, rolname, rolconnlimit, rolsuper, count(*) over () as logins
          from pg_catalog.pg_roles
         where rolcanlogin or oid in (select a.usesysid from activity as a)
         order by oid in (select a.usesysid from activity as a where a.usesysid is not null) desc, oid
         limit 10000) as r
union all
select 's', a.datid, a.usesysid, null, a.application_name, a.state, a.backend_type, a.sessions, a.blocked, null, null,
       a.oldest_transaction
  from activity as a
union all
select 'i', null, null, null, null, null, null, null, null, pg_catalog.pg_is_in_recovery(),
       $2 is not null and exists (
           select from pg_catalog.pg_stat_get_activity($2) as b
            where extract(epoch from b.backend_start)::float8 = $3), null"#;

/// The counter came with PostgreSQL 14, which has it from a process of its own and waits for that up to 10 s: there it is
/// read with the other statistics, so that connections are counted whatever that process does.
fn sql(version_num: u32) -> String {
    let counted = version_num >= 150_000;
    SQL.replace(
        "{sessions_fatal}",
        if counted {
            "pg_catalog.pg_stat_get_db_sessions_fatal(d.oid)"
        } else {
            "null::int8"
        },
    )
}

pub(super) async fn prepare(client: &Client, version_num: u32) -> Result<Statement, QueryError> {
    client
        .prepare_typed(&sql(version_num), &[Type::OID, Type::INT4, Type::FLOAT8])
        .await
        .map_err(QueryError::driver(DOING))
}

pub(super) async fn read(
    client: &Client,
    statement: &Statement,
    (reserved_role, left_behind): (Option<Oid>, Option<Backend>),
) -> Result<Activity, QueryError> {
    let rows = client
        .query(
            statement,
            &[
                &reserved_role,
                &left_behind.map(|backend| backend.pid),
                &left_behind.map(|backend| backend.start_time),
            ],
        )
        .await
        .map_err(QueryError::driver(DOING))?;
    let mut activity = Activity::default();
    for row in &rows {
        match u8::try_from(column::<i8>(row, 0)?).unwrap_or_default() {
            b'd' => activity.databases.push(database(row)?),
            b'r' => {
                activity.roles.push(role(row)?);
                activity.logins = column::<i64>(row, 8)?.try_into().unwrap_or_default();
            }
            b's' => activity.sessions.push(sessions(row)?),
            b'i' => {
                activity.in_recovery = column(row, 9)?;
                activity.left_behind = column(row, 10)?;
            }
            other => {
                return Err(QueryError::Answer {
                    doing: DOING,
                    what: format!("a row of kind {other}"),
                });
            }
        }
    }
    Ok(activity)
}

fn column<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, QueryError> {
    row.try_get(index).map_err(QueryError::driver(DOING))
}

fn database(row: &Row) -> Result<Database, QueryError> {
    Ok(Database {
        oid: column(row, 1)?,
        name: name(row)?,
        connection_limit: limit(row)?,
        sessions_fatal: column(row, 8)?,
        accepts_connections: column(row, 9)?,
    })
}

fn role(row: &Row) -> Result<Role, QueryError> {
    Ok(Role {
        oid: column(row, 1)?,
        name: name(row)?,
        connection_limit: limit(row)?,
        superuser: column(row, 9)?,
        uses_reserved_connections: column(row, 10)?,
    })
}

fn sessions(row: &Row) -> Result<Sessions, QueryError> {
    let nonzero = |oid: Option<Oid>| oid.filter(|oid| *oid != 0);
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Sessions {
        database: nonzero(column(row, 1)?),
        role: nonzero(column(row, 2)?),
        application_name: column::<Option<String>>(row, 4)?.unwrap_or_default(),
        state: column(row, 5)?,
        backend_type: column(row, 6)?,
        count: count(column(row, 7)?),
        blocked: count(column(row, 8)?),
        // The server's clock may have been set back meanwhile.
        oldest_transaction: column::<Option<f64>>(row, 11)?.map(|age| age.max(0.0)),
    })
}

fn name(row: &Row) -> Result<String, QueryError> {
    Ok(readable(column(row, 3)?))
}

fn limit(row: &Row) -> Result<i32, QueryError> {
    let number: i64 = column(row, 7)?;
    i32::try_from(number).map_err(|_| QueryError::Answer {
        doing: DOING,
        what: format!("a limit of {number}"),
    })
}

/// A byte that is not UTF-8 is written as `\xe9`, and so is the backslash of a name that has these four characters itself:
/// two names never become one, or one tenant could make two series alike, which costs the whole page.
fn readable(bytes: &[u8]) -> String {
    let mut name = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for (at, character) in chunk.valid().char_indices() {
            if is_escape(&chunk.valid().as_bytes()[at..]) {
                name.push_str("\\x5c");
            } else {
                name.push(character);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(name, "\\x{byte:02x}");
        }
    }
    name
}

fn is_escape(bytes: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    matches!(bytes, [b'\\', b'x', high, low, ..] if is_digit(high) && is_digit(low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{is_escape, readable};

    #[test]
    fn names_in_another_encoding_stay_apart() {
        assert_eq!(readable("größe 🐘".as_bytes()), "größe 🐘");
        assert_eq!(readable(b"caf\xe9\xe8!"), "caf\\xe9\\xe8!");
        assert_eq!(readable(br"caf\xe9"), r"caf\x5cxe9");
        assert_eq!(readable(br"back\slash\x\xE9"), r"back\slash\x\xE9");
    }

    /// The bytes that a readable name stands for.
    fn meant(name: &str) -> Vec<u8> {
        let (mut rest, mut bytes) = (name.as_bytes(), Vec::new());
        while let [first, after @ ..] = rest {
            if is_escape(rest) {
                let digits = str::from_utf8(&rest[2..4]).expect("two digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
                rest = &rest[4..];
            } else {
                bytes.push(*first);
                rest = after;
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn a_readable_name_stands_for_one_name_only(
            parts in prop::collection::vec(prop_oneof![
                prop::collection::vec(any::<u8>(), 1..4),
                Just(br"\x5c".to_vec()), Just(br"\xe9".to_vec()), Just(b"\\".to_vec()), Just(b"x5".to_vec()),
                Just("é".as_bytes().to_vec()),
            ], 0..8),
        ) {
            let name = parts.concat();
            prop_assert_eq!(meant(&readable(&name)), name);
        }
    }
}
