//! Databases without series of their own: their load is one sum, and no sum is too small.

use super::{BUSY, active, active_of_server, run};
use crate::support::{Scrape, TestSession, create_tenant, quoted, sessions, trusting, watch};

/// `other` is also the name of a tenant's database, which is summed up with them.
#[tokio::test]
async fn the_load_of_databases_without_series_is_one_sum_that_never_falls() {
    let cluster = trusting(&[("autovacuum", "off")]).await;
    for name in ["one", "two", "other", "we\"ird\n"] {
        create_tenant(&cluster, name, -1).await;
    }
    let first = sessions(&cluster, "one", 1).await;
    let config = "series_limits: {databases: 1}\ndatabases: {exclude: [postgres]}";
    let agent = watch(&cluster, config).await;
    for name in ["two", "other", "we\"ird\n"] {
        let session = sessions(&cluster, name, 1).await.remove(0);
        run(session, BUSY);
    }
    let mut last = 0.0;
    let mut sum = |page: &Scrape| {
        let now = active(page, "other", "cpu").unwrap_or_default();
        assert!(now >= last, "{now} after {last}");
        last = now;
        now
    };
    let page = agent
        .scrape_until("three sessions work", |page| sum(page) >= 3.0)
        .await;
    let all = page.sum("pgcommons_database_active_seconds_total", &[]);
    let server = active_of_server(&page);
    assert!((server - all).abs() < 0.001, "{server} s, {all} s");
    assert_eq!(active(&page, "one", "cpu"), Some(0.0));

    // One of them may get the series of a database that is gone.
    TestSession::close_all(first).await;
    cluster.sql("DROP DATABASE one").await;
    agent
        .scrape_until("the sum goes on", |page| sum(page) >= 6.0)
        .await;
    for name in ["two", "we\"ird\n"] {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", quoted(name));
        cluster.sql(&drop).await;
    }
    agent
        .scrape_until("a database of that name has series of its own", |page| {
            page.sum("pgcommons_series_overflow", &[("label", "datname")]) == 0.0
        })
        .await;
}

/// A database that is not monitored uses the server too.
#[tokio::test]
async fn the_load_of_a_database_that_is_not_monitored_counts_for_the_server() {
    let cluster = trusting(&[("autovacuum", "off")]).await;
    create_tenant(&cluster, "hidden", -1).await;
    let agent = watch(&cluster, "databases: {exclude: [hidden]}").await;
    let session = sessions(&cluster, "hidden", 1).await.remove(0);
    run(session, BUSY);
    let page = agent
        .scrape_until("it works", |page| active_of_server(page) >= 1.0)
        .await;
    assert_eq!(active(&page, "hidden", "cpu"), None);
    assert_eq!(active(&page, "postgres", "cpu"), Some(0.0));
}
