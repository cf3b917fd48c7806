//! The SQL that creates the role for the agent: what it needs on a server of that version, and nothing else.

use std::fmt::Write as _;

use secrecy::{ExposeSecret, SecretString};

/// What to create.
pub(crate) struct NewRole<'a> {
    pub(crate) name: &'a str,
    /// The database that the agent will sit in.
    pub(crate) dbname: &'a str,
    /// As in 15.
    pub(crate) major: u32,
    /// Goes into the SQL as a SCRAM-SHA-256 verifier, never as itself.
    pub(crate) password: Option<&'a SecretString>,
}

/// `pg_monitor` reads all statistics and settings, and no table. Three connections: the agent's, one that is still
/// dying, and a `check` beside them.
pub(crate) fn sql(role: &NewRole<'_>) -> String {
    let name = identifier(role.name);
    let mut sql = format!(
        "-- The role of pgcommons on PostgreSQL {}. Run it as an administrator, in any database.\n\
         begin;\n\
         create role {name} login inherit connection limit 3{};\n\
         grant pg_monitor to {name};\n\
         grant connect on database {} to {name};\n\
         alter role {name} set default_transaction_read_only = on;\n\
         alter role {name} set search_path = pg_catalog;\n",
        role.major,
        role.password.map(verifier).unwrap_or_default(),
        identifier(role.dbname),
    );
    if role.major >= 16 {
        let _ = writeln!(
            sql,
            "-- A slot that applications cannot take; it exists once reserved_connections is 1 or more (restart).\n\
             grant pg_use_reserved_connections to {name};"
        );
    }
    sql.push_str("commit;\n");
    if role.password.is_none() {
        let _ = writeln!(
            sql,
            "-- Then give it a password, in psql: \\password {}",
            role.name.replace('\n', " ")
        );
    }
    sql
}

fn verifier(password: &SecretString) -> String {
    let verifier = postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
    format!(" password '{verifier}'")
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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
        })
    }

    #[test]
    fn reserved_slots_are_asked_for_since_16() {
        assert!(!role(15, None).contains("pg_use_reserved_connections"));
        assert!(role(16, None).contains("grant pg_use_reserved_connections to \"we\"\"ird\";"));
    }

    #[test]
    fn the_password_itself_is_not_in_it() {
        let password = SecretString::from("hunter2");
        let sql = role(15, Some(&password));
        assert!(sql.contains("password 'SCRAM-SHA-256$4096:") && !sql.contains("hunter2"));
    }
}
