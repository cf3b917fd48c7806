//! Sessions that wait for locks, and the age of transaction ids.

use crate::support::{Scrape, create_tenant, sessions, trusting, watch};

#[tokio::test]
async fn sessions_that_wait_for_a_lock_are_counted() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "").await;
    let open = sessions(&cluster, "app", 2).await;
    for sql in ["CREATE TABLE ledger ()", "BEGIN; LOCK TABLE ledger"] {
        open[0].batch_execute(sql).await.expect("a lock");
    }

    let blocked = |page: &Scrape, count| {
        let of = [("datname", "app")];
        page.value("pgcommons_database_sessions_blocked", &of) == Some(count)
    };
    let waiting = open[1].batch_execute("BEGIN; LOCK TABLE ledger; COMMIT");
    let scraping = async {
        agent
            .scrape_until("one waits", |page| blocked(page, 1.0))
            .await;
        open[0].batch_execute("ROLLBACK").await
    };
    let (waited, released) = tokio::join!(waiting, scraping);
    released.expect("the lock is released");
    waited.expect("the other session gets the lock");
    agent
        .scrape_until("none waits", |page| blocked(page, 0.0))
        .await;
}

#[tokio::test]
async fn the_age_of_transactions_is_that_of_the_catalogue() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "").await;
    let age = |page: &Scrape| {
        let of = [("datname", "app")];
        page.value("pg_database_wraparound_age_datfrozenxid_seconds", &of)
    };
    let page = agent
        .scrape_until("statistics", |page| age(page).is_some())
        .await;
    let sql = "SELECT age(datfrozenxid) FROM pg_database WHERE datname = 'app'";
    let now = cluster.query_one_i64(sql).await as f64;
    // Reading uses no transaction id, but the statistics may have been read before earlier writes.
    assert!(
        age(&page) <= Some(now) && age(&page) > Some(now - 50.0),
        "{:?}, now {now}",
        age(&page)
    );
    let mxid = [("datname", "app")];
    assert!(
        page.value("pg_database_wraparound_age_datminmxid_seconds", &mxid)
            .is_some()
    );
}
