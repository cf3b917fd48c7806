//! Few or no free file descriptors.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::time::Instant;

use super::attackers::{Attack, Attackers};
use super::held;
use super::scraper::scrape_during;
use crate::support::{Agent, AgentSpec, Cluster, eventually, exchange, trusting};

const SCRAPE_TIME: Duration = Duration::from_secs(3);

async fn agent_with_files(cluster: &Cluster, files: u32) -> Agent {
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &cluster.superuser_url())],
        config: Some("poll: {interval: 100ms}"),
        through: &[
            "sh",
            "-c",
            r#"ulimit -n "$0" && exec "$@""#,
            &files.to_string(),
        ],
        ..AgentSpec::default()
    })
    .await;
    let up = agent.scrape_until("up", |page| page.value("pg_up", &[]) == Some(1.0));
    up.await;
    agent
}

/// CPU time of the process in hundredths of a second.
fn cpu_time(agent: &Agent) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", agent.pid()));
    let stat = stat.expect("the agent runs");
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let times = fields.split_whitespace().skip(11).take(2);
    times
        .map(|time| time.parse::<u32>().expect("a number"))
        .sum()
}

/// Half of the file descriptors are reserved: a lost session is replaced meanwhile.
#[tokio::test]
async fn with_few_file_descriptors_scrapers_and_polls_go_on() {
    let cluster = trusting(&[]).await;
    let agent = agent_with_files(&cluster, 64).await;
    let before = held(&agent);
    let addresses = (Ipv4Addr::LOCALHOST, agent.address());
    let attackers = Attackers::start(addresses, Attack::Idle, 200).await;
    let scrape = || exchange(agent.address(), "GET", "/metrics", &[]);
    scrape_during("200 idle, 64 files", (SCRAPE_TIME, 3.0), scrape);
    let during = held(&agent);
    assert!(during.files < before.files + 36, "{before:?}, {during:?}");
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgcommons'";
    cluster.sql(terminate).await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgcommons'";
    let is_replaced = async || (cluster.query_one_i64(count).await == 1).then_some(());
    eventually(super::LIMIT, "a new session", is_replaced).await;
    scrape_during(
        "200 idle, 64 files, a new session",
        (SCRAPE_TIME, 3.0),
        scrape,
    );
    attackers.stop();
    assert_eq!(
        agent.log().matches("accepting").count(),
        0,
        "{}",
        agent.log()
    );
}

/// Even half of so few file descriptors is too many.
#[tokio::test]
async fn without_file_descriptors_it_neither_ends_nor_spins() {
    let cluster = trusting(&[]).await;
    let agent = agent_with_files(&cluster, 16).await;
    let addresses = (Ipv4Addr::LOCALHOST, agent.address());
    let attackers = Attackers::start(addresses, Attack::Idle, 30).await;
    let (start, before) = (Instant::now(), cpu_time(&agent));
    let scrape = || exchange(agent.address(), "GET", "/metrics", &[]);
    scrape_during("30 idle, 16 files", (SCRAPE_TIME, 3.0), scrape);
    let share = f64::from(cpu_time(&agent) - before) / 100.0 / start.elapsed().as_secs_f64();
    eprintln!(
        "30 idle, 16 files: {share:.2} of a CPU core, {:?}",
        held(&agent)
    );
    assert!(share < 0.9, "{share}");
    let log = agent.log();
    assert!(log.contains("accepting a connection failed"), "{log}");
    attackers.stop();
    assert_eq!(agent.get("/metrics").await.status, 200);
}
