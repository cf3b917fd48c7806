//! Crashes whose message reaches the agent's session.

use super::super::started;
use super::{
    LIMIT, MESSAGE, cluster, crash, crashes, keep, last_crash, logged, quiet, seconds_since_epoch,
    until_counted, until_idle, until_up, watch,
};
use crate::support::{
    AGENT, CLIENT_ROLE, Cluster, Scrape, StopMode, create_agent_role, eventually, trusting,
    watch_as,
};

const AS_AGENT: &str = "user: agent";

#[tokio::test]
async fn a_killed_backend_is_one_crash_and_shows_while_the_server_is_down() {
    let mut cluster = cluster(&[]).await;
    let agent = quiet(&cluster, AS_AGENT).await;
    let before = agent.scrape().await;
    assert_eq!(crashes(&before).to_string(), "0", "from the start");
    assert_eq!(last_crash(&before), None);
    let begun = seconds_since_epoch();
    crash(&cluster).await;
    let after = until_counted(&agent, 1).await;
    assert_eq!(logged(&agent), [MESSAGE]);
    let last = last_crash(&after).expect("a crash");
    assert!((begun..=seconds_since_epoch()).contains(&last), "{last}");
    assert_eq!(started(&after), started(&before), "no restart");

    cluster.stop(StopMode::Fast);
    let down = agent
        .scrape_until("down", |page| page.value("pg_up", &[]) == Some(0.0))
        .await;
    assert_eq!(last_crash(&down), Some(last));
    cluster.start_again();
    let restarted = until_counted(&agent, 1).await;
    assert_eq!(last_crash(&restarted), Some(last), "kept after a restart");
}

#[tokio::test]
async fn each_of_ten_crashes_counts() {
    let cluster = cluster(&[]).await;
    let agent = watch(&cluster).await;
    for crashes in 1..10 {
        crash(&cluster).await;
        until_counted(&agent, crashes).await;
    }
    let checkpointer = cluster.process("checkpointer").expect("a checkpointer");
    cluster.signal_process("KILL", checkpointer);
    until_counted(&agent, 10).await;
}

/// The server stays down. PostgreSQL 13 ends a session in the same way at an immediate shutdown.
#[tokio::test]
async fn a_crash_after_which_the_server_stays_down_is_counted_at_once() {
    let mut cluster = cluster(&[("restart_after_crash", "off")]).await;
    let tells = cluster.major_version().await >= 14;
    let agent = quiet(&cluster, AS_AGENT).await;
    crash(&cluster).await;
    let refused = |page: &Scrape| {
        let refused = [("reason", "refused")];
        page.value("pgcommons_connect_failures_total", &refused) > Some(0.0)
    };
    let down = agent.scrape_until("refused", refused).await;
    let counted = if tells { "1" } else { "0" };
    assert_eq!(crashes(&down).to_string(), counted, "{}", agent.log());
    assert_eq!(last_crash(&down).is_some(), tells);
    cluster.restart(StopMode::Fast);
    until_counted(&agent, usize::from(tells)).await;
}

/// Without `pg_monitor` the checkpointer cannot be seen, so only the message tells. Any owner of a database or administrator of
/// the role may set a level that would suppress it.
#[tokio::test]
async fn a_role_without_privileges_and_a_higher_level_of_messages_are_enough() {
    let cluster = trusting(&[("client_min_messages", "error")]).await;
    cluster.sql("CREATE ROLE plain LOGIN").await;
    for of in ["ROLE plain", "DATABASE postgres"] {
        let set = format!("ALTER {of} SET client_min_messages = 'error'");
        cluster.sql(&set).await;
    }
    keep(&cluster).await;
    let agent = quiet(&cluster, "user: plain").await;
    crash(&cluster).await;
    until_counted(&agent, 1).await;
}

#[tokio::test]
async fn a_crash_is_counted_over_tls_too() {
    let cluster = Cluster::start_tls(&[], "hostssl all all 127.0.0.1/32 trust");
    let create = format!("CREATE ROLE {CLIENT_ROLE} LOGIN IN ROLE pg_monitor");
    cluster.sql(&create).await;
    keep(&cluster).await;
    let login = format!("user: {CLIENT_ROLE}, sslmode: require");
    let agent = quiet(&cluster, &login).await;
    for crashes in 1..=3 {
        crash(&cluster).await;
        until_counted(&agent, crashes).await;
        until_idle(&cluster, &agent).await;
    }
    assert_eq!(logged(&agent), [MESSAGE; 3]);
}

#[tokio::test]
async fn a_standby_that_crashes_counts_and_its_promotion_does_not() {
    let mut primary = trusting(&[]).await;
    create_agent_role(&primary).await;
    let standby = primary.start_standby();
    let agent = watch_as(&standby, AGENT, "").await;
    until_up(&agent).await;
    crash(&standby).await;
    until_counted(&agent, 1).await;
    // The standby is in recovery again, which ends only with its promotion.
    standby.promote().await;
    let promoted = |page: &Scrape| page.value("pg_replication_is_replica", &[]) == Some(0.0);
    agent.scrape_until("promoted", promoted).await;
    until_counted(&agent, 1).await;
}

/// The process that recovers is stopped, so that a second crash is certain to interrupt it. Before 15 there is no other process
/// during recovery, and after the death of this one the postmaster exits.
#[tokio::test]
async fn a_crash_during_the_recovery_from_a_crash_is_not_counted_twice() {
    let cluster = cluster(&[]).await;
    if cluster.major_version().await < 15 {
        return;
    }
    let agent = watch(&cluster).await;
    let mut seen = 0;
    let startup = eventually(LIMIT, "a recovery is interrupted", async || {
        until_up(&agent).await;
        crash(&cluster).await;
        seen += 1;
        cluster.catch("startup")
    })
    .await;
    let checkpointer = eventually(LIMIT, "a checkpointer", async || {
        cluster.process("checkpointer")
    });
    cluster.signal_process("KILL", checkpointer.await);
    eventually(LIMIT, "the recovery begins again", async || {
        (cluster.process("startup") != Some(startup)).then_some(())
    })
    .await;
    until_counted(&agent, seen).await;
}
