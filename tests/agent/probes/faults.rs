//! A probe that fails affects only its own series.

use super::{GRANT, SHARED, TWO, fresh_probe, probes, rows, shared, tables, up, watch};
use crate::support::{Agent, Cluster, Scrape, create_tenant};

fn failures(page: &Scrape, datname: &str, reason: &str) -> f64 {
    let labels = [("datname", datname), ("reason", reason)];
    page.sum("pgcommons_probe_connect_failures_total", &labels)
}

fn activity(page: &Scrape) -> f64 {
    let labels = [("poll", "activity"), ("outcome", "ok")];
    page.sum("pgcommons_polls_total", &labels)
}

/// PostgreSQL is polled on, and no poll but that of a probe failed.
async fn server_is_undisturbed(agent: &Agent) {
    let before = activity(&agent.scrape().await);
    let page = agent
        .scrape_until("polls go on", |page| activity(page) > before + 5.0)
        .await;
    assert_eq!(page.value("pg_up", &[]), Some(1.0), "{}", page.text());
    let polls = page.series("pgcommons_polls_total").into_iter();
    let failed = polls.filter(|polls| {
        polls.label("poll") != Some("probe")
            && polls.label("outcome") != Some("ok")
            && polls.value > 0.0
    });
    assert_eq!(failed.count(), 0, "{}", page.text());
}

async fn drop_shared(cluster: &Cluster) {
    cluster.sql("DROP DATABASE shared WITH (FORCE)").await;
}

#[tokio::test]
async fn a_database_that_is_missing_dropped_or_closed_fails_alone() {
    let cluster = shared(&format!("{TWO} {GRANT}")).await;
    create_tenant(&cluster, "open", -1).await;
    let configured = format!(
        "{SHARED}, missing: {{interval: 1s}}, open: {{interval: 1s}}, refused: {{interval: 1s}}, other: {{interval: 1s, user: nobody}}"
    );
    create_tenant(&cluster, "other", -1).await;
    create_tenant(&cluster, "refused", -1).await;
    cluster
        .sql("REVOKE CONNECT ON DATABASE refused FROM public")
        .await;
    let agent = watch(&cluster, &configured).await;
    let page = agent
        .scrape_until("all were probed", |page| {
            let all = ["shared", "missing", "open", "refused", "other"];
            all.iter().all(|datname| up(page, datname).is_some())
        })
        .await;
    let is_up = ["shared", "open", "missing", "refused", "other"].map(|it| up(&page, it));
    assert_eq!(
        is_up.map(|it| it == Some(1.0)),
        [true, true, false, false, false]
    );
    assert!(failures(&page, "missing", "database") > 0.0);
    assert!(failures(&page, "refused", "auth") > 0.0);
    assert!(failures(&page, "other", "auth") > 0.0);
    assert!(rows(&page, "acme").is_some());
    server_is_undisturbed(&agent).await;

    drop_shared(&cluster).await;
    let page = agent
        .scrape_until("dropped", |page| up(page, "shared") == Some(0.0))
        .await;
    assert_eq!(rows(&page, "acme"), None);
    assert_eq!(up(&page, "open"), Some(1.0));
    cluster.sql("CREATE DATABASE shared").await;
    agent
        .scrape_until("there again", |page| up(page, "shared") == Some(1.0))
        .await;
    server_is_undisturbed(&agent).await;
    assert!(agent.log().contains("probe failed"), "{}", agent.log());
}

#[tokio::test]
async fn a_full_database_fails_its_own_probe_only() {
    let cluster = shared(&format!("{TWO} {GRANT}")).await;
    let agent = watch(&cluster, SHARED).await;
    fresh_probe(&agent).await;
    cluster
        .sql("ALTER DATABASE shared CONNECTION LIMIT 0")
        .await;
    let page = agent
        .scrape_until("full", |page| up(page, "shared") == Some(0.0))
        .await;
    assert!(failures(&page, "shared", "too_many_connections") > 0.0);
    server_is_undisturbed(&agent).await;
    cluster
        .sql("ALTER DATABASE shared CONNECTION LIMIT -1")
        .await;
    fresh_probe(&agent).await;
}

#[tokio::test]
async fn a_lock_holds_up_no_other_poll() {
    let cluster = shared(&format!(
        "{TWO} CREATE TABLE lightrag_new AS SELECT * FROM lightrag_doc; TRUNCATE lightrag_new; {GRANT}"
    ))
    .await;
    create_tenant(&cluster, "open", -1).await;
    let agent = watch(&cluster, &format!("{SHARED}, open: {{interval: 1s}}")).await;
    let page = fresh_probe(&agent).await;
    assert!(rows(&page, "acme").is_some() && tables(&page, "empty") == Some(1.0));

    let locker = cluster.admin_of("shared").await;
    let lock = async |tables: &str| {
        let lock = format!("BEGIN; LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE");
        locker.batch_execute(&lock).await.expect("a lock");
    };
    lock("lightrag_doc").await;
    let page = fresh_probe(&agent).await;
    assert!(rows(&page, "acme").is_some(), "statistics need no lock");
    locker.batch_execute("ROLLBACK").await.expect("it ends");

    lock("lightrag_new").await;
    let page = fresh_probe(&agent).await;
    assert_eq!(
        (rows(&page, "acme"), tables(&page, "not_analysed")),
        (None, Some(1.0))
    );
    server_is_undisturbed(&agent).await;
    locker.batch_execute("ROLLBACK").await.expect("it ends");
    let page = fresh_probe(&agent).await;
    assert!(rows(&page, "acme").is_some());

    lock("pg_catalog.pg_class").await;
    agent
        .scrape_until("the catalogue is locked", |page| {
            up(page, "shared") == Some(0.0)
        })
        .await;
    let before = probes(&agent.scrape().await, "open", "ok");
    agent
        .scrape_until("another database is probed", |page| {
            probes(page, "open", "ok") > before
        })
        .await;
    server_is_undisturbed(&agent).await;
    locker.batch_execute("ROLLBACK").await.expect("it ends");
    fresh_probe(&agent).await;
}

#[tokio::test]
async fn two_probes_never_run_at_once() {
    let cluster = shared("SELECT 1").await;
    let names = ["one", "two", "three"];
    for name in names {
        create_tenant(&cluster, name, -1).await;
    }
    let all = names
        .map(|name| format!("{name}: {{interval: 1s}}"))
        .join(", ");
    let agent = watch(&cluster, &all).await;
    let admin = cluster.admin().await;
    let done = |page: &Scrape| names.iter().all(|name| probes(page, name, "ok") >= 2.0);
    let mut most = 0;
    loop {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'agent' AND datname <> 'postgres'";
        let count: i64 = admin
            .value(count)
            .await
            .expect("a count")
            .parse()
            .expect("a number");
        most = most.max(count);
        if done(&agent.scrape().await) {
            break;
        }
    }
    assert!(most <= 1, "{most} at once");
}
