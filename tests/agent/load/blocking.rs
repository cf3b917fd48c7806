//! Which database's sessions others wait for.

use super::run;
use crate::support::{Scrape, create_tenant, fresh, sessions, trusting, watch};

fn blocking(page: &Scrape, datname: &str) -> Option<f64> {
    page.value(
        "pgcommons_database_blocking_sessions",
        &[("datname", datname)],
    )
}

fn elsewhere(page: &Scrape, datname: &str) -> Option<f64> {
    page.value(
        "pgcommons_database_sessions_blocked_elsewhere",
        &[("datname", datname)],
    )
}

fn blocking_polls(page: &Scrape) -> f64 {
    page.sum("pgcommons_polls_total", &[("poll", "blocking")])
}

/// A queue behind one session: those in it wait for each other too, but one of them is the cause.
#[tokio::test]
async fn the_session_at_the_head_of_a_queue_blocks_and_those_in_it_do_not() {
    let cluster = trusting(&[]).await;
    for name in ["app", "calm"] {
        create_tenant(&cluster, name, -1).await;
    }
    let agent = watch(&cluster, "").await;
    for _ in 0..3 {
        let page = fresh(&agent).await;
        assert_eq!(blocking(&page, "app"), Some(0.0));
        assert!(blocking_polls(&page) <= 0.0, "nobody waits");
    }
    let holder = cluster.admin_of("app").await;
    let lock = "BEGIN; SELECT pg_advisory_lock(1)";
    holder.batch_execute(lock).await.expect("a lock");
    for session in sessions(&cluster, "app", 3).await {
        run(session, "BEGIN; SELECT pg_advisory_xact_lock(1); COMMIT");
    }
    let page = agent
        .scrape_until("three wait for one", |page| {
            let waiting = [("datname", "app")];
            page.value("pgcommons_database_sessions_blocked", &waiting) == Some(3.0)
                && blocking(page, "app") == Some(1.0)
        })
        .await;
    assert_eq!(elsewhere(&page, "app"), Some(0.0));
    assert_eq!(blocking(&page, "calm"), Some(0.0));
    holder
        .batch_execute("SELECT pg_advisory_unlock(1)")
        .await
        .expect("the lock is free");
    let page = agent
        .scrape_until("nobody waits", |page| {
            let waiting = [("datname", "app")];
            page.value("pgcommons_database_sessions_blocked", &waiting) == Some(0.0)
        })
        .await;
    assert_eq!(blocking(&page, "app"), Some(0.0));
}

/// Roles are shared by all databases.
#[tokio::test]
async fn a_session_that_blocks_another_database_is_told_apart() {
    let cluster = trusting(&[]).await;
    for name in ["greedy", "victim"] {
        create_tenant(&cluster, name, -1).await;
    }
    cluster.sql("CREATE ROLE shared").await;
    let agent = watch(&cluster, "").await;
    let holder = cluster.admin_of("greedy").await;
    let open = "BEGIN; ALTER ROLE shared CONNECTION LIMIT 3";
    holder.batch_execute(open).await.expect("a transaction");
    let waiting = cluster.admin_of("victim").await;
    run(waiting, "ALTER ROLE shared CONNECTION LIMIT 4");
    let page = agent
        .scrape_until("one waits in another database", |page| {
            elsewhere(page, "greedy") == Some(1.0)
        })
        .await;
    assert_eq!(blocking(&page, "greedy"), Some(1.0));
    assert_eq!(blocking(&page, "victim"), Some(0.0));
    assert_eq!(elsewhere(&page, "victim"), Some(0.0));
}

/// Its process is 0, and no session.
#[tokio::test]
async fn a_prepared_transaction_that_blocks_is_no_session() {
    let cluster = trusting(&[("max_prepared_transactions", "2")]).await;
    create_tenant(&cluster, "app", -1).await;
    cluster.sql_in("app", "CREATE TABLE ledger ()").await;
    let agent = watch(&cluster, "").await;
    let prepare = "BEGIN; LOCK TABLE ledger; PREPARE TRANSACTION 'x'";
    cluster.sql_in("app", prepare).await;
    run(cluster.admin_of("app").await, "TABLE ledger");
    agent
        .scrape_until("it was asked, and none blocks", |page| {
            let waiting = [("datname", "app")];
            page.value("pgcommons_database_sessions_blocked", &waiting) == Some(1.0)
                && blocking_polls(page) > 0.0
                && blocking(page, "app") == Some(0.0)
        })
        .await;
}
