//! The psql script that creates or drops a tenant: a database, its roles and their limits, closed for others. It runs on PostgreSQL
//! 13 to 18. A second run changes nothing but the password.

mod quoted;

use std::fmt::Write as _;

use secrecy::SecretString;

use quoted::Quoted;

use super::role::{self, NameError};
use crate::names::literal;

/// The tenant to create or drop.
pub(crate) struct Tenant<'a> {
    /// The database.
    pub(crate) dbname: &'a str,
    /// The maximum number of connections: of the database, and of each login role.
    pub(crate) connections: u32,
    /// Owns the database.
    pub(crate) owner: &'a str,
    /// Members of the owner that log in; empty: the owner itself logs in.
    pub(crate) logins: &'a [String],
    /// That of the role that logs in, if there is one only.
    pub(crate) password: Option<&'a SecretString>,
    /// The major version of the server, such as 15, for the heading. The script is the same for all.
    pub(crate) major: Option<u32>,
}

/// Why there is no script for this tenant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum TenantError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("{what}: {name} is longer than 63 bytes")]
    Long { what: &'static str, name: String },
    #[error("{what}: {name} cannot be a tenant, PostgreSQL uses it itself")]
    Reserved { what: &'static str, name: String },
    #[error("--login: {0} is the owner too; leave --login away, or choose another --owner")]
    OwnerLogsIn(String),
    #[error("--password-file is for one login role; run it once for each")]
    Passwords,
}

const START: &str = "\
\\set ON_ERROR_STOP on
set client_encoding = 'UTF8';
set client_min_messages = warning;
set search_path = pg_catalog;
";

/// The script that creates the tenant.
pub(crate) fn create(tenant: &Tenant<'_>) -> Result<String, TenantError> {
    let quoted = Quoted::of(tenant)?;
    let versions = tenant
        .major
        .map_or_else(|| "13 to 18".to_owned(), |major| major.to_string());
    let mut sql = format!(
        "-- A tenant on PostgreSQL {versions}, for psql. Run it as an administrator, in the database postgres.\n{START}"
    );
    sql.push_str("begin;\n");
    sql.push_str(&refuse(&quoted));
    create_roles(&mut sql, &quoted);
    sql.push_str("commit;\n");
    create_database(&mut sql, &quoted);
    close(&mut sql, &quoted);
    schema(&mut sql, &quoted);
    if tenant.password.is_none() {
        for (name, identifier) in &quoted.logins {
            sql.push_str(&role::hint(name, identifier));
        }
    }
    Ok(sql)
}

/// The script that drops the tenant and all its data.
pub(crate) fn drop(tenant: &Tenant<'_>) -> Result<String, TenantError> {
    let quoted = Quoted::of(tenant)?;
    let mut sql = format!(
        "-- Drops the tenant and all its data, for psql. Run it as an administrator, in the database postgres.\n{START}"
    );
    sql.push_str(&refuse(&quoted));
    let _ = writeln!(
        sql,
        "select format('drop database %I with (force)', datname) from pg_database where datname = {}::name \\gexec",
        literal(tenant.dbname)
    );
    for (name, _) in quoted.roles().into_iter().rev() {
        let _ = write!(
            sql,
            "select format('grant %I to current_user', rolname) from pg_roles where rolname = {}::name\n\
             \x20 and not (select rolsuper from pg_roles where rolname = current_user) \\gexec\n",
            literal(name)
        );
        // DROP OWNED also takes privileges on other databases away, without which DROP ROLE would fail.
        for statement in ["drop owned by %I", "drop role %I"] {
            let _ = writeln!(
                sql,
                "select format('{statement}', rolname) from pg_roles where rolname = {}::name \\gexec",
                literal(name)
            );
        }
    }
    Ok(sql)
}

/// A block of `PL/pgSQL`. The tag of the dollar quotes is not in the body, so that no name ends them.
pub(super) fn block(body: &str) -> String {
    let mut tag = "$tenant$".to_owned();
    while body.contains(&tag) {
        tag.insert(1, '_');
    }
    format!("do {tag} begin\n{body}end {tag};\n")
}

/// Stops before anything changes if a role is an administrator, or the database belongs to another tenant.
fn refuse(quoted: &Quoted<'_>) -> String {
    let roles: Vec<_> = quoted
        .roles()
        .iter()
        .map(|(name, _)| literal(name))
        .collect();
    let owner = literal(quoted.tenant.owner);
    block(&format!(
        "  if exists (select from pg_roles where rolname = any (array[{}]::name[])\n\
         \x20     and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls)) then\n\
         \x20   raise exception 'a role of the tenant is an administrator (superuser, createdb, createrole, replication or bypassrls)';\n\
         \x20 end if;\n\
         \x20 if exists (select from pg_database d join pg_roles r on r.oid = d.datdba where d.datname = {}::name\n\
         \x20     and r.rolname <> {owner}::name and not r.rolsuper) then\n\
         \x20   raise exception 'the database belongs to another role';\n\
         \x20 end if;\n",
        roles.join(", "),
        literal(quoted.tenant.dbname)
    ))
}

/// Limits and passwords are those of the roles that log in. If the owner does not, they are members of it and work as the owner,
/// so that it owns what each of them creates.
fn create_roles(sql: &mut String, quoted: &Quoted<'_>) {
    let Tenant {
        owner,
        connections,
        password,
        ..
    } = quoted.tenant;
    for (name, identifier) in quoted.roles() {
        sql.push_str(&role::create_if_missing(name, identifier));
    }
    let password = password.map(role::verifier).unwrap_or_default();
    for (name, identifier) in &quoted.logins {
        let _ = writeln!(
            sql,
            "alter role {identifier} login inherit connection limit {connections}{password};"
        );
        if name != owner {
            let _ = writeln!(sql, "grant {} to {identifier};", quoted.owner);
        }
    }
    if !quoted.tenant.logins.is_empty() {
        let _ = writeln!(sql, "alter role {} nologin;", quoted.owner);
    }
    sql.push_str(&join(&quoted.owner));
}

/// Only a member of a role may give it a database, or drop what it owns, unless it is a superuser. Since PostgreSQL 16 the one who
/// creates a role has ADMIN OPTION for it only, and may grant itself the rest.
fn join(role: &str) -> String {
    block(&format!(
        "  if not (select rolsuper from pg_roles where rolname = current_user) then\n\
         \x20   grant {role} to current_user;\n\
         \x20 end if;\n"
    ))
}

/// CREATE DATABASE has no IF NOT EXISTS, and cannot run in a block or a transaction.
fn create_database(sql: &mut String, quoted: &Quoted<'_>) {
    let Tenant {
        dbname,
        owner,
        connections,
        ..
    } = quoted.tenant;
    let [dbname, owner] = [dbname, owner].map(|name| literal(name));
    let _ = write!(
        sql,
        "select format('create database %I owner %I connection limit {connections}', {dbname}, {owner})\n\
         \x20 where not exists (select from pg_database where datname = {dbname}::name) \\gexec\n\
         begin;\n\
         alter database {0} owner to {1};\n\
         alter database {0} connection limit {connections};\n",
        quoted.dbname, quoted.owner
    );
    for (name, identifier) in &quoted.logins {
        if *name != quoted.tenant.owner {
            let _ = writeln!(
                sql,
                "alter role {identifier} in database {} set role to {};",
                quoted.dbname, quoted.owner
            );
        }
    }
}

/// By default PUBLIC may connect to each database and create temporary tables there. Monitors that have CONNECT on the database
/// postgres only by PUBLIC keep it. What is closed already is left alone: the administrator may not own it.
const CLOSE: &str = "\
do $close$ declare
  monitor name;
  open name;
begin
  for monitor in select r.rolname from pg_roles r
      where r.rolcanlogin and not r.rolsuper and pg_has_role(r.oid, 'pg_read_all_stats', 'usage')
      and has_database_privilege(r.oid, 'postgres', 'connect')
      and not exists (select from pg_database d, aclexplode(d.datacl) a
        where d.datname = 'postgres' and a.grantee = r.oid and a.privilege_type = 'CONNECT') loop
    execute format('grant connect on database postgres to %I', monitor);
  end loop;
  for open in select d.datname from pg_database d where d.datname in ('postgres', 'template1')
      and exists (select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
        where a.grantee = 0 and a.privilege_type in ('CONNECT', 'TEMPORARY')) loop
    execute format('revoke connect, temporary on database %I from public', open);
  end loop;
end $close$;
";

fn close(sql: &mut String, quoted: &Quoted<'_>) {
    sql.push_str(CLOSE);
    let _ = write!(
        sql,
        "revoke connect, temporary on database {} from public;\ncommit;\n",
        quoted.dbname
    );
}

/// Before PostgreSQL 15 PUBLIC may create objects in the schema public; since then only the owner of the database may.
fn schema(sql: &mut String, quoted: &Quoted<'_>) {
    let _ = writeln!(
        sql,
        "\\connect -reuse-previous=on {}",
        connect_argument(quoted.tenant.dbname)
    );
    sql.push_str("set client_encoding = 'UTF8';\nset client_min_messages = warning;\n");
    sql.push_str(&block(&format!(
        "  if exists (select from pg_catalog.pg_namespace where nspname = 'public') then\n\
         \x20   revoke create on schema public from public;\n\
         \x20   grant usage, create on schema public to {};\n\
         \x20 end if;\n",
        quoted.owner
    )));
}

/// The name of a database as an argument of psql's `\connect`. It is a connection string, because psql would take a name with
/// `=` for one: there a backslash escapes. Around it are psql's double quotes, where a quote is doubled.
pub(super) fn connect_argument(dbname: &str) -> String {
    let value = dbname.replace('\\', r"\\").replace('\'', r"\'");
    format!("\"dbname='{}'\"", value.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
