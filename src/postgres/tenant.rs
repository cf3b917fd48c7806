//! The psql script that creates or drops a tenant: a database, its roles and their limits, closed for others. It runs on PostgreSQL
//! 13 to 18. A second run changes nothing but the password.

use std::fmt::Write as _;

use secrecy::SecretString;

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
    /// Of the role that logs in, if there is one only.
    pub(crate) password: Option<&'a SecretString>,
    /// The major version of the server, such as 15.
    pub(crate) major: u32,
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

const RESERVED: [&str; 5] = ["postgres", "template0", "template1", "public", "none"];

/// The names as quoted identifiers.
struct Quoted<'a> {
    tenant: &'a Tenant<'a>,
    dbname: String,
    owner: String,
    /// The roles that log in: name and identifier.
    logins: Vec<(&'a str, String)>,
}

impl<'a> Quoted<'a> {
    fn of(tenant: &'a Tenant<'a>) -> Result<Self, TenantError> {
        let owner = identifier("--owner", tenant.owner)?;
        let mut logins = Vec::new();
        for login in tenant.logins {
            if login == tenant.owner {
                return Err(TenantError::OwnerLogsIn(login.clone()));
            }
            logins.push((&**login, identifier("--login", login)?));
        }
        if logins.is_empty() {
            logins.push((tenant.owner, owner.clone()));
        }
        if tenant.password.is_some() && logins.len() > 1 {
            return Err(TenantError::Passwords);
        }
        Ok(Self {
            tenant,
            dbname: identifier("NAME", tenant.dbname)?,
            owner,
            logins,
        })
    }

    /// All roles of the tenant, the owner first: name and identifier.
    fn roles(&self) -> Vec<(&'a str, &str)> {
        let mut roles = vec![(self.tenant.owner, &*self.owner)];
        let others = self.logins.iter().map(|(name, quoted)| (*name, &**quoted));
        roles.extend(others.filter(|(name, _)| *name != self.tenant.owner));
        roles
    }
}

fn identifier(what: &'static str, name: &str) -> Result<String, TenantError> {
    let quoted = role::identifier(what, name)?;
    let owned = || name.to_owned();
    if name.len() > 63 {
        return Err(TenantError::Long {
            what,
            name: owned(),
        });
    }
    if RESERVED.contains(&name) || name.starts_with("pg_") {
        return Err(TenantError::Reserved {
            what,
            name: owned(),
        });
    }
    Ok(quoted)
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
    let mut sql = format!(
        "-- A tenant on PostgreSQL {}, for psql. Run it as an administrator, in the database postgres.\n{START}",
        tenant.major
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
fn block(body: &str) -> String {
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
    // Only a member of the owner may give it a database, unless it is a superuser.
    sql.push_str(&block(&format!(
        "  if not (select rolsuper from pg_roles where rolname = current_user)\n\
         \x20     and not pg_has_role(current_user, {}::name, 'member') then\n\
         \x20   grant {} to current_user;\n\
         \x20 end if;\n",
        literal(owner),
        quoted.owner
    )));
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

/// By default PUBLIC may connect to each database and create temporary tables there. Monitors keep the database postgres.
fn close(sql: &mut String, quoted: &Quoted<'_>) {
    sql.push_str(&block_with(
        "  monitor name;\n",
        "  for monitor in select rolname from pg_roles\n\
         \x20     where rolcanlogin and not rolsuper and pg_has_role(oid, 'pg_read_all_stats', 'usage') loop\n\
         \x20   execute format('grant connect on database postgres to %I', monitor);\n\
         \x20 end loop;\n",
    ));
    for database in [&*quoted.dbname, "postgres", "template1"] {
        let _ = writeln!(
            sql,
            "revoke connect, temporary on database {database} from public;"
        );
    }
    sql.push_str("commit;\n");
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

fn block_with(declarations: &str, body: &str) -> String {
    let block = block(body);
    block.replacen(" begin\n", &format!("\ndeclare\n{declarations}begin\n"), 1)
}

/// The name of a database as an argument of psql's `\connect`. It is a connection string, because psql would take a name with
/// `=` for one: there a backslash escapes. Around it are psql's double quotes, where a quote is doubled.
fn connect_argument(dbname: &str) -> String {
    let value = dbname.replace('\\', r"\\").replace('\'', r"\'");
    format!("\"dbname='{}'\"", value.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant<'a>(dbname: &'a str, owner: &'a str, logins: &'a [String]) -> Tenant<'a> {
        Tenant {
            dbname,
            connections: 20,
            owner,
            logins,
            password: None,
            major: 15,
        }
    }

    #[test]
    fn names_of_the_system_and_long_names_are_refused() {
        let long = "x".repeat(64);
        for name in [
            "postgres",
            "template1",
            "public",
            "pg_monitor",
            "",
            "a\nb",
            &long,
        ] {
            assert!(create(&tenant(name, "app", &[])).is_err(), "{name:?}");
            assert!(create(&tenant("app", name, &[])).is_err(), "{name:?}");
            assert!(
                drop(&tenant("app", "app", &[name.to_owned()])).is_err(),
                "{name:?}"
            );
        }
        assert!(create(&tenant(&"x".repeat(63), "app", &[])).is_ok());
    }

    #[test]
    fn the_password_is_a_verifier_and_for_one_login() {
        let password = SecretString::from("hunter2");
        let logins = ["rw".to_owned(), "ro".to_owned()];
        let with = |logins| Tenant {
            password: Some(&password),
            ..tenant("app", "app", logins)
        };
        let sql = create(&with(&logins[..1])).expect("a script");
        assert!(sql.contains("password 'SCRAM-SHA-256$4096:") && !sql.contains("hunter2"));
        assert_eq!(create(&with(&logins)), Err(TenantError::Passwords));
    }

    #[test]
    fn psql_reads_the_name_of_the_database_only() {
        assert_eq!(connect_argument("a=b"), r#""dbname='a=b'""#);
        assert_eq!(connect_argument(r#"a'\""#), r#""dbname='a\'\\""'""#);
    }
}
