//! What has to happen again and again, or at its time, for a rule or a panel to have something to tell.

use std::time::Duration;

use tokio::time::sleep;

use crate::scene::ROLES;
use crate::support::{Cluster, StopMode, TestSession, sessions};

/// A database at its limit, and then a server, for a while that two scrapes see.
async fn bursts(main: &Cluster) {
    let burst = sessions(main, "bursts", 4).await;
    sleep(Duration::from_secs(20)).await;
    TestSession::close_all(burst).await;
    let crowd = main.fill("docs", "docs", "docs").await;
    sleep(Duration::from_secs(7)).await;
    TestSession::close_all(crowd).await;
}

/// A database that takes the name of another, and roles beyond those that have room.
async fn newcomers(main: &Cluster) {
    main.sql("DROP DATABASE bank").await;
    main.sql("CREATE DATABASE bank OWNER bank CONNECTION LIMIT 30")
        .await;
    let roles: Vec<String> = (0..=ROLES)
        .map(|number| format!("CREATE ROLE late_{number} LOGIN"))
        .collect();
    main.sql(&roles.join("; ")).await;
}

/// Two transactions, each waiting for the other.
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

/// Sorts more than fits into its memory.
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

/// What only shows as a change from one scrape to the next.
pub(crate) async fn happen(main: &Cluster, blind: &mut Cluster) {
    sleep(Duration::from_secs(11)).await;
    blind.restart(StopMode::Fast);
    deadlock(main).await;
    temporary_files(main).await;
    newcomers(main).await;
    bursts(main).await;
}
