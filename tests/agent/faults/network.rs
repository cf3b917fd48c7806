//! Networks that are slow, that drop what they should carry, or that forget a connection on one side only.

use std::time::Duration;

use tokio::time::Instant;

use super::witness::Witness;
use super::{
    HASTY, LIMIT, assert_unready, backend, backends, down, failures, lost, polls, start, until_up,
    up,
};
use crate::support::{
    AGENT, Agent, Cluster, Relay, Scrape, TestSession, create_agent_role, create_tenant,
    eventually, exchange_async, failed_polls, sessions, trusting,
};

const DEFAULT: &str = "";
/// Longer than an agent has nothing to say with polls of [`HASTY`].
const PAUSE: Duration = Duration::from_secs(5);

/// A server with a tenant of five connections, far away.
async fn far_away() -> (Cluster, Relay) {
    let cluster = trusting(&[("log_connections", "on")]).await;
    create_agent_role(&cluster).await;
    create_tenant(&cluster, "shop", 5).await;
    let relay = Relay::start(cluster.port());
    (cluster, relay)
}

async fn behind(relay: &Relay, cadence: &str) -> Agent {
    let dsn = format!("postgres://{AGENT}@127.0.0.1:{}/postgres", relay.port());
    start(&format!("{cadence}servers: {{a: {{dsn: '{dsn}'}}}}\n")).await
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
async fn a_black_hole_is_said_in_time_and_left_as_soon_as_it_closes() {
    let (cluster, relay) = far_away().await;
    let agent = behind(&relay, DEFAULT).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    let before = backend(&admin).await;
    let mut witness = Witness::of("a black hole, shorter than 8 s", &agent);
    let blocked = Instant::now();
    relay.block(true);
    agent.scrape_until("down", |page| down(page, "a")).await;
    let took = blocked.elapsed();
    eprintln!("measured: a black hole: said after {} ms", took.as_millis());
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_unready(&agent, "timeout").await;
    witness.over();
    relay.block(false);
    assert_eq!(headroom(&until_up(&agent).await), Some(5.0));
    witness.report();
    assert_eq!(backend(&admin).await, before, "the session was lost");
}

#[tokio::test]
async fn a_long_black_hole_costs_one_session_and_no_logins_gather() {
    let (cluster, relay) = far_away().await;
    let agent = behind(&relay, DEFAULT).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    let before = backend(&admin).await;
    let mut witness = Witness::of("a black hole, longer than 8 s", &agent);
    relay.block(true);
    let given_up = |page: &Scrape| lost(page) == 1 && failures(page, "timeout") >= 1.0;
    agent.scrape_until("a session given up", given_up).await;
    // What is sent to nobody must not be taken for growth later.
    let _meanwhile = sessions(&cluster, "shop", 2).await;
    witness.over();
    relay.block(false);
    let page = agent
        .scrape_until("up", |page| headroom(page) == Some(3.0))
        .await;
    assert!(up(&page, "a"), "{}", page.text());
    witness.report();
    assert_ne!(backend(&admin).await, before);
}

/// Every answer takes more than half a second here, and a login is several of them.
#[tokio::test]
async fn a_slow_network_costs_no_poll() {
    let (cluster, relay) = far_away().await;
    relay.delay(Duration::from_millis(300));
    let agent = behind(&relay, "sizes: {interval: 2s}\nstats: {interval: 2s}\n").await;
    let witness = Witness::of("300 ms each way", &agent);
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
    witness.report_none();
}

/// As after a container's pause: its session is still good, and so the next poll is too.
#[tokio::test]
async fn what_went_on_while_an_agent_was_stopped_is_counted_for_nobody() {
    let (cluster, relay) = far_away().await;
    let _full = sessions(&cluster, "shop", 5).await;
    let agent = behind(&relay, HASTY).await;
    // Between two polls, with nothing under way.
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
    let (cluster, relay) = far_away().await;
    let cadence =
        "poll: {interval: 500ms, timeout: 1s}\nsizes: {interval: 1h}\nstats: {interval: 1h}\n";
    let agent = behind(&relay, cadence).await;
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

/// As after a laptop's or a container's sleep: the connection is known to the agent only.
#[tokio::test]
async fn an_agent_that_was_suspended_says_nothing_old_and_does_not_make_up_for_it() {
    let (cluster, relay) = far_away().await;
    let agent = behind(&relay, HASTY).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    backend(&admin).await;
    agent.signal("STOP");
    relay.forget();
    eventually(LIMIT, "the server sees it closed", async || {
        backends(&admin).await.is_empty().then_some(())
    })
    .await;
    let _meanwhile = sessions(&cluster, "shop", 5).await;
    let polled = cluster.log().len();
    admin.value("SELECT pg_sleep(4)").await;
    agent.signal("CONT");
    let resumed = Instant::now();
    let mut witness = Witness::of("a suspended agent, its connection forgotten", &agent);
    witness.over();
    // It may have polled already, over another session, if it was stopped while a slow job was under way.
    let page = agent.scrape().await;
    assert!(
        down(&page, "a") || headroom(&page) == Some(0.0),
        "as if it were fresh:\n{}",
        page.text()
    );
    let page = agent
        .scrape_until("up", |page| headroom(page) == Some(0.0))
        .await;
    witness.report();
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
