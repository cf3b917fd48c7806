//! A hot standby: polled, promoted, and used in place of a failed primary.

use std::time::Duration;

use tokio::time::Instant;

use super::monitor::FaultMonitor;
use super::{backend, down, failures, start, started, up};
use crate::support::{
    AGENT, Agent, Cluster, Relay, Scrape, StopMode, create_agent_role, create_tenant, failed_polls,
    fresh, sessions, trusting, watch_as,
};

/// How long the agent may take to connect to another server.
const FAILOVER: Duration = Duration::from_secs(10);

/// A primary with a tenant of five connections, and its standby; both know the agent's role.
async fn pair() -> (Cluster, Cluster) {
    let mut primary = trusting(&[("log_connections", "on")]).await;
    create_agent_role(&primary).await;
    create_tenant(&primary, "shop", 5).await;
    let standby = primary.start_standby();
    (primary, standby)
}

fn is_replica(page: &Scrape) -> Option<f64> {
    page.value("pg_replication_is_replica", &[])
}

fn of_shop(page: &Scrape, family: &str) -> Option<f64> {
    page.value(family, &[("datname", "shop")])
}

async fn until_measured(agent: &Agent) -> Scrape {
    let size = |page: &Scrape| of_shop(page, "pg_database_size_bytes").is_some();
    agent.scrape_until("the size is known", size).await
}

#[tokio::test]
async fn a_hot_standby_is_polled_like_any_server() {
    let (primary, standby) = pair().await;
    let agent = watch_as(&standby, AGENT, "").await;
    until_measured(&agent).await;
    let _readers = sessions(&standby, "shop", 2).await;
    // The sessions of the primary do not count on the standby.
    let _writers = sessions(&primary, "shop", 1).await;
    let page = fresh(&agent).await;
    assert_eq!(
        (is_replica(&page), up(&page, &name(&standby))),
        (Some(1.0), true)
    );
    let size = standby
        .query_one_i64("SELECT pg_database_size('shop')")
        .await;
    for (family, value) in [
        ("pgcommons_database_connections", 2.0),
        ("pgcommons_database_connections_headroom", 3.0),
        ("pg_database_size_bytes", size as f64),
        ("pg_stat_database_numbackends", 2.0),
    ] {
        let shown = agent.scrape_until(family, |page| of_shop(page, family) == Some(value));
        shown.await;
    }
    let free = page.value("pgcommons_server_connections_headroom", &[]);
    let taken = page.value("pgcommons_server_connections", &[]);
    assert_eq!((free, taken), (Some(94.0), Some(3.0)), "{}", page.text());
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
    assert!(!agent.log().contains("WARN"), "{}", agent.log());
}

/// The default name of a server.
fn name(cluster: &Cluster) -> String {
    format!("{}:{}", cluster.host(), cluster.port())
}

#[tokio::test]
async fn a_promotion_shows_at_the_next_poll_of_the_same_session() {
    let (mut primary, standby) = pair().await;
    let agent = watch_as(&standby, AGENT, "").await;
    let before = until_measured(&agent).await;
    let admin = standby.admin().await;
    let session = backend(&admin).await;
    primary.stop(StopMode::Immediate);
    assert_eq!(is_replica(&fresh(&agent).await), Some(1.0));
    let mut monitor = FaultMonitor::start("promotion", &agent);
    standby.promote().await;
    monitor.fault_ended();
    let page = fresh(&agent).await;
    monitor.assert_recovered();
    assert_eq!(is_replica(&page), Some(0.0), "{}", page.text());
    assert_eq!(started(&page), started(&before));
    assert_eq!(backend(&admin).await, session, "the agent logged in again");
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
    standby.sql("CREATE DATABASE wiki").await;
    let created = |page: &Scrape| {
        let size = page.value("pg_database_size_bytes", &[("datname", "wiki")]);
        size.is_some()
    };
    agent
        .scrape_until("a database created after the promotion", created)
        .await;
}

/// An agent behind a relay to the primary. It has the default timeout, because the tests measure how soon it connects to
/// another server.
async fn behind(relay: &Relay) -> Agent {
    let dsn = format!("postgres://{AGENT}@127.0.0.1:{}/postgres", relay.port());
    let timing = "sizes: {interval: 1s}\n";
    start(&format!("{timing}servers: {{a: {{dsn: '{dsn}'}}}}\n")).await
}

/// Redirects the relay to the standby. Soon the page must show the standby, which has been promoted.
async fn assert_failover(
    agent: &Agent,
    relay: &Relay,
    standby: &Cluster,
    mut monitor: FaultMonitor,
) {
    relay.redirect_to(standby.port());
    let switched = Instant::now();
    monitor.fault_ended();
    let start = "SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000)::int8";
    let start = standby.query_one_i64(start).await as f64 / 1000.0;
    // The primary was started only a short time before.
    let is_there = |page: &Scrape| started(page).is_some_and(|shown| (shown - start).abs() < 0.002);
    let page = agent.scrape_until("the standby", is_there).await;
    let took = switched.elapsed();
    monitor.assert_recovered();
    assert!(took < FAILOVER, "{took:?}\n{}", agent.log());
    assert_eq!((up(&page, "a"), is_replica(&page)), (true, Some(0.0)));
    until_measured(agent).await;
}

#[tokio::test]
async fn the_agent_follows_its_address_to_the_promoted_standby() {
    let (mut primary, standby) = pair().await;
    let relay = Relay::start(primary.port());
    let agent = behind(&relay).await;
    assert_eq!(is_replica(&until_measured(&agent).await), Some(0.0));

    let monitor = FaultMonitor::start("failover, the primary is gone", &agent);
    primary.stop(StopMode::Immediate);
    let page = agent.scrape_until("down", |page| down(page, "a")).await;
    assert_eq!((is_replica(&page), started(&page)), (None, None));
    standby.promote().await;
    // After several attempts the pauses between them are longer.
    let refused = |page: &Scrape| failures(page, "refused") >= 3.0;
    agent.scrape_until("several attempts", refused).await;
    assert_failover(&agent, &relay, &standby, monitor).await;
}

/// The connections of a machine that failed are not closed.
#[tokio::test]
async fn an_unresponsive_primary_is_replaced_by_the_promoted_standby() {
    let (primary, standby) = pair().await;
    let relay = Relay::start(primary.port());
    let agent = behind(&relay).await;
    until_measured(&agent).await;
    let monitor = FaultMonitor::start("failover, the primary does not answer", &agent);
    primary.freeze();
    standby.promote().await;
    assert_failover(&agent, &relay, &standby, monitor).await;
}
