//! Events that rules and panels need in addition to the initial state of the scene.

use std::time::Duration;

use tokio::time::sleep;

use crate::scene::ROLES;
use crate::support::{Cluster, StopMode, TestSession, eventually, sessions};

/// Fills a database and then the server, each long enough for two scrapes.
async fn bursts(main: &Cluster) {
    let burst = sessions(main, "bursts", 4).await;
    sleep(Duration::from_secs(20)).await;
    TestSession::close_all(burst).await;
    let full = main.fill("docs", "docs", "docs").await;
    sleep(Duration::from_secs(7)).await;
    TestSession::close_all(full).await;
}

/// A database with the name of a dropped one, and more roles than the limit of series allows.
async fn new_names(main: &Cluster) {
    main.sql("DROP DATABASE bank").await;
    main.sql("CREATE DATABASE bank OWNER bank CONNECTION LIMIT 30")
        .await;
    let roles: Vec<String> = (0..=ROLES)
        .map(|number| format!("CREATE ROLE late_{number} LOGIN"))
        .collect();
    main.sql(&roles.join("; ")).await;
}

/// Two transactions that wait for each other.
async fn deadlock(main: &Cluster) {
    main.sql_in("notes", "CREATE TABLE IF NOT EXISTS pair AS SELECT n FROM generate_series(1, 2) n; GRANT ALL ON pair TO notes")
        .await;
    let pair = sessions(main, "notes", 2).await;
    let lock = |row: u8| format!("UPDATE pair SET n = n WHERE n = {row}");
    for (session, row) in pair.iter().zip([1, 2]) {
        session
            .batch_execute(&format!("BEGIN; {}", lock(row)))
            .await
            .expect("a row of its own");
    }
    let (second, first) = (lock(2), lock(1));
    let (one, other) = tokio::join!(
        pair[0].batch_execute(&second),
        pair[1].batch_execute(&first)
    );
    assert!(one.is_err() || other.is_err(), "no deadlock");
    TestSession::close_all(pair).await;
}

/// Sorts more than fits into `work_mem`.
async fn temporary_files(main: &Cluster) {
    let session = main
        .connect("notes", "notes", "notes")
        .await
        .expect("a session");
    session
        .batch_execute("SET work_mem = '64kB'; SELECT n FROM generate_series(1, 50000) n ORDER BY -n OFFSET 49999")
        .await
        .expect("a sort");
    session.close().await;
}

/// Kills a backend, twice: the agent's role on this server cannot see the checkpointer, and a backend that is just sending
/// something drops the message about a crash.
async fn crashes(cluster: &Cluster) {
    for _ in 0..2 {
        let victim = eventually(Duration::from_secs(20), "a session", async || {
            cluster.connect("app", "app", "postgres").await.ok()
        });
        let victim = victim.await;
        cluster.signal_process("KILL", victim.backend_pid());
        sleep(Duration::from_secs(3)).await;
    }
}

/// Causes the events that are visible only as a change between two scrapes.
pub(crate) async fn cause_events(main: &Cluster, unprivileged: &mut Cluster) {
    sleep(Duration::from_secs(11)).await;
    unprivileged.restart(StopMode::Fast);
    deadlock(main).await;
    temporary_files(main).await;
    main.sql("SELECT pg_switch_wal()").await; // a file to archive
    new_names(main).await;
    crashes(unprivileged).await;
    bursts(main).await;
}
