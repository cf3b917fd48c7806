//! Servers that are down, restart, or are blocked by locks.

use std::time::Duration;

use super::monitor::FaultMonitor;
use super::{
    FREQUENT, LIMIT, PASSWORD, ROLE, SHORT_TIMEOUT, STOP_LIMIT, assert_unready, backend, backends,
    down, failures, logins, lost, polls, started, terminate, until_up, up, watch, watched_cluster,
};
use crate::support::{Agent, AgentSpec, Scrape, StopMode, eventually};

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_found_when_it_comes_up() {
    let mut cluster = watched_cluster().await;
    cluster.stop(StopMode::Fast);
    let agent = watch(FREQUENT, &[("a", &cluster)]).await;
    let mut monitor = FaultMonitor::start("down at the start", &agent);
    let page = agent
        .scrape_until("refused", |page| failures(page, "refused") > 0.0)
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    cluster.start_again();
    monitor.fault_ended();
    until_up(&agent).await;
    monitor.assert_recovered();
}

#[tokio::test]
async fn a_restart_is_detected_and_recovered_from() {
    let mut cluster = watched_cluster().await;
    let agent = watch(FREQUENT, &[("a", &cluster)]).await;
    for (mode, fault) in [
        (StopMode::Fast, "restart, fast"),
        (StopMode::Immediate, "restart, immediate"),
    ] {
        let before = started(&until_up(&agent).await);
        let mut monitor = FaultMonitor::start(fault, &agent);
        cluster.stop(mode);
        agent.scrape_until("down", |page| down(page, "a")).await;
        cluster.start_again();
        monitor.fault_ended();
        let after = started(&until_up(&agent).await);
        monitor.assert_recovered();
        assert!(before < after, "{mode:?}: {before:?}, then {after:?}");
    }
}

#[tokio::test]
async fn a_terminated_backend_is_replaced_once() {
    let cluster = watched_cluster().await;
    let agent = watch(FREQUENT, &[("a", &cluster)]).await;
    let admin = cluster.admin().await;
    for losses in 0..3 {
        until_up(&agent).await;
        let old = backend(&admin).await;
        assert_eq!(
            logins(&cluster),
            losses + 1,
            "a login for each loss, no more"
        );
        let monitor = FaultMonitor::start("its backend is terminated", &agent);
        terminate(&admin, &old).await;
        agent.scrape_until("lost", |page| lost(page) > losses).await;
        until_up(&agent).await;
        monitor.assert_recovered();
        assert_ne!(backend(&admin).await, old);
    }
}

/// With a long interval the next poll is far away, but the server's error message has arrived.
#[tokio::test]
async fn a_session_that_is_ended_between_polls_is_replaced_at_once() {
    let cluster = watched_cluster().await;
    let agent = watch("poll: {interval: 10m, window: 1h}\n", &[("a", &cluster)]).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    let old = backend(&admin).await;
    terminate(&admin, &old).await;
    agent.scrape_until("lost", |page| lost(page) == 1).await;
    let page = until_up(&agent).await;
    assert!(polls(&page, "a", "ok") >= 2.0, "{}", page.text());
    assert_ne!(backend(&admin).await, old);
}

/// Any superuser may hold these locks; logins wait for them too.
#[tokio::test]
async fn a_locked_catalog_is_a_timeout_and_the_session_survives() {
    let cluster = watched_cluster().await;
    let agent = watch(SHORT_TIMEOUT, &[("a", &cluster)]).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    let before = backend(&admin).await;
    for (catalog, fault) in [
        ("pg_database", "pg_database is locked"),
        ("pg_authid", "pg_authid is locked"),
    ] {
        let timeouts = polls(&agent.scrape().await, "a", "timeout");
        let mut monitor = FaultMonitor::start(fault, &agent);
        let lock = format!("BEGIN; LOCK TABLE pg_catalog.{catalog} IN ACCESS EXCLUSIVE MODE");
        admin
            .batch_execute(&lock)
            .await
            .expect("a superuser may lock");
        let page = agent
            .scrape_until(fault, |page| polls(page, "a", "timeout") > timeouts)
            .await;
        assert!(down(&page, "a"), "{}", page.text());
        assert_unready(&agent, "timeout").await;
        monitor.fault_ended();
        let rollback = admin.batch_execute("ROLLBACK").await;
        rollback.expect("it can be rolled back");
        until_up(&agent).await;
        monitor.assert_recovered();
    }
    assert_eq!(backend(&admin).await, before);
}

/// The cost of a poll without an answer is unknown.
#[tokio::test]
async fn polls_that_time_out_repeatedly_come_less_often() {
    let cluster = watched_cluster().await;
    let dsn = cluster.url(ROLE, PASSWORD, "postgres");
    let agent = Agent::start(AgentSpec {
        config: Some(&format!(
            "{SHORT_TIMEOUT}servers: {{a: {{dsn: '{dsn}'}}}}\n"
        )),
        env: &[("PGCOMMONS__POLL__MAX_TIME_FRACTION", "0.005")],
        ..AgentSpec::default()
    })
    .await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    let lock = "BEGIN; LOCK TABLE pg_catalog.pg_database IN ACCESS EXCLUSIVE MODE";
    let locked = admin.batch_execute(lock).await;
    locked.expect("a superuser may lock");
    let interval = |page: &Scrape| page.value("pgcommons_poll_interval_seconds", &[]);
    let slow = |page: &Scrape| interval(page) == Some(10.0);
    let before = polls(&agent.scrape_until("slow", slow).await, "a", "timeout");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let page = agent.scrape().await;
    let late = polls(&page, "a", "timeout") - before;
    assert!(late < 2.0, "{late} in 3 s");
    let rollback = admin.batch_execute("ROLLBACK").await;
    rollback.expect("it can be rolled back");
    let quick = |page: &Scrape| up(page, "a") && interval(page) < Some(1.0);
    agent.scrape_until("as before", quick).await;
    assert_eq!(lost(&page), 0);
}

#[tokio::test]
async fn databases_come_and_go_between_polls() {
    let cluster = watched_cluster().await;
    let agent = watch(FREQUENT, &[("a", &cluster)]).await;
    until_up(&agent).await;
    let seen = |name: &'static str| {
        move |page: &Scrape| {
            assert!(up(page, "a"), "{}", page.text());
            page.value("pgcommons_database_connections_limit", &[("datname", name)])
                .is_some()
        }
    };
    for round in 0..3 {
        cluster.sql("CREATE DATABASE early").await;
        agent.scrape_until("created", seen("early")).await;
        cluster.sql("ALTER DATABASE early RENAME TO late").await;
        agent
            .scrape_until("renamed", |page| seen("late")(page) && !seen("early")(page))
            .await;
        cluster.sql("DROP DATABASE late").await;
        let page = agent
            .scrape_until("dropped", |page| !seen("late")(page))
            .await;
        for outcome in ["timeout", "error", "lost"] {
            let bad = page.sum("pgcommons_polls_total", &[("outcome", outcome)]);
            assert!(bad < 1.0, "round {round}: {outcome}\n{}", agent.log());
        }
    }
}

#[tokio::test]
async fn an_agent_exits_cleanly_on_a_signal_and_leaves_no_session() {
    let cluster = watched_cluster().await;
    let admin = cluster.admin().await;
    for signal in ["TERM", "INT"] {
        let mut agent = watch(FREQUENT, &[("a", &cluster)]).await;
        until_up(&agent).await;
        backend(&admin).await;
        agent.signal(signal);
        let status = agent.wait(STOP_LIMIT).await.expect(signal);
        assert_eq!(status.code(), Some(0), "{signal}: {}", agent.log());
        eventually(LIMIT, "the session is closed", async || {
            backends(&admin).await.is_empty().then_some(())
        })
        .await;
    }
}
