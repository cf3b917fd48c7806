//! Background workers of extensions, which may have any name: that of `pg_partman` contains its database.

use crate::support::{Cluster, SUPERUSER, Scrape, StopMode, failed_polls, fresh, trusting, watch};

/// 63 bytes. The server truncates the type of a worker, here in the middle of a character.
fn datname() -> String {
    format!("x{}", "é".repeat(31))
}

/// Restarts the server with a worker whose maintenance of the database takes longer than the test.
async fn start_worker(cluster: &mut Cluster, datname: &str) {
    cluster.sql(&format!("CREATE DATABASE \"{datname}\"")).await;
    let extension = "CREATE EXTENSION pg_partman; ALTER ROUTINE run_maintenance RENAME TO once; \
        CREATE FUNCTION run_maintenance(p_analyze boolean, p_jobmon boolean) RETURNS void LANGUAGE sql \
            AS 'SELECT pg_sleep(600)'";
    cluster.sql_in(datname, extension).await;
    cluster.append_conf(&[
        ("shared_preload_libraries", "pg_partman_bgw"),
        ("pg_partman_bgw.interval", "1"),
        ("pg_partman_bgw.dbname", datname),
        ("pg_partman_bgw.role", SUPERUSER),
    ]);
    cluster.restart(StopMode::Fast);
}

#[tokio::test]
async fn a_worker_of_an_extension_may_have_any_name() {
    let mut cluster = trusting(&[]).await;
    let available = "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_partman'";
    if cluster.query_one_i64(available).await == 0 {
        eprintln!("skipped: pg_partman is not installed for this PostgreSQL");
        return;
    }
    let datname = datname();
    start_worker(&mut cluster, &datname).await;
    let agent = watch(&cluster, "").await;
    let worker = [
        ("datname", &*datname),
        ("backend_type", "background worker"),
    ];
    let is_running = |page: &Scrape| page.sum("pg_stat_activity_count", &worker) > 0.0;
    agent.scrape_until("a worker", is_running).await;
    assert_eq!(failed_polls(&fresh(&agent).await), [""; 0]);
}
