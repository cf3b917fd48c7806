//! The SQL that creates the role for the agent, with only the privileges that it needs on a server of that version.

mod probe;

use std::fmt::Write as _;

use secrecy::{ExposeSecret, SecretString};

use crate::names;
pub(crate) use probe::ProbeGrants;

/// The role to create.
pub(crate) struct NewRole<'a> {
    pub(crate) name: &'a str,
    /// The database that the agent connects to.
    pub(crate) dbname: &'a str,
    /// The major version, such as 15.
    pub(crate) major: u32,
    /// Written as a SCRAM-SHA-256 verifier, never in clear text.
    pub(crate) password: Option<&'a SecretString>,
    /// For the database of a tenant.
    pub(crate) probe: Option<ProbeGrants<'a>>,
}

/// Why a name is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum NameError {
    #[error("{what}: the name is empty")]
    Empty { what: &'static str },
    /// At some of these psql ends a comment or a line, and terminals interpret others.
    #[error("{what}: the name has a control character or a line separator: {}", name.escape_debug())]
    Control { what: &'static str, name: String },
}

/// `pg_monitor` can read all statistics and settings, and no table. Three connections: the agent's, an old one that is still
/// terminating, and one for `check`.
pub(crate) fn sql(role: &NewRole<'_>) -> Result<String, NameError> {
    let name = identifier("--role", role.name)?;
    let dbname = identifier("--dbname", role.dbname)?;
    let mut sql = format!(
        "-- The role of pgcommons on PostgreSQL {}. Run it as an administrator, in any database. A second run changes nothing,\n\
         -- but for the password.\n",
        role.major
    );
    let probed = role.probe.as_ref().map_or("", |probe| probe.dbname);
    if ![&*name, &*dbname, probed]
        .iter()
        .all(|name| name.is_ascii())
    {
        // psql takes the encoding from its environment. In some encodings the last byte of a name would make the quote after it
        // part of a character.
        sql.push_str("set client_encoding = 'UTF8';\n");
    }
    let _ = write!(
        sql,
        "begin;\n\
         set local client_min_messages = warning;\n\
         {}\
         alter role {name} login inherit connection limit 3{};\n\
         grant pg_monitor to {name};\n\
         grant connect on database {dbname} to {name};\n\
         alter role {name} set default_transaction_read_only = on;\n\
         alter role {name} set search_path = pg_catalog;\n",
        create_if_missing(role.name, &name),
        role.password.map(verifier).unwrap_or_default(),
    );
    if role.major >= 16 {
        let _ = writeln!(
            sql,
            "-- A slot that applications cannot take; it exists once reserved_connections is 1 or more (restart).\n\
             grant pg_use_reserved_connections to {name};"
        );
    }
    if let Some(probe) = &role.probe {
        sql.push_str(&probe.in_transaction(&name)?);
    }
    sql.push_str("commit;\n");
    let _ = writeln!(
        sql,
        "-- For a PgBouncer beside the server: stats_users in pgbouncer.ini, and a line in auth_file, need the same name."
    );
    if role.password.is_none() {
        sql.push_str(&hint(role.name, &name));
    }
    if let Some(probe) = &role.probe {
        sql.push_str(&probe.in_database(role.name)?);
    }
    Ok(sql)
}

/// `CREATE ROLE` has no IF NOT EXISTS. The tag of the dollar quotes is not in the name, so that no name ends them.
pub(super) fn create_if_missing(name: &str, quoted: &str) -> String {
    let mut tag = "$role$".to_owned();
    while name.contains(&tag) {
        tag.insert(1, '_');
    }
    let literal = names::literal(name);
    format!(
        "do {tag} begin\n\
         \x20 if not exists (select from pg_catalog.pg_roles where rolname = {literal}::name) then\n\
         \x20   create role {quoted};\n\
         \x20 end if;\n\
         end {tag};\n"
    )
}

/// For the operator to copy. Quotes prevent psql from reading a part of the name as a command.
pub(super) fn hint(name: &str, quoted: &str) -> String {
    let shown = if is_plain(name) { name } else { quoted };
    format!("-- Then set its password in psql: \\password {shown}\n")
}

pub(super) fn verifier(password: &SecretString) -> String {
    let verifier = postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
    format!(" password '{verifier}'")
}

/// `what` is the flag that the name comes from.
pub(super) fn identifier(what: &'static str, name: &str) -> Result<String, NameError> {
    if name.is_empty() {
        return Err(NameError::Empty { what });
    }
    if name.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        let name = name.to_owned();
        return Err(NameError::Control { what, name });
    }
    Ok(names::identifier(name))
}

/// Whether psql reads the name unchanged without quotes.
fn is_plain(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(major: u32, password: Option<&SecretString>) -> String {
        sql(&NewRole {
            name: "we\"ird",
            dbname: "postgres",
            major,
            password,
            probe: None,
        })
        .expect("a valid name")
    }

    #[test]
    fn a_name_with_control_characters_is_refused() {
        for name in [
            "",
            "x\r\\! touch /tmp/pwned",
            "x\n\\! touch /tmp/pwned",
            "x\0",
            "\u{1b}[2J",
            "x\u{7f}",
            "x\u{85}y",
            "x\u{2028}y",
            "x\u{2029}y",
        ] {
            for [role, dbname] in [[name, "postgres"], ["pgcommons", name]] {
                let refused = sql(&NewRole {
                    name: role,
                    dbname,
                    major: 15,
                    password: None,
                    probe: None,
                });
                let line = refused.expect_err("a refusal").to_string();
                assert!(!line.contains(char::is_control), "{line:?}");
            }
        }
    }

    #[test]
    fn reserved_slots_are_asked_for_since_16() {
        assert!(!role(15, None).contains("pg_use_reserved_connections"));
        assert!(role(16, None).contains("grant pg_use_reserved_connections to \"we\"\"ird\";"));
    }

    #[test]
    fn the_sql_does_not_contain_the_password() {
        let password = SecretString::from("hunter2");
        let sql = role(15, Some(&password));
        assert!(sql.contains("password 'SCRAM-SHA-256$4096:") && !sql.contains("hunter2"));
    }
}
