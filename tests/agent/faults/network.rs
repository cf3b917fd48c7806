//! Networks that are slow, that drop packets, or that lose a connection on one side only.

use std::time::Duration;

use tokio::time::Instant;

use super::monitor::FaultMonitor;
use super::{
    LIMIT, SHORT_TIMEOUT, assert_unready, backend, backends, down, failures, lost, polls, start,
    until_up, up,
};
use crate::support::{
    AGENT, Agent, Cluster, Relay, Scrape, TestSession, create_agent_role, create_tenant,
    eventually, exchange_async, failed_polls, sessions, trusting,
};

const DEFAULT: &str = "";
/// Longer than a poll is current with [`SHORT_TIMEOUT`].
const PAUSE: Duration = Duration::from_secs(5);

/// A server behind a relay, with a tenant whose limit is five connections.
async fn remote_server() -> (Cluster, Relay) {
    let cluster = trusting(&[("log_connections", "on")]).await;
    create_agent_role(&cluster).await;
    create_tenant(&cluster, "shop", 5).await;
    let relay = Relay::start(cluster.port());
    (cluster, relay)
}

async fn behind(relay: &Relay, timing: &str) -> Agent {
    let dsn = format!("postgres://{AGENT}@127.0.0.1:{}/postgres", relay.port());
    start(&format!("{timing}servers: {{a: {{dsn: '{dsn}'}}}}\n")).await
}

fn headroom(page: &Scrape) -> Option<f64> {
    let shop = [("datname", "shop")];
    page.value("pgcommons_database_connections_headroom", &shop)
}

fn exhausted(page: &Scrape) -> f64 {
    let family = "pgcommons_database_connections_exhausted_seconds_total";
    let counter = page.value(family, &[("datname", "shop")]);
    counter.expect("a counter")
}

#[tokio::test]
async fn a_black_hole_is_reported_in_time_and_recovered_from_at_once() {
    let (cluster, relay) = remote_server().await;
    let agent = behind(&relay, DEFAULT).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    let before = backend(&admin).await;
    let mut monitor = FaultMonitor::start("a black hole, shorter than 8 s", &agent);
    let blocked = Instant::now();
    relay.block(true);
    agent.scrape_until("down", |page| down(page, "a")).await;
    let took = blocked.elapsed();
    eprintln!(
        "measured: a black hole: reported after {} ms",
        took.as_millis()
    );
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_unready(&agent, "timeout").await;
    monitor.fault_ended();
    relay.block(false);
    assert_eq!(headroom(&until_up(&agent).await), Some(5.0));
    monitor.assert_recovered();
    assert_eq!(backend(&admin).await, before, "the session was lost");
}

#[tokio::test]
async fn a_long_black_hole_loses_one_session_and_logins_do_not_accumulate() {
    let (cluster, relay) = remote_server().await;
    let agent = behind(&relay, DEFAULT).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    let before = backend(&admin).await;
    let mut monitor = FaultMonitor::start("a black hole, longer than 8 s", &agent);
    relay.block(true);
    let given_up = |page: &Scrape| lost(page) == 1 && failures(page, "timeout") >= 1.0;
    agent.scrape_until("a session given up", given_up).await;
    // These sessions are opened while the agent cannot poll.
    let _meanwhile = sessions(&cluster, "shop", 2).await;
    monitor.fault_ended();
    relay.block(false);
    let page = agent
        .scrape_until("up", |page| headroom(page) == Some(3.0))
        .await;
    assert!(up(&page, "a"), "{}", page.text());
    monitor.assert_recovered();
    assert_ne!(backend(&admin).await, before);
}

/// Every round trip takes more than half a second, and a login takes several.
#[tokio::test]
async fn a_slow_network_fails_no_poll() {
    let (cluster, relay) = remote_server().await;
    relay.delay(Duration::from_millis(300));
    let agent = behind(&relay, "sizes: {interval: 2s}\nstats: {interval: 2s}\n").await;
    let monitor = FaultMonitor::start("300 ms each way", &agent);
    let _open = sessions(&cluster, "shop", 2).await;
    let page = agent
        .scrape_until("everything", |page| {
            let shop = [("datname", "shop")];
            headroom(page) == Some(3.0)
                && page.value("pg_database_size_bytes", &shop).is_some()
                && page.value("pg_stat_database_numbackends", &shop) == Some(2.0)
                && polls(page, "a", "ok") >= 3.0
        })
        .await;
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
    for failure in page.series("pgcommons_connect_failures_total") {
        assert!(failure.value < 1.0, "{failure:?}\n{}", agent.log());
    }
    monitor.assert_unaffected();
}

/// As after the pause of a container: the session is still usable, so the next poll succeeds.
#[tokio::test]
async fn time_while_an_agent_was_stopped_is_not_counted() {
    let (cluster, relay) = remote_server().await;
    let _full = sessions(&cluster, "shop", 5).await;
    let agent = behind(&relay, SHORT_TIMEOUT).await;
    // Stop between two polls, while no job runs.
    let shop = [("datname", "shop")];
    let measured = |page: &Scrape| page.value("pg_database_size_bytes", &shop).is_some();
    let before = exhausted(&agent.scrape_until("sizes", measured).await);
    let started = Instant::now();
    agent.signal("STOP");
    tokio::time::sleep(PAUSE).await;
    agent.signal("CONT");
    let counts = |page: &Scrape| up(page, "a") && exhausted(page) > before;
    let page = agent.scrape_until("it counts again", counts).await;
    let counted = exhausted(&page) - before;
    let seen = started.elapsed().saturating_sub(PAUSE).as_secs_f64();
    assert!(counted < seen + 1.0, "{counted} s of {seen} s");
}

/// A request that arrives while the agent is stopped is answered before or after its first poll. The count from before the pause
/// is never in the answer.
#[tokio::test]
async fn an_agent_that_was_stopped_does_not_show_the_count_from_before() {
    let (cluster, relay) = remote_server().await;
    let timing =
        "poll: {interval: 500ms, timeout: 1s}\nsizes: {interval: 1h}\nstats: {interval: 1h}\n";
    let agent = behind(&relay, timing).await;
    let count =
        |page: &Scrape| page.value("pgcommons_database_connections", &[("datname", "shop")]);
    for (n, pause) in [2100, 2300, 2500, 2700, 2900].into_iter().enumerate() {
        let before = agent
            .scrape_until("counted", |page| count(page) == Some(0.0))
            .await;
        assert!(up(&before, "a"));
        agent.signal("STOP");
        let open = sessions(&cluster, "shop", 1 + n % 4).await;
        let address = agent.address();
        let request =
            tokio::spawn(async move { exchange_async(address, "GET", "/metrics", &[]).await });
        tokio::time::sleep(Duration::from_millis(pause)).await;
        agent.signal("CONT");
        let answer = request.await.expect("a task").expect("an answer");
        let page = Scrape::parse(&answer.text());
        assert_ne!(
            count(&page),
            Some(0.0),
            "stopped for {pause} ms:\n{}",
            page.text()
        );
        TestSession::close_all(open).await;
    }
}

/// As after the sleep of a machine or container: the connection exists only on the side of the agent.
#[tokio::test]
async fn a_suspended_agent_shows_no_old_figures_and_does_not_catch_up() {
    let (cluster, relay) = remote_server().await;
    let agent = behind(&relay, SHORT_TIMEOUT).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    backend(&admin).await;
    agent.signal("STOP");
    relay.drop_silently();
    eventually(LIMIT, "the server sees it closed", async || {
        backends(&admin).await.is_empty().then_some(())
    })
    .await;
    let _meanwhile = sessions(&cluster, "shop", 5).await;
    let polled = cluster.log().len();
    admin.value("SELECT pg_sleep(4)").await;
    agent.signal("CONT");
    let resumed = Instant::now();
    let mut monitor = FaultMonitor::start("a suspended agent, its connection dropped", &agent);
    monitor.fault_ended();
    // If it was stopped during a slow job, it may have polled over another session already.
    let page = agent.scrape().await;
    assert!(
        down(&page, "a") || headroom(&page) == Some(0.0),
        "old figures shown as current:\n{}",
        page.text()
    );
    let page = agent
        .scrape_until("up", |page| headroom(page) == Some(0.0))
        .await;
    monitor.assert_recovered();
    let ended = ["ok", "timeout", "error", "lost"].map(|outcome| polls(&page, "a", outcome));
    let before_and_after = resumed.elapsed().as_secs_f64() / 0.1 + 40.0;
    assert!(
        ended.iter().sum::<f64>() < before_and_after,
        "a burst of {ended:?}"
    );
    assert!(lost(&page) <= 1, "{}", agent.log());
    assert!(
        !cluster.log()[polled..].contains("too many"),
        "{}",
        cluster.log()
    );
}
