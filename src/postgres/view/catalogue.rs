//! Databases and login roles from the system catalogue. Names are sent as bytes, because a name in another encoding may not
//! be UTF-8 and would fail the whole query.

use std::collections::HashSet;
use std::fmt::Write as _;

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, Statement};

use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::{Catalogue, Database, Fingerprint, Oid, Role};

const CONTEXT: QueryContext = QueryContext("reading databases and roles");

/// Rows of three kinds share the columns; the first column has the kind. The last row has the server time of the statement in
/// microseconds. The parameters are the OID of `pg_use_reserved_connections`, or NULL, and the roles with sessions. A
/// database takes some megabytes of disk, but a role costs nothing to create, so the number of roles has a limit.
const SQL: &str = r#"
select 'd'::"char" as kind, d.oid, pg_catalog.namesend(d.datname) as name, d.datconnlimit as connection_limit,
       null::int8 as number, d.datallowconn as flag, false as other_flag
  from pg_catalog.pg_database as d
union all
select 'r', r.oid, pg_catalog.namesend(r.rolname), r.rolconnlimit, r.logins, r.rolsuper,
       coalesce(pg_catalog.pg_has_role(r.oid, $1::oid, 'usage'), false)
  from (select oid, rolname, rolconnlimit, rolsuper, count(*) over () as logins
          from pg_catalog.pg_roles
         where rolcanlogin or oid = any ($2)
         order by oid = any ($2) desc, oid
         limit 10000) as r
union all
select 'i', null, null, null,
       (extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp())::float8 * 1000000)::int8, null, null"#;

pub(in crate::postgres) async fn prepare(client: &Client) -> Result<Statement, QueryError> {
    client
        .prepare_typed(SQL, &[Type::OID, Type::OID_ARRAY])
        .await
        .map_err(CONTEXT.failed())
}

/// `asked` are the roles with sessions in the poll that returned `fingerprint`. Also returns the seconds of server time.
pub(in crate::postgres) async fn read(
    client: &Client,
    statement: &Statement,
    reserved_role: Option<Oid>,
    asked: HashSet<Oid>,
    fingerprint: Fingerprint,
) -> Result<(Catalogue, f64), QueryError> {
    let roles: Vec<Oid> = asked.iter().copied().collect();
    let rows = client.query(statement, &[&reserved_role, &roles]).await;
    let mut catalogue = Catalogue {
        known_roles: asked,
        fingerprint,
        ..Catalogue::default()
    };
    let mut seconds = 0.0;
    for row in &rows.map_err(CONTEXT.failed())? {
        match CONTEXT.kind(row)? {
            b'd' => catalogue.databases.push(database(row)?),
            b'r' => {
                let role = role(row)?;
                catalogue.known_roles.insert(role.oid);
                catalogue.roles.push(role);
                catalogue.logins = CONTEXT
                    .column::<i64>(row, 4)?
                    .try_into()
                    .unwrap_or_default();
            }
            b'i' => seconds = CONTEXT.column::<i64>(row, 4)? as f64 / 1e6,
            other => return Err(CONTEXT.unknown_kind(other)),
        }
    }
    Ok((catalogue, seconds))
}

fn database(row: &Row) -> Result<Database, QueryError> {
    Ok(Database {
        oid: CONTEXT.column(row, 1)?,
        name: readable(CONTEXT.column(row, 2)?),
        connection_limit: CONTEXT.column(row, 3)?,
        accepts_connections: CONTEXT.column(row, 5)?,
    })
}

fn role(row: &Row) -> Result<Role, QueryError> {
    Ok(Role {
        oid: CONTEXT.column(row, 1)?,
        name: readable(CONTEXT.column(row, 2)?),
        connection_limit: CONTEXT.column(row, 3)?,
        superuser: CONTEXT.column(row, 5)?,
        uses_reserved_connections: CONTEXT.column(row, 6)?,
    })
}

/// Writes a byte that is not UTF-8 as `\xe9`, and the backslash of a name that contains such an escape as `\x5c`. So two
/// names never become the same: Prometheus refuses a page with two equal series, and a tenant could choose such names.
pub(super) fn readable(bytes: &[u8]) -> String {
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

    /// Decodes a readable name to the original bytes.
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
        fn a_readable_name_is_unambiguous(
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
