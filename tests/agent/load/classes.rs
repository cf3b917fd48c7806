//! The classes tell apart what sessions do.

use std::time::Duration;

use bytes::Bytes;

use super::{BUSY, active, active_of_server, run};
use crate::support::{
    Cluster, Scrape, TestSession, create_tenant, eventually, fresh, sessions, trusting, watch,
};

const QUIET: [(&str, &str); 1] = [("autovacuum", "off")];

/// One session of `cruncher` that computes, one of `ledger` that waits for a lock, and the one that holds it.
async fn fight(cluster: &Cluster) -> TestSession {
    for name in ["cruncher", "ledger", "idle"] {
        create_tenant(cluster, name, -1).await;
    }
    let holder = cluster.admin_of("ledger").await;
    holder
        .batch_execute("BEGIN; SELECT pg_advisory_lock(1)")
        .await
        .expect("a lock");
    for (name, sql) in [("cruncher", BUSY), ("ledger", "SELECT pg_advisory_lock(1)")] {
        let session = sessions(cluster, name, 1).await.remove(0);
        run(session, sql);
    }
    holder
}

#[tokio::test]
async fn a_session_that_computes_differs_from_one_that_waits_for_a_lock() {
    let cluster = trusting(&QUIET).await;
    let _holder = fight(&cluster).await;
    let agent = watch(&cluster, "").await;
    let first = agent
        .scrape_until("both are seen", |page| {
            active(page, "cruncher", "cpu") > Some(0.0)
                && active(page, "ledger", "lock") > Some(0.0)
        })
        .await;
    let growth = |page: &Scrape, datname, wait| {
        let value = |page: &Scrape| active(page, datname, wait).unwrap_or_default();
        value(page) - value(&first)
    };
    let page = agent
        .scrape_until("three seconds of waiting", |page| {
            growth(page, "ledger", "lock") >= 3.0
        })
        .await;
    // One session each, counted by the same polls.
    let (lock, cpu) = (
        growth(&page, "ledger", "lock"),
        growth(&page, "cruncher", "cpu"),
    );
    assert!((cpu - lock).abs() < 0.05 * lock, "{cpu} s, {lock} s");
    assert_eq!(active(&page, "cruncher", "lock"), None);
    for idle in ["idle", "postgres"] {
        assert_eq!(active(&page, idle, "cpu"), Some(0.0), "{idle}");
    }
    let all = page.sum("pgcommons_database_active_seconds_total", &[]);
    let server = active_of_server(&page);
    assert!((server - all).abs() < 0.001, "{server} s, {all} s");
}

/// The agent's session runs its poll whenever it looks.
#[tokio::test]
async fn the_agent_itself_and_idle_sessions_are_no_load() {
    let cluster = trusting(&QUIET).await;
    create_tenant(&cluster, "app", -1).await;
    let open = sessions(&cluster, "app", 3).await;
    open[0].batch_execute("BEGIN").await.expect("a transaction");
    let agent = watch(&cluster, "").await;
    for _ in 0..5 {
        let page = fresh(&agent).await;
        assert!(active_of_server(&page) <= 0.0, "the agent counts");
        assert_eq!(active(&page, "app", "cpu"), Some(0.0));
    }
}

/// It waits for the rows of its client, as in a restore over a slow network.
#[tokio::test]
async fn a_copy_that_waits_for_its_client_is_not_the_work_of_the_server() {
    let cluster = trusting(&QUIET).await;
    create_tenant(&cluster, "app", -1).await;
    let session = cluster.admin_of("app").await;
    session
        .batch_execute("CREATE TABLE rows (line text)")
        .await
        .expect("a table");
    let copy = session.copy_in::<_, Bytes>("COPY rows FROM STDIN").await;
    let _copy = copy.expect("a copy");
    let agent = watch(&cluster, "").await;
    let page = agent
        .scrape_until("it waits", |page| {
            active(page, "app", "client") >= Some(1.0)
        })
        .await;
    assert_eq!(active(&page, "app", "cpu"), Some(0.0));
}

/// A worker whose state is NULL on some versions, and which pauses in between.
#[tokio::test]
async fn an_autovacuum_worker_is_active() {
    let settings = [
        ("autovacuum", "on"),
        ("autovacuum_naptime", "1s"),
        ("autovacuum_vacuum_cost_delay", "100ms"),
        ("autovacuum_vacuum_cost_limit", "1"),
    ];
    let cluster = trusting(&settings).await;
    create_tenant(&cluster, "app", -1).await;
    let rows = "CREATE TABLE rows AS SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g;
                DELETE FROM rows WHERE g % 2 = 0";
    cluster.sql_in("app", rows).await;
    let agent = watch(&cluster, "").await;
    agent
        .scrape_until("the worker pauses", |page| {
            active(page, "app", "other") >= Some(1.0)
        })
        .await;
}

/// The agent loses its session, and so the time until the next poll.
#[tokio::test]
async fn a_gap_between_polls_resets_nothing_and_counts_nothing() {
    let cluster = trusting(&QUIET).await;
    let _holder = fight(&cluster).await;
    let agent = watch(&cluster, "").await;
    let before = agent
        .scrape_until("a second of work", |page| {
            active(page, "cruncher", "cpu") >= Some(1.0)
        })
        .await;
    let lost = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'agent'";
    cluster.sql(lost).await;
    let ended = |page: &Scrape| page.sum("pgcommons_polls_total", &[("outcome", "lost")]) > 0.0;
    let mut seen = active(&before, "cruncher", "cpu");
    let work = |page: &Scrape| active(page, "cruncher", "cpu");
    agent
        .scrape_until("another session continues", |page| {
            let now = work(page);
            assert!(now.is_none() || now >= seen, "{now:?} after {seen:?}");
            seen = now.or(seen);
            ended(page) && now > Some(2.0)
        })
        .await;
}

#[tokio::test]
async fn without_pg_monitor_nothing_is_said_about_sessions() {
    let cluster = trusting(&QUIET).await;
    let _holder = fight(&cluster).await;
    let agent = watch(&cluster, "").await;
    agent
        .scrape_until("load", |page| active(page, "cruncher", "cpu") > Some(0.0))
        .await;
    cluster.sql("REVOKE pg_monitor FROM agent").await;
    let limit = Duration::from_mins(1);
    eventually(limit, "no load is shown", async || {
        let page = fresh(&agent).await;
        let shown = active(&page, "cruncher", "cpu").is_some() || active_of_server(&page) > 0.0;
        (!shown).then_some(())
    })
    .await;
}
