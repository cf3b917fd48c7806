//! Faults of the server and the network: the agent reports them, and recovers by itself.

mod churn;
mod clock;
mod command;
mod crashes;
mod disk;
mod frozen;
mod login;
mod measuring;
pub(crate) mod monitor;
mod network;
mod outage;
mod pooler;
mod resolver;
mod sessions;
mod standby;
mod statistics;

use std::fmt::Write as _;
use std::time::Duration;

use crate::support::{Agent, AgentSpec, Cluster, Scrape, TestSession, eventually};

/// For short waits, on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);
/// The time in which the agent must exit after a signal.
const STOP_LIMIT: Duration = Duration::from_secs(2);

const ROLE: &str = "pgcommons";
const PASSWORD: &str = "agent-pw";

/// Frequent polls, so that tests need not wait for the next one.
const FREQUENT: &str = "poll: {interval: 100ms}\n";
/// A server that hangs is detected soon, but a busy machine may cause timeouts too.
const SHORT_TIMEOUT: &str = "poll: {interval: 100ms, timeout: 500ms}\n";

/// A server that logs logins, with the role of the agent.
async fn watched_cluster() -> Cluster {
    let cluster = Cluster::start(&[("log_connections", "on")]);
    cluster
        .sql(&format!(
            "CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor"
        ))
        .await;
    cluster
}

/// An agent that polls these servers under these names.
async fn watch(timing: &str, clusters: &[(&str, &Cluster)]) -> Agent {
    let mut config = format!("{timing}servers:\n");
    for (name, cluster) in clusters {
        let dsn = cluster.url(ROLE, PASSWORD, "postgres");
        writeln!(config, "  {name}: {{dsn: '{dsn}'}}").expect("writing to a string cannot fail");
    }
    start(&config).await
}

async fn start(config: &str) -> Agent {
    let spec = AgentSpec {
        config: Some(config),
        ..AgentSpec::default()
    };
    Agent::start(spec).await
}

fn up(page: &Scrape, server: &str) -> bool {
    page.value("pg_up", &[("server", server)]) == Some(1.0)
}

fn down(page: &Scrape, server: &str) -> bool {
    page.value("pg_up", &[("server", server)]) == Some(0.0)
}

fn started(page: &Scrape) -> Option<f64> {
    page.value("pg_postmaster_start_time_seconds", &[])
}

fn polls(page: &Scrape, server: &str, outcome: &str) -> f64 {
    let labels = [
        ("server", server),
        ("poll", "activity"),
        ("outcome", outcome),
    ];
    page.value("pgcommons_polls_total", &labels)
        .expect("every outcome has a series from the start")
}

/// How many sessions were lost, by the polls of all jobs.
fn lost(page: &Scrape) -> usize {
    let polls = page.series("pgcommons_polls_total");
    let lost = polls
        .iter()
        .filter(|sample| sample.label("outcome") == Some("lost"));
    lost.map(|sample| sample.value.to_string().parse::<usize>().expect("a count"))
        .sum()
}

fn failures(page: &Scrape, reason: &str) -> f64 {
    let labels = [("reason", reason)];
    page.value("pgcommons_connect_failures_total", &labels)
        .expect("every reason has a series from the start")
}

/// Waits until the only server is up.
async fn until_up(agent: &Agent) -> Scrape {
    agent.scrape_until("up", |page| up(page, "a")).await
}

/// `/-/ready` answers that the server is not up, and why.
async fn assert_unready(agent: &Agent, reason: &str) {
    let ready = agent.get("/-/ready").await;
    assert_eq!(
        (ready.status, ready.text()),
        (503, format!("a: {reason}\n"))
    );
}

/// The pid of the agent's only backend.
async fn backend(admin: &TestSession) -> String {
    eventually(LIMIT, "one backend serves the agent", async || {
        let pids = backends(admin).await;
        (!pids.is_empty() && !pids.contains(' ')).then_some(pids)
    })
    .await
}

/// The pids of all backends of the agent, separated by blanks.
async fn backends(admin: &TestSession) -> String {
    let pids = "SELECT coalesce(string_agg(pid::text, ' '), '') FROM pg_stat_activity WHERE application_name = 'pgcommons'";
    admin.value(pids).await.expect("text")
}

async fn terminate(admin: &TestSession, pid: &str) {
    let terminated = admin
        .value(&format!("SELECT pg_terminate_backend({pid})"))
        .await;
    assert_eq!(terminated.as_deref(), Some("t"), "no backend {pid}");
}

/// The number of the agent's logins.
fn logins(cluster: &Cluster) -> usize {
    let authorized = format!("connection authorized: user={ROLE} ");
    cluster.log().matches(&authorized).count()
}
