//! Faults of sessions on the server, and of the agent's role.

use super::monitor::FaultMonitor;
use super::{
    FREQUENT, PASSWORD, ROLE, SHORT_TIMEOUT, assert_unready, backend, backends, down, failures,
    lost, started, until_up, watch, watched_cluster,
};
use crate::support::{Cluster, Scrape};

/// The pid of the agent's backend.
async fn agents_backend(cluster: &Cluster) -> u32 {
    let admin = cluster.admin().await;
    let pid = backend(&admin).await;
    admin.close().await;
    pid.parse().expect("a pid is a number")
}

/// A crash ends all sessions, and the server reinitialises without a restart of the postmaster.
#[tokio::test]
async fn the_crash_of_another_session_is_recovered_from() {
    let cluster = watched_cluster().await;
    let agent = watch(FREQUENT, &[("a", &cluster)]).await;
    let before = until_up(&agent).await;
    cluster.sql("CREATE DATABASE shop").await;
    let victim = cluster.admin_of("shop").await;
    let in_shop = |page: &Scrape| {
        let shop = [("datname", "shop")];
        page.value("pgcommons_database_connections", &shop)
    };
    let seen = |page: &Scrape| in_shop(page) == Some(1.0);
    agent
        .scrape_until("the session that will crash", seen)
        .await;
    let monitor = FaultMonitor::start("a backend crashes", &agent);
    cluster.signal_process("KILL", victim.backend_pid());
    agent.scrape_until("lost", |page| lost(page) > 0).await;
    let after = until_up(&agent).await;
    monitor.assert_recovered();
    assert_eq!(
        started(&after),
        started(&before),
        "the postmaster was not restarted"
    );
    assert_eq!(in_shop(&after), Some(0.0));
}

/// Only the backend hangs, so another session is enough.
#[tokio::test]
async fn a_frozen_backend_is_replaced() {
    let cluster = watched_cluster().await;
    // A slow job that hangs would leave the server up, over a second session.
    let seldom = "stats: {interval: 1h}\nsizes: {interval: 1h}\n";
    let agent = watch(seldom, &[("a", &cluster)]).await;
    let settled = |page: &Scrape| {
        let sizes = page.value("pgcommons_database_sizes_unknown", &[("reason", "pending")]);
        sizes == Some(0.0) && page.names().contains("pg_stat_database_numbackends")
    };
    agent.scrape_until("settled", settled).await;
    let old = agents_backend(&cluster).await;
    let mut monitor = FaultMonitor::start("its backend alone is frozen", &agent);
    cluster.signal_process("STOP", old);
    let page = agent.scrape_until("down", |page| down(page, "a")).await;
    assert_eq!(
        lost(&page),
        0,
        "reported only when the session was given up"
    );
    assert_unready(&agent, "timeout").await;
    agent.scrape_until("given up", |page| lost(page) == 1).await;
    monitor.fault_ended();
    until_up(&agent).await;
    monitor.assert_recovered();
    let admin = cluster.admin().await;
    assert_eq!(
        backends(&admin).await.split(' ').count(),
        2,
        "the old one hangs"
    );
    cluster.signal_process("CONT", old);
    assert_ne!(backend(&admin).await, old.to_string(), "and then it ends");
}

/// With a limit of one connection the agent cannot log in while its old backend still exists.
#[tokio::test]
async fn a_role_with_one_connection_waits_for_its_old_session() {
    let cluster = watched_cluster().await;
    cluster
        .sql(&format!("ALTER ROLE {ROLE} CONNECTION LIMIT 1"))
        .await;
    let agent = watch(SHORT_TIMEOUT, &[("a", &cluster)]).await;
    until_up(&agent).await;
    let old = agents_backend(&cluster).await;
    let mut monitor = FaultMonitor::start("its backend is frozen, role limit 1", &agent);
    cluster.signal_process("STOP", old);
    let page = agent
        .scrape_until("its own session is in the way", |page| {
            failures(page, "too_many_connections") > 1.0
        })
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    cluster.signal_process("CONT", old);
    monitor.fault_ended();
    until_up(&agent).await;
    monitor.assert_recovered();
    assert_ne!(agents_backend(&cluster).await, old);
}

/// An open session continues after its role was dropped, but a role that is created under the same name is another role.
#[tokio::test]
async fn a_role_that_is_dropped_and_recreated_is_used_again() {
    let cluster = watched_cluster().await;
    let agent = watch(FREQUENT, &[("a", &cluster)]).await;
    until_up(&agent).await;
    let mut monitor = FaultMonitor::start("its role is dropped and recreated", &agent);
    cluster.sql(&format!("DROP ROLE {ROLE}")).await;
    let page = agent
        .scrape_until("there is no such role", |page| failures(page, "auth") > 0.0)
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    let error = "the role of the session has been dropped";
    assert!(agent.log().contains(error), "{}", agent.log());
    cluster
        .sql(&format!(
            "CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor"
        ))
        .await;
    monitor.fault_ended();
    let page = until_up(&agent).await;
    monitor.assert_recovered();
    let privilege = [("privilege", "pg_read_all_stats")];
    let sees_all = page.value("pgcommons_privilege", &privilege);
    assert_eq!(sees_all, Some(1.0), "{}", agent.log());
}
