//! The first step to resolve a finding: SQL for psql, or a command. Names that tenants choose are quoted.

use crate::names::{exact, identifier, literal};
use crate::resources::ResourceKind;

/// It shows the whole error.
pub(super) const CHECK: &str = "pgcommons check";

pub(super) const ROLE_SQL: &str = "pgcommons role-sql | psql";

/// To compare with the PIDs in the log, or in `top`.
pub(super) const LARGEST_PROCESSES: &str = "SELECT pid, datname, usename, state, now() - query_start AS runs, left(query, 60) AS query \
    FROM pg_stat_activity WHERE state <> 'idle' ORDER BY query_start";

/// Where the server logs. A member of `pg_monitor` may read all of these settings.
pub(super) const LOG: &str = "SELECT name, setting FROM pg_settings WHERE name IN \
    ('log_destination', 'logging_collector', 'data_directory', 'log_directory', 'log_filename')";

pub(super) const BUSIEST_DATABASES: &str = "SELECT datname, state, count(*) FROM pg_stat_activity \
    WHERE backend_type = 'client backend' GROUP BY 1, 2 ORDER BY 3 DESC";

pub(super) const SLOTS: &str = "SELECT slot_name, database, active, wal_status, restart_lsn FROM pg_replication_slots \
    ORDER BY restart_lsn";

const PROCESSES: &str =
    "SELECT backend_type, datname, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC";

/// None: no statement shows more.
pub(super) fn of_resource(kind: ResourceKind) -> Option<&'static str> {
    match kind {
        ResourceKind::Connections | ResourceKind::Storage | ResourceKind::Memory => None,
        ResourceKind::Wal | ResourceKind::ReplicationSlots => Some(SLOTS),
        ResourceKind::TransactionIds => {
            Some("SELECT datname, age(datfrozenxid) FROM pg_database ORDER BY 2 DESC")
        }
        ResourceKind::MultixactIds => {
            Some("SELECT datname, mxid_age(datminmxid) FROM pg_database ORDER BY 2 DESC")
        }
        ResourceKind::AutovacuumWorkers
        | ResourceKind::ParallelWorkers
        | ResourceKind::WorkerProcesses
        | ResourceKind::LogicalReplicationWorkers
        | ResourceKind::WalSenders => Some(PROCESSES),
        ResourceKind::PreparedTransactions => {
            Some("SELECT database, owner, gid, prepared FROM pg_prepared_xacts ORDER BY prepared")
        }
        ResourceKind::LockTable => Some(
            "SELECT pid, database, locktype, count(*) FROM pg_lock_status() WHERE NOT fastpath \
             GROUP BY 1, 2, 3 ORDER BY 4 DESC",
        ),
    }
}

/// The longest first.
pub(super) fn queries_of_database(datname: &str) -> String {
    format!(
        "SELECT pid, usename, application_name, now() - query_start AS runs FROM pg_stat_activity \
         WHERE datname = {} AND state = 'active' ORDER BY query_start",
        literal(datname)
    )
}

pub(super) const LARGEST_DATABASES: &str = "SELECT datname, pg_size_pretty(pg_database_size(oid)) \
    FROM pg_database ORDER BY pg_database_size(oid) DESC";

pub(super) const LIMITS: &str = "SELECT datname, datconnlimit FROM pg_database ORDER BY datname";

pub(super) const ARCHIVER: &str = "SELECT last_archived_wal, last_archived_time, last_failed_wal, last_failed_time FROM pg_stat_archiver";

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

/// None: the name is not UTF-8.
pub(super) fn raise_limit(datname: &str, connections: u32) -> Option<String> {
    let name = identifier(&exact(datname)?);
    Some(format!(
        "ALTER DATABASE {name} CONNECTION LIMIT {connections}"
    ))
}

/// Only if no DROP DATABASE of it runs. None: the name is not UTF-8, and the statement could name another database.
pub(super) fn drop_database(datname: &str) -> Option<String> {
    Some(format!("DROP DATABASE {}", identifier(&exact(datname)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_constant_or_one_identifier() {
        let name = "x'; DROP TABLE y; --\"";
        assert!(sessions_of_database(name).contains("datname = 'x''; DROP TABLE y; --\"' GROUP"));
        assert_eq!(
            drop_database(name).as_deref(),
            Some("DROP DATABASE \"x'; DROP TABLE y; --\"\"\"")
        );
        assert_eq!(drop_database(r"caf\xe9"), None);
    }
}
