//! `pg_stat_statements` by database.

use crate::support::{
    Cluster, Scrape, create_tenant, failed_polls, fresh, quoted, trusting, watch,
};

const LOADED: (&str, &str) = ("shared_preload_libraries", "pg_stat_statements");

fn figure(page: &Scrape, what: &str, datname: &str) -> Option<f64> {
    let name = format!("pgcommons_database_statements_{what}_total");
    page.value(&name, &[("datname", datname)])
}

/// Creates rows, which writes WAL, and sorts them on disk.
async fn work(cluster: &Cluster, datname: &str) {
    let sql = "CREATE TABLE IF NOT EXISTS work AS SELECT 0 AS g WHERE false;
               INSERT INTO work SELECT g FROM generate_series(1, 30000) g;
               SET work_mem = '64kB'; SELECT count(DISTINCT g) FROM work";
    cluster.sql_in(datname, sql).await;
}

fn polls(page: &Scrape) -> f64 {
    page.sum(
        "pgcommons_polls_total",
        &[("poll", "statements"), ("outcome", "ok")],
    )
}

#[tokio::test]
async fn what_statements_do_is_summed_up_by_database_from_the_first_poll() {
    let cluster = trusting(&[LOADED]).await;
    for name in ["app", "idle"] {
        create_tenant(&cluster, name, -1).await;
    }
    cluster
        .sql(
            "CREATE SCHEMA \"ext \"\"x\"; GRANT USAGE ON SCHEMA \"ext \"\"x\" TO PUBLIC; CREATE EXTENSION pg_stat_statements SCHEMA \"ext \"\"x\"",
        )
        .await;
    work(&cluster, "app").await;
    let agent = watch(&cluster, "").await;
    let page = agent
        .scrape_until("statements", |page| figure(page, "rows", "app").is_some())
        .await;
    assert_eq!(figure(&page, "rows", "app"), Some(0.0), "it was before");
    work(&cluster, "app").await;
    let page = agent
        .scrape_until("the rows", |page| {
            figure(page, "rows", "app") >= Some(30_000.0)
        })
        .await;
    assert!(figure(&page, "rows", "app") < Some(31_000.0));
    assert!(figure(&page, "seconds", "app") > Some(0.0));
    assert!(figure(&page, "wal_bytes", "app") > Some(30_000.0));
    assert!(figure(&page, "temporary_bytes", "app") > Some(8_192.0));
    assert_eq!(figure(&page, "wal_bytes", "idle"), Some(0.0));
    assert!(figure(&page, "read_bytes", "idle").is_some());
    assert_eq!(failed_polls(&page), [""; 0]);

    // A reset takes nothing away.
    let rows = figure(&page, "rows", "app");
    cluster
        .sql("SELECT \"ext \"\"x\".pg_stat_statements_reset()")
        .await;
    let before = polls(&page);
    let page = agent
        .scrape_until("two more polls", |page| {
            assert!(figure(page, "rows", "app") >= rows, "a counter fell");
            polls(page) >= before + 2.0
        })
        .await;
    assert!(figure(&page, "rows", "app") < Some(31_000.0));
}

/// The extension keeps the 100 statements that are used most.
#[tokio::test]
async fn entries_that_are_removed_take_nothing_away() {
    let settings = [LOADED, ("pg_stat_statements.max", "100")];
    let cluster = trusting(&settings).await;
    create_tenant(&cluster, "app", -1).await;
    cluster.sql("CREATE EXTENSION pg_stat_statements").await;
    let agent = watch(&cluster, "").await;
    agent
        .scrape_until("statements", |page| figure(page, "rows", "app").is_some())
        .await;
    work(&cluster, "app").await;
    let mut last = None;
    let mut grows = move |page: &Scrape| {
        let rows = figure(page, "rows", "app");
        assert!(rows >= last, "{rows:?} after {last:?}");
        last = rows;
    };
    agent
        .scrape_until("the rows", |page| {
            grows(page);
            figure(page, "rows", "app") >= Some(30_000.0)
        })
        .await;
    let session = cluster.admin_of("app").await;
    for columns in 1..300 {
        let one = format!("SELECT {}", vec!["1"; columns].join(", "));
        session.batch_execute(&one).await.expect("a statement");
    }
    let before = polls(&fresh(&agent).await);
    let major = cluster.major_version().await;
    agent
        .scrape_until("entries were removed", |page| {
            grows(page);
            let removed = page.value("pgcommons_server_statements_evictions_total", &[]);
            assert_eq!(removed.is_none(), major < 14, "{removed:?}");
            polls(page) >= before + 2.0 && (major < 14 || removed > Some(0.0))
        })
        .await;
}

/// Not installed, installed and not loaded, not permitted: no series, and no error at each poll.
#[tokio::test]
async fn without_the_extension_nothing_is_said_and_nothing_fails() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "").await;
    let page = agent
        .scrape_until("two polls", |page| polls(page) >= 2.0)
        .await;
    assert_eq!(figure(&page, "rows", "app"), None);
    cluster.sql("CREATE EXTENSION pg_stat_statements").await;
    let (before, quiet) = (polls(&page), failed_polls(&page));
    let page = agent
        .scrape_until("two more polls", |page| polls(page) >= before + 2.0)
        .await;
    assert_eq!(figure(&page, "rows", "app"), None);
    assert_eq!(failed_polls(&page), quiet);
    assert_eq!(quiet, [""; 0]);
}

/// As after `pg_upgrade` from 12 without ALTER EXTENSION ... UPDATE, and without privileges.
#[tokio::test]
async fn an_old_version_of_the_extension_gives_what_it_has() {
    let cluster = trusting(&[LOADED]).await;
    create_tenant(&cluster, "app", -1).await;
    let old = "CREATE EXTENSION pg_stat_statements VERSION '1.7'";
    cluster.sql(old).await;
    let agent = watch(&cluster, "").await;
    agent
        .scrape_until("statements", |page| figure(page, "rows", "app").is_some())
        .await;
    work(&cluster, "app").await;
    let page = agent
        .scrape_until("the rows", |page| {
            figure(page, "rows", "app") >= Some(30_000.0)
        })
        .await;
    assert!(figure(&page, "seconds", "app") > Some(0.0));
    assert_eq!(figure(&page, "wal_bytes", "app"), None);
    let revoke = "REVOKE EXECUTE ON FUNCTION pg_stat_statements(boolean) FROM PUBLIC";
    cluster.sql(revoke).await;
    let page = agent
        .scrape_until("it may not call it", |page| {
            figure(page, "rows", "app").is_none()
        })
        .await;
    assert_eq!(failed_polls(&page), [""; 0]);
}

#[tokio::test]
async fn databases_without_series_are_one_sum() {
    let cluster = trusting(&[LOADED]).await;
    let name = "we\"ird\n";
    create_tenant(&cluster, name, -1).await;
    cluster.sql("CREATE EXTENSION pg_stat_statements").await;
    let agent = watch(&cluster, "series_limits: {databases: 1}").await;
    agent
        .scrape_until("statements", |page| figure(page, "rows", "other").is_some())
        .await;
    work(&cluster, name).await;
    agent
        .scrape_until("the rows", |page| {
            figure(page, "rows", "other") >= Some(30_000.0)
        })
        .await;
    let drop = format!("DROP DATABASE {}", quoted(name));
    cluster.sql(&drop).await;
    agent
        .scrape_until("it is gone", |page| figure(page, "rows", "other").is_none())
        .await;
}
