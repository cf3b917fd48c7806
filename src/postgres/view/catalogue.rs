//! Databases and login roles from the system catalogue. Names are sent as bytes, because a name in another encoding may not
//! be UTF-8 and would fail the whole query.

use std::collections::HashSet;

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row, Statement};

use crate::names::readable;
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::{Catalogue, Database, Fingerprint, Oid, Role};

const CONTEXT: QueryContext = QueryContext("reading databases and roles");

/// Rows of three kinds share the columns; the first column has the kind. The last row has the server time of the statement in
/// microseconds. The parameters are the OID of `pg_use_reserved_connections`, or NULL, and the roles with sessions. A
/// database takes some megabytes of disk, but a role costs nothing to create, so the number of roles has a limit.
const SQL: &str = r#"
select 'd'::"char" as kind, d.oid, pg_catalog.namesend(d.datname) as name, d.datconnlimit as connection_limit,
       null::int8 as number, d.datallowconn as flag, false as other_flag,
       pg_catalog.namesend(pg_catalog.pg_get_userbyid(d.datdba)) as owner
  from pg_catalog.pg_database as d
union all
select 'r', r.oid, pg_catalog.namesend(r.rolname), r.rolconnlimit, r.logins, r.rolsuper,
       coalesce(pg_catalog.pg_has_role(r.oid, $1::oid, 'usage'), false), null
  from (select oid, rolname, rolconnlimit, rolsuper, count(*) over () as logins
          from pg_catalog.pg_roles
         where rolcanlogin or oid = any ($2)
         order by oid = any ($2) desc, oid
         limit 10000) as r
union all
select 'i', null, null, null,
       (extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp())::float8 * 1000000)::int8, null, null, null"#;

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
        owner: readable(CONTEXT.column(row, 7)?),
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
