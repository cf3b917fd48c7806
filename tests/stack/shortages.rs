//! What uses up the shared resources of the main server: replication slots, prepared transactions, temporary files, autovacuum.

use crate::support::{Cluster, Scrape, TestSession, sessions};

/// The only autovacuum worker vacuums a table for minutes, archived files wait, and the slots may keep only little WAL.
pub(crate) const SETTINGS: &[(&str, &str)] = &[
    ("wal_level", "logical"),
    ("max_wal_size", "16MB"),
    ("max_slot_wal_keep_size", "4MB"),
    ("max_prepared_transactions", "2"),
    ("autovacuum", "on"),
    ("autovacuum_max_workers", "1"),
    ("autovacuum_naptime", "1s"),
    ("autovacuum_vacuum_cost_limit", "1"),
    ("autovacuum_vacuum_cost_delay", "100ms"),
    // Without a command the files wait.
    ("archive_mode", "on"),
    ("archive_command", ""),
];

/// Makes slots that are lost, slots that keep a third of what they may, prepared transactions and a table to vacuum.
pub(crate) async fn cause(main: &Cluster) -> Vec<TestSession> {
    slots(main, "docs", "old").await;
    write(main, "docs").await;
    main.sql("CHECKPOINT").await;
    main.append_conf(&[("max_slot_wal_keep_size", "64MB")]);
    main.reload().await;

    slots(main, "wiki", "new").await;
    write(main, "notes").await;
    write(main, "notes").await;
    main.sql_in("notes", "DELETE FROM written").await;
    let prepared = main.admin_of("wiki").await;
    for name in ["one", "two"] {
        let prepare = format!("BEGIN; PREPARE TRANSACTION '{name}'");
        prepared.batch_execute(&prepare).await.expect("a free slot");
    }
    prepared.close().await;
    let sorting = sessions(main, "wiki", 1).await;
    open_temporary_file(&sorting[0]).await;
    sorting
}

/// A logical slot of this database, and a physical one.
async fn slots(main: &Cluster, datname: &str, prefix: &str) {
    let create = format!(
        "SELECT pg_create_logical_replication_slot('{prefix}_search', 'pgoutput');
         SELECT pg_create_physical_replication_slot('{prefix}_standby', true)"
    );
    main.sql_in(datname, &create).await;
}

/// About 12 MB of WAL.
async fn write(main: &Cluster, datname: &str) {
    let write = "CREATE TABLE IF NOT EXISTS written (body text);
                 INSERT INTO written SELECT repeat('x', 500) FROM generate_series(1, 20000)";
    main.sql_in(datname, write).await;
}

/// A sort of about 13 MB whose file stays open.
async fn open_temporary_file(session: &TestSession) {
    let cursor = "SET work_mem = '64kB'; BEGIN;
                  DECLARE sorted CURSOR FOR SELECT n, repeat('x', 200) FROM generate_series(1, 50000) n ORDER BY n DESC;
                  FETCH 1 FROM sorted";
    session.batch_execute(cursor).await.expect("a sort");
}

/// Whether the agent shows all of this. Samples of the past are made from a page that does.
pub(crate) fn are_shown(page: &Scrape) -> bool {
    let used = |resource| {
        let labels = [("server", "main"), ("resource", resource)];
        page.value("pgcommons_resource_utilization_ratio", &labels)
    };
    let temporary = [("server", "main"), ("datname", "wiki")];
    used("autovacuum_workers") >= Some(1.0)
        && used("prepared_transactions") >= Some(1.0)
        && used("wal") > Some(0.3)
        && used("storage").is_some()
        && page.value("pgcommons_database_temporary_bytes", &temporary) > Some(1e6)
}
