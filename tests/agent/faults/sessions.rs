//! What happens to sessions on the server, and to the role behind the agent's.

use super::witness::Witness;
use super::{
    BRISK, HASTY, PASSWORD, ROLE, assert_unready, backend, backends, down, failures, lost, started,
    until_up, watch, watched_cluster,
};
use crate::support::{Cluster, Scrape};

/// The process behind the agent's session.
async fn agents_backend(cluster: &Cluster) -> u32 {
    let admin = cluster.admin().await;
    let pid = backend(&admin).await;
    admin.close().await;
    pid.parse().expect("a process has a number")
}

/// All sessions end with the one that crashed, and the server begins anew without being restarted.
#[tokio::test]
async fn a_crash_of_another_session_is_survived() {
    let cluster = watched_cluster().await;
    let agent = watch(BRISK, &[("a", &cluster)]).await;
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
    let witness = Witness::of("a backend crashes", &agent);
    cluster.signal_process("KILL", victim.backend_pid());
    agent.scrape_until("lost", |page| lost(page) > 0).await;
    let after = until_up(&agent).await;
    witness.report();
    assert_eq!(started(&after), started(&before), "it is no restart");
    assert_eq!(in_shop(&after), Some(0.0));
}

/// The server is well, and so all it takes is another session.
#[tokio::test]
async fn a_frozen_backend_is_left_for_another() {
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
    let mut witness = Witness::of("its backend alone is frozen", &agent);
    cluster.signal_process("STOP", old);
    let page = agent.scrape_until("down", |page| down(page, "a")).await;
    assert_eq!(lost(&page), 0, "told only when it was given up");
    assert_unready(&agent, "timeout").await;
    agent.scrape_until("given up", |page| lost(page) == 1).await;
    witness.over();
    until_up(&agent).await;
    witness.report();
    let admin = cluster.admin().await;
    assert_eq!(
        backends(&admin).await.split(' ').count(),
        2,
        "the old one hangs"
    );
    cluster.signal_process("CONT", old);
    assert_ne!(backend(&admin).await, old.to_string(), "and then it ends");
}

/// With a limit of one connection the agent has no other way in while its own dead session is still there.
#[tokio::test]
async fn a_role_of_one_connection_waits_for_its_own_old_session() {
    let cluster = watched_cluster().await;
    cluster
        .sql(&format!("ALTER ROLE {ROLE} CONNECTION LIMIT 1"))
        .await;
    let agent = watch(HASTY, &[("a", &cluster)]).await;
    until_up(&agent).await;
    let old = agents_backend(&cluster).await;
    let mut witness = Witness::of("its backend is frozen, role limit 1", &agent);
    cluster.signal_process("STOP", old);
    let page = agent
        .scrape_until("its own session is in the way", |page| {
            failures(page, "too_many_connections") > 1.0
        })
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    cluster.signal_process("CONT", old);
    witness.over();
    until_up(&agent).await;
    witness.report();
    assert_ne!(agents_backend(&cluster).await, old);
}

/// A session outlives its role, but the role that is created in its place is another one.
#[tokio::test]
async fn a_role_that_is_dropped_and_created_anew_is_used_without_help() {
    let cluster = watched_cluster().await;
    let agent = watch(BRISK, &[("a", &cluster)]).await;
    until_up(&agent).await;
    let mut witness = Witness::of("its role is dropped and created anew", &agent);
    cluster.sql(&format!("DROP ROLE {ROLE}")).await;
    let page = agent
        .scrape_until("there is no such role", |page| failures(page, "auth") > 0.0)
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    let said = "the role of the session has been dropped";
    assert!(agent.log().contains(said), "{}", agent.log());
    cluster
        .sql(&format!(
            "CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor"
        ))
        .await;
    witness.over();
    let page = until_up(&agent).await;
    witness.report();
    let privilege = [("privilege", "pg_read_all_stats")];
    let sees_all = page.value("pgcommons_privilege", &privilege);
    assert_eq!(sees_all, Some(1.0), "{}", agent.log());
}
