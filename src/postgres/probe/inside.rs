//! What is open inside a database: the catalogue of any database may be read by a role that may connect to it.

use futures_util::future::try_join3;
use tokio_postgres::{Client, Row};

use super::{CONTEXT, name};
use crate::postgres::QueryError;
use crate::sample::access::Name;
use crate::sample::probe::{InnerObject, InnerPrivileges, Objects};

/// `nspacl` is NULL while the privileges are the default ones, in which PUBLIC has none.
const SCHEMAS: &str = "
select pg_catalog.namesend(n.nspname), null::bytea, null::bytea, count(*) over ()
  from pg_catalog.pg_namespace as n
 where not pg_catalog.starts_with(n.nspname::text, 'pg_') and n.nspname <> 'information_schema'
   and exists (select from pg_catalog.aclexplode(n.nspacl) as g where g.grantee = 0 and g.privilege_type = 'CREATE')
 order by n.nspname
 limit 20";

/// A privilege on a column is enough to read the table in part.
const TABLES: &str = "
select pg_catalog.namesend(n.nspname), pg_catalog.namesend(c.relname), null::bytea, count(*) over ()
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'f')
   and not pg_catalog.starts_with(n.nspname::text, 'pg_') and n.nspname <> 'information_schema'
   and exists (select from pg_catalog.aclexplode(n.nspacl) as g where g.grantee = 0 and g.privilege_type = 'USAGE')
   and (exists (select from pg_catalog.aclexplode(c.relacl) as g where g.grantee = 0 and g.privilege_type = 'SELECT')
        or c.oid in (select a.attrelid
                       from pg_catalog.pg_attribute as a, lateral pg_catalog.aclexplode(a.attacl) as g
                      where a.attacl is not null and not a.attisdropped and g.grantee = 0 and g.privilege_type = 'SELECT'))
   and not exists (select from pg_catalog.pg_depend as d
                    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
 order by n.nspname, c.relname
 limit 20";

const FUNCTIONS: &str = "
select pg_catalog.namesend(n.nspname), pg_catalog.namesend(p.proname),
       pg_catalog.textsend(pg_catalog.left(pg_catalog.pg_get_function_identity_arguments(p.oid), 200)), count(*) over ()
  from pg_catalog.pg_proc as p
  join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
 where p.prosecdef
   and not pg_catalog.starts_with(n.nspname::text, 'pg_') and n.nspname <> 'information_schema'
   and not exists (select from unnest(p.proconfig) as s(setting) where pg_catalog.starts_with(s.setting, 'search_path='))
   and not exists (select from pg_catalog.pg_depend as d
                    where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
 order by n.nspname, p.proname, p.oid
 limit 20";

/// One round trip.
pub(super) async fn read(client: &Client) -> Result<InnerPrivileges, QueryError> {
    let query = |sql| client.query_typed(sql, &[]);
    let answers = try_join3(query(SCHEMAS), query(TABLES), query(FUNCTIONS)).await;
    let (schemas, tables, functions) = answers.map_err(CONTEXT.failed())?;
    Ok(InnerPrivileges {
        schemas: objects(&schemas)?,
        tables: objects(&tables)?,
        functions: objects(&functions)?,
    })
}

fn objects(rows: &[Row]) -> Result<Objects, QueryError> {
    let mut objects = Objects::default();
    for row in rows {
        objects.total = CONTEXT.count(row, 3)?;
        objects.first.push(InnerObject {
            schema: name(row, 0)?,
            name: optional_name(row, 1)?,
            arguments: optional_name(row, 2)?.map_or_else(String::new, |it| it.shown),
        });
    }
    Ok(objects)
}

fn optional_name(row: &Row, column: usize) -> Result<Option<Name>, QueryError> {
    let bytes: Option<&[u8]> = CONTEXT.column(row, column)?;
    bytes.map(|_| name(row, column)).transpose()
}
