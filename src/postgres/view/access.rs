//! Who may connect where: databases with their privileges, roles, memberships and sessions. The answer has one row for each
//! object and each grant, never one for each pair of a role and a database; `isolation` computes the pairs.

use futures_util::future::try_join_all;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::names::readable;
use crate::postgres::QueryError;
use crate::postgres::column::QueryContext;
use crate::sample::Oid;
use crate::sample::access::{
    Access, Attribute, DatabaseAccess, Grant, Membership, Name, RoleAccess, SessionCount,
};

const CONTEXT: QueryContext = QueryContext("reading privileges");

/// More rows than this are not read, and no check is made that needs them. A role costs nothing to create, and the owner of a
/// database may grant its privileges to all of them.
const MAX_ROWS: usize = 20_000;

const DATABASES: &str = "
select d.oid, pg_catalog.namesend(d.datname), d.datdba, d.datconnlimit, d.datallowconn, d.datistemplate
  from pg_catalog.pg_database as d
 where d.datconnlimit <> -2
 order by d.oid
 limit 20001";

/// `datacl` is NULL while the privileges are the default ones. A grantee of 0 is PUBLIC.
const GRANTS: &str = "
select d.oid, a.grantee, a.grantor, a.connect, a.temporary, a.creates
  from pg_catalog.pg_database as d,
       lateral (select x.grantee, x.grantor,
                       bool_or(x.privilege_type = 'CONNECT') as connect,
                       bool_or(x.privilege_type = 'TEMPORARY') as temporary,
                       bool_or(x.privilege_type = 'CREATE') as creates
                  from pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) as x
                 group by 1, 2) as a
 where d.datconnlimit <> -2
 limit 20001";

const ROLES: &str = "
select r.oid, pg_catalog.namesend(r.rolname), r.rolcanlogin, r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolbypassrls,
       r.rolreplication, r.rolconnlimit
  from pg_catalog.pg_roles as r
 order by r.oid
 limit 20001";

const MEMBERSHIPS: &str = "
select m.roleid, m.member, m.grantor, m.inherit_option, m.set_option, m.admin_option
  from pg_catalog.pg_auth_members as m
 limit 20001";

/// `has_privs_of_role` and `SET ROLE` before PostgreSQL 16.
const MEMBERSHIPS_BEFORE_16: &str = "
select m.roleid, m.member, m.grantor, r.rolinherit, true, m.admin_option
  from pg_catalog.pg_auth_members as m
  join pg_catalog.pg_roles as r on r.oid = m.member
 limit 20001";

/// PostgreSQL hides the type of a backend from roles without `pg_read_all_stats`. A Unix socket has no address.
const SESSIONS: &str = "
select a.datid, a.usesysid, count(*)::int4,
       count(*) filter (where not a.ssl and a.client_addr is not null
                          and not a.client_addr <<= '127.0.0.0/8'::inet and a.client_addr <> '::1'::inet)::int4,
       bool_or(a.backend_type is null)
  from pg_catalog.pg_stat_get_activity(null) as a
 where a.datid is not null and a.usesysid is not null and a.pid <> pg_catalog.pg_backend_pid()
   and coalesce(a.backend_type, 'client backend') = 'client backend'
 group by 1, 2";

/// The sum of a hash over all rows of databases, roles and memberships, keyed like those of the primary poll. `pg_roles` is a view and has
/// no `xmin`, so its columns are hashed.
const SUM: &str = "
select (sum(s.hash) % 4611686018427387904)::int8
  from (select hashoidextended(d.oid, hashint8extended(d.xmin::text::int8, $1)) as hash
          from pg_catalog.pg_database as d
         union all
        select hashnameextended(r.rolname, hashoidextended(r.oid, hashint8extended(
                   r.rolconnlimit::int8 * 128 + r.rolsuper::int4 + r.rolinherit::int4 * 2 + r.rolcreaterole::int4 * 4
                   + r.rolcreatedb::int4 * 8 + r.rolcanlogin::int4 * 16 + r.rolreplication::int4 * 32
                   + r.rolbypassrls::int4 * 64, $1)))
          from pg_catalog.pg_roles as r
         union all
        select hashoidextended(m.roleid, hashoidextended(m.member, hashint8extended(m.xmin::text::int8, $1)))
          from pg_catalog.pg_auth_members as m) as s";

fn statements(version_num: u32) -> [&'static str; 5] {
    let memberships = if version_num >= 160_000 {
        MEMBERSHIPS
    } else {
        MEMBERSHIPS_BEFORE_16
    };
    [DATABASES, GRANTS, ROLES, memberships, SESSIONS]
}

/// One round trip.
pub(in crate::postgres) async fn read(
    client: &Client,
    version_num: u32,
) -> Result<Access, QueryError> {
    let queries = statements(version_num).map(|sql| client.query_typed(sql, &[]));
    let answers = try_join_all(queries).await.map_err(CONTEXT.failed())?;
    decode(&answers)
}

/// None: the sum is `known`. Otherwise also the new sum. A change between the two round trips is found the next time.
pub(in crate::postgres) async fn read_changed(
    client: &Client,
    version_num: u32,
    known: Option<i64>,
    key: i64,
) -> Result<Option<(Access, i64)>, QueryError> {
    let rows = client.query_typed(SUM, &[(&key, Type::INT8)]).await;
    let [row] = &rows.map_err(CONTEXT.failed())?[..] else {
        return Err(CONTEXT.answer("not one row".to_owned()));
    };
    let sum = CONTEXT.column(row, 0)?;
    if known == Some(sum) {
        return Ok(None);
    }
    Ok(Some((read(client, version_num).await?, sum)))
}

fn decode(answers: &[Vec<Row>]) -> Result<Access, QueryError> {
    let [databases, grants, roles, memberships, sessions] = answers else {
        return Err(CONTEXT.answer("not five answers".to_owned()));
    };
    let mut access = Access {
        databases: rows(databases, database)?,
        roles: rows(roles, role)?,
        memberships: rows(memberships, membership)?,
        sessions: visible(sessions)?,
        truncated: None,
    };
    let counted = [
        (databases.len(), "databases"),
        (grants.len(), "privileges on databases"),
        (roles.len(), "roles"),
        (memberships.len(), "memberships of roles"),
    ];
    let above = counted.iter().find(|(rows, _)| *rows > MAX_ROWS);
    access.truncated = above.map(|(_, what)| *what);
    for row in grants {
        let oid: Oid = CONTEXT.column(row, 0)?;
        // The databases are sorted by OID.
        if let Ok(at) = access.databases.binary_search_by_key(&oid, |it| it.oid) {
            access.databases[at].grants.push(grant(row)?);
        }
    }
    Ok(access)
}

fn rows<T>(rows: &[Row], decode: fn(&Row) -> Result<T, QueryError>) -> Result<Vec<T>, QueryError> {
    rows.iter().map(decode).collect()
}

fn name(row: &Row, column: usize) -> Result<Name, QueryError> {
    let bytes: &[u8] = CONTEXT.column(row, column)?;
    Ok(Name {
        shown: readable(bytes),
        exact: str::from_utf8(bytes).ok().map(str::to_owned),
    })
}

fn database(row: &Row) -> Result<DatabaseAccess, QueryError> {
    Ok(DatabaseAccess {
        oid: CONTEXT.column(row, 0)?,
        name: name(row, 1)?,
        owner: CONTEXT.column(row, 2)?,
        connection_limit: CONTEXT.column(row, 3)?,
        accepts_connections: CONTEXT.column(row, 4)?,
        is_template: CONTEXT.column(row, 5)?,
        grants: Vec::new(),
    })
}

fn grant(row: &Row) -> Result<Grant, QueryError> {
    let grantee: Oid = CONTEXT.column(row, 1)?;
    Ok(Grant {
        grantee: Some(grantee).filter(|oid| *oid != 0),
        grantor: CONTEXT.column(row, 2)?,
        connect: CONTEXT.column(row, 3)?,
        temporary: CONTEXT.column(row, 4)?,
        create: CONTEXT.column(row, 5)?,
    })
}

const ATTRIBUTES: [Attribute; 4] = [
    Attribute::CreateDatabase,
    Attribute::CreateRole,
    Attribute::BypassRowSecurity,
    Attribute::Replication,
];

fn role(row: &Row) -> Result<RoleAccess, QueryError> {
    let mut attributes = Vec::new();
    for (column, attribute) in (4..).zip(ATTRIBUTES) {
        if CONTEXT.column(row, column)? {
            attributes.push(attribute);
        }
    }
    Ok(RoleAccess {
        oid: CONTEXT.column(row, 0)?,
        name: name(row, 1)?,
        can_login: CONTEXT.column(row, 2)?,
        superuser: CONTEXT.column(row, 3)?,
        attributes,
        connection_limit: CONTEXT.column(row, 8)?,
    })
}

fn membership(row: &Row) -> Result<Membership, QueryError> {
    Ok(Membership {
        group: CONTEXT.column(row, 0)?,
        member: CONTEXT.column(row, 1)?,
        grantor: CONTEXT.column(row, 2)?,
        inherit: CONTEXT.column(row, 3)?,
        set: CONTEXT.column(row, 4)?,
        admin: CONTEXT.column(row, 5)?,
    })
}

/// None if the sessions of other roles are hidden.
fn visible(rows: &[Row]) -> Result<Option<Vec<SessionCount>>, QueryError> {
    let mut sessions = Vec::with_capacity(rows.len());
    for row in rows {
        if CONTEXT.column::<bool>(row, 4)? {
            return Ok(None);
        }
        let count = |column| -> Result<u32, QueryError> {
            let count: i32 = CONTEXT.column(row, column)?;
            Ok(count.try_into().unwrap_or_default())
        };
        sessions.push(SessionCount {
            database: CONTEXT.column(row, 0)?,
            role: CONTEXT.column(row, 1)?,
            count: count(2)?,
            cleartext: count(3)?,
        });
    }
    Ok(Some(sessions))
}
