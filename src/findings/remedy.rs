//! The first step to resolve a finding: SQL for psql, or a command. Names that tenants choose are quoted.

use crate::names::{identifier, literal};

pub(super) const ROLE_SQL: &str = "pgcommons role-sql | psql";

/// Where the server logs. A member of `pg_monitor` may read all of these settings.
pub(super) const LOG: &str = "SELECT name, setting FROM pg_settings WHERE name IN \
    ('log_destination', 'logging_collector', 'data_directory', 'log_directory', 'log_filename')";

pub(super) const BUSIEST_DATABASES: &str = "SELECT datname, state, count(*) FROM pg_stat_activity \
    WHERE backend_type = 'client backend' GROUP BY 1, 2 ORDER BY 3 DESC";

pub(super) fn sessions_of_database(datname: &str) -> String {
    sessions("usename", "datname", datname)
}

pub(super) fn sessions_of_role(rolname: &str) -> String {
    sessions("datname", "usename", rolname)
}

fn sessions(shown: &str, column: &str, name: &str) -> String {
    format!(
        "SELECT {shown}, application_name, state, count(*) FROM pg_stat_activity \
         WHERE {column} = {} GROUP BY 1, 2, 3 ORDER BY 4 DESC",
        literal(name)
    )
}

/// Only if no DROP DATABASE of it runs.
pub(super) fn drop_database(datname: &str) -> String {
    format!("DROP DATABASE {}", identifier(datname))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_constant_or_one_identifier() {
        let name = "x'; DROP TABLE y; --\"";
        assert!(sessions_of_database(name).contains("datname = 'x''; DROP TABLE y; --\"' GROUP"));
        assert_eq!(
            drop_database(name),
            "DROP DATABASE \"x'; DROP TABLE y; --\"\"\""
        );
    }
}
