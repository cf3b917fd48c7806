//! What is asked once for each session: limits that need a restart to change, and what the agent's own role may do.

use tokio_postgres::Client;

use super::QueryError;
use crate::sample::{Backend, Oid, ServerInfo};

const DOING: &str = "reading the server's settings";

const SQL: &str = "
select current_setting('server_version_num')::int4,
       pg_catalog.version(),
       extract(epoch from pg_catalog.pg_postmaster_start_time())::float8,
       current_setting('max_connections')::int4,
       current_setting('superuser_reserved_connections')::int4,
       current_setting('reserved_connections', true)::int4,
       (select setting::int4 from pg_catalog.pg_settings where name = 'rds.rds_superuser_reserved_connections'),
       (select rolsuper from pg_catalog.pg_roles where rolname = current_user),
       reserved.oid,
       pg_catalog.pg_has_role(reserved.oid, 'usage'),
       (select setting::int8 from pg_catalog.pg_settings where name = 'statement_timeout'),
       (select oid from pg_catalog.pg_roles where rolname = current_user),
       own.pid,
       extract(epoch from own.backend_start)::float8
  from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) as own
  left join pg_catalog.pg_roles as reserved on reserved.rolname = 'pg_use_reserved_connections'";

pub(super) struct Info {
    pub(super) server: ServerInfo,
    /// The one that serves this session.
    pub(super) backend: Backend,
    /// The role `pg_use_reserved_connections`, where there are slots to reserve (16+).
    pub(super) reserved_role: Option<Oid>,
    /// Milliseconds; not what was asked for when something in between drops what the session was started with.
    pub(super) statement_timeout: i64,
}

pub(super) async fn read(client: &Client) -> Result<Info, QueryError> {
    let failed = QueryError::driver(DOING);
    // One round trip, which a statement that is prepared would take two of.
    let rows = client.query_typed(SQL, &[]).await.map_err(failed)?;
    let row = rows.first().ok_or_else(|| QueryError::Answer {
        doing: DOING,
        what: "no row".to_owned(),
    })?;
    let count = |column| -> Result<Option<u32>, QueryError> {
        let value: Option<i32> = row.try_get(column).map_err(failed)?;
        Ok(value.and_then(|value| u32::try_from(value).ok()))
    };
    let needed = |what: &'static str| {
        move || QueryError::Answer {
            doing: DOING,
            what: format!("no {what}"),
        }
    };
    let reserved_connections = count(5)?;
    let reserved_role: Option<Oid> = row.try_get(8).map_err(failed)?;
    Ok(Info {
        server: ServerInfo {
            version_num: count(0)?.ok_or_else(needed("server_version_num"))?,
            version: row.try_get(1).map_err(failed)?,
            start_time: row.try_get(2).map_err(failed)?,
            max_connections: count(3)?.ok_or_else(needed("max_connections"))?,
            superuser_reserved_connections: count(4)?
                .ok_or_else(needed("superuser_reserved_connections"))?,
            reserved_connections,
            rds_reserved_connections: count(6)?,
            role: row.try_get(11).map_err(failed)?,
            superuser: row
                .try_get::<_, Option<bool>>(7)
                .map_err(failed)?
                .unwrap_or(false),
            uses_reserved_connections: row.try_get(9).map_err(failed)?,
        },
        backend: Backend {
            pid: row.try_get(12).map_err(failed)?,
            start_time: row.try_get(13).map_err(failed)?,
        },
        reserved_role: reserved_role
            .filter(|_| reserved_connections.is_some_and(|slots| slots > 0)),
        statement_timeout: row.try_get(10).map_err(failed)?,
    })
}
