//! What is read once per session: settings that change only at a restart, and the privileges of the agent's role.

use tokio_postgres::Client;

use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::{Backend, Oid, ServerInfo};

const CONTEXT: QueryContext = QueryContext("reading the server's settings");

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
       extract(epoch from own.backend_start)::float8,
       (select extract(epoch from max(backend_start))::float8
          from pg_catalog.pg_stat_get_activity(null) where backend_type = 'checkpointer'),
       extract(epoch from pg_catalog.clock_timestamp())::float8
  from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) as own
  left join pg_catalog.pg_roles as reserved on reserved.rolname = 'pg_use_reserved_connections'";

pub(in crate::postgres) struct Info {
    pub(in crate::postgres) server: ServerInfo,
    /// The backend that serves this session.
    pub(in crate::postgres) backend: Backend,
    /// The role `pg_use_reserved_connections`, if the server reserves slots for it (16+).
    pub(in crate::postgres) reserved_role: Option<Oid>,
    /// Milliseconds. Differs from the requested value when a pooler in between drops the startup options.
    pub(in crate::postgres) statement_timeout: i64,
}

pub(in crate::postgres) async fn read(client: &Client) -> Result<Info, QueryError> {
    let failed = CONTEXT.failed();
    // One round trip; preparing the statement would take two.
    let rows = client.query_typed(SQL, &[]).await.map_err(failed)?;
    let row = rows
        .first()
        .ok_or_else(|| CONTEXT.answer("no row".to_owned()))?;
    let count = |column| -> Result<Option<u32>, QueryError> {
        let value: Option<i32> = CONTEXT.column(row, column)?;
        Ok(value.and_then(|value| u32::try_from(value).ok()))
    };
    let needed = |what: &'static str| move || CONTEXT.answer(format!("no {what}"));
    let reserved_connections = count(5)?;
    let reserved_role: Option<Oid> = CONTEXT.column(row, 8)?;
    Ok(Info {
        server: ServerInfo {
            version_num: count(0)?.ok_or_else(needed("server_version_num"))?,
            version: CONTEXT.column(row, 1)?,
            start_time: CONTEXT.column(row, 2)?,
            checkpointer_start: CONTEXT.column(row, 14)?,
            read_at: CONTEXT.column(row, 15)?,
            max_connections: count(3)?.ok_or_else(needed("max_connections"))?,
            superuser_reserved_connections: count(4)?
                .ok_or_else(needed("superuser_reserved_connections"))?,
            reserved_connections,
            rds_reserved_connections: count(6)?,
            role: CONTEXT.column(row, 11)?,
            superuser: CONTEXT.column::<Option<bool>>(row, 7)?.unwrap_or(false),
            uses_reserved_connections: CONTEXT.column(row, 9)?,
        },
        backend: Backend {
            pid: CONTEXT.column(row, 12)?,
            start_time: CONTEXT.column(row, 13)?,
        },
        reserved_role: reserved_role
            .filter(|_| reserved_connections.is_some_and(|slots| slots > 0)),
        statement_timeout: CONTEXT.column(row, 10)?,
    })
}
