//! The cumulative statistics are new at each scrape, and are read no more often than that.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Scrape, create_agent_role, create_tenant, trusting,
};

/// An interval of its own that does not matter in these tests.
const CONFIG: &str = "stats: {interval: 10m}\n";

async fn with_load() -> (Cluster, Agent) {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    create_tenant(&cluster, "shop", 5).await;
    // Two sessions that commit all the time. PostgreSQL 15 counts what a session does at most once per second, and only with its
    // access to tables.
    for n in 0..2 {
        let session = cluster.connect("shop", "shop", "shop").await;
        let session = session.expect("a session");
        let create = format!("CREATE TABLE t{n} (n int)");
        session.batch_execute(&create).await.expect("a table");
        tokio::spawn(async move {
            let insert = format!("INSERT INTO t{n} VALUES (1)");
            while session.batch_execute(&insert).await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        });
    }
    let url = cluster.url(AGENT, AGENT, "postgres");
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &url)],
        config: Some(CONFIG),
        ..AgentSpec::default()
    })
    .await;
    (cluster, agent)
}

fn commits(page: &Scrape) -> f64 {
    page.value("pg_stat_database_xact_commit", &[("datname", "shop")])
        .unwrap_or_default()
}

fn polls(page: &Scrape, poll: &str) -> f64 {
    page.sum("pgcommons_polls_total", &[("poll", poll)])
}

/// Scrapes as Prometheus does, at fixed times.
async fn scraped(agent: &Agent, every: Duration, times: u32) -> Vec<Scrape> {
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut pages = Vec::new();
    for _ in 0..times {
        ticks.tick().await;
        pages.push(agent.scrape().await);
    }
    pages
}

#[tokio::test]
async fn each_scrape_has_new_statistics_and_costs_one_poll_of_them() {
    let (_cluster, agent) = with_load().await;
    agent
        .scrape_until("statistics", |page| commits(page) > 0.0)
        .await;
    let every = Duration::from_secs(2);
    let pages = scraped(&agent, every, 10).await;
    let shown: Vec<_> = pages
        .iter()
        .map(|page| (commits(page), polls(page, "stats")))
        .collect();
    // The first two requests show the interval.
    for pair in pages[3..].windows(2) {
        let [before, after] = pair else {
            unreachable!()
        };
        let rate = (commits(after) - commits(before)) / every.as_secs_f64();
        assert!(rate > 10.0, "{shown:?}");
        for poll in ["stats", "server"] {
            let asked = polls(after, poll) - polls(before, poll);
            assert!((1.0..=2.0).contains(&asked), "{poll}: {asked}");
        }
        assert_eq!(
            Some(polls(after, "locks")),
            Some(polls(before, "locks")),
            "not cumulative"
        );
    }
    let (first, last) = (&pages[3], &pages[9]);
    let asked = polls(last, "stats") - polls(first, "stats");
    assert!((5.0..=7.0).contains(&asked), "{asked} for 6 scrapes");
}

#[tokio::test]
async fn without_scrapes_the_statistics_have_their_own_interval() {
    let (_cluster, agent) = with_load().await;
    agent
        .scrape_until("statistics", |page| commits(page) > 0.0)
        .await;
    let pages = scraped(&agent, Duration::from_secs(1), 4).await;
    let before = polls(&pages[3], "stats");
    sleep(Duration::from_secs(8)).await;
    let after = polls(&agent.scrape().await, "stats");
    assert!(
        after - before <= 4.0,
        "{before} {after}: it stops after three missed requests"
    );
}

/// A server that is slow must not slow down a scrape.
#[tokio::test]
async fn no_scrape_waits_for_the_statistics() {
    let (cluster, agent) = with_load().await;
    agent
        .scrape_until("statistics", |page| commits(page) > 0.0)
        .await;
    scraped(&agent, Duration::from_secs(1), 3).await;
    let admin = cluster.admin().await;
    let lock = "BEGIN; LOCK TABLE pg_catalog.pg_stat_bgwriter IN ACCESS EXCLUSIVE MODE";
    admin.batch_execute(lock).await.expect("a lock");
    for _ in 0..4 {
        let start = Instant::now();
        let page = agent.scrape().await;
        assert!(
            start.elapsed() < Duration::from_millis(500),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(page.value("pg_up", &[]), Some(1.0), "{}", agent.log());
        sleep(Duration::from_secs(1)).await;
    }
}
