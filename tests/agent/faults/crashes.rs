//! A process of the server dies, and the postmaster ends all sessions: counted once. What looks like it is not counted.

mod counted;
mod lost_message;
mod not_counted;
mod remembered;

use std::time::{SystemTime, UNIX_EPOCH};

use super::LIMIT;
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Scrape, TestSession, create_agent_role, eventually, fresh,
    trusting, watch_as,
};

/// The value of `reason` in the log.
const MESSAGE: &str = "57P02";
const CHECKPOINTER: &str = "checkpointer";

async fn cluster(settings: &[(&str, &str)]) -> Cluster {
    let cluster = trusting(settings).await;
    create_agent_role(&cluster).await;
    keep(&cluster).await;
    cluster
}

/// The servers of the tests commit asynchronously: what they have just created would be gone after a crash.
async fn keep(cluster: &Cluster) {
    cluster.sql("CHECKPOINT").await;
}

/// A superuser's session, once the server has recovered.
async fn recovered(cluster: &Cluster) -> TestSession {
    let session = eventually(LIMIT, "the server recovers", async || {
        cluster.connect(AGENT, "", "postgres").await.ok()
    });
    session.await.close().await;
    cluster.admin().await
}

/// An agent that has a session.
async fn watch(cluster: &Cluster) -> Agent {
    let agent = watch_as(cluster, AGENT, "").await;
    until_up(&agent).await;
    agent
}

async fn until_up(agent: &Agent) -> Scrape {
    agent.scrape_until("up", is_up).await
}

fn is_up(page: &Scrape) -> bool {
    page.value("pg_up", &[]) == Some(1.0)
}

fn crashes(page: &Scrape) -> f64 {
    page.value("pgcommons_server_crashes_total", &[])
        .expect("it is there in every state")
}

fn last_crash(page: &Scrape) -> Option<f64> {
    page.value("pgcommons_server_last_crash_timestamp_seconds", &[])
}

fn seconds_since_epoch() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("it is after 1970").as_secs_f64()
}

/// Kills a backend that serves another session, like the kernel does when memory is short.
async fn crash(cluster: &Cluster) {
    let victim = cluster.admin().await;
    cluster.signal_process("KILL", victim.backend_pid());
}

/// The reasons of the crashes in the log.
fn logged(agent: &Agent) -> Vec<String> {
    let log = agent.log();
    let lines = log.lines().filter(|line| line.contains("crash: "));
    let reason = |line: &str| {
        assert!(line.contains("WARN") && line.contains("server="), "{line}");
        let (_, reason) = line.split_once("reason=\"")?;
        reason.split('"').next().map(str::to_owned)
    };
    lines.filter_map(reason).collect()
}

/// Waits until so many crashes are counted and the server is up, and asserts that the log agrees.
async fn until_counted(agent: &Agent, total: usize) -> Scrape {
    let counted = |page: &Scrape| is_up(page) && crashes(page) >= total as f64;
    agent.scrape_until("counted and up", counted).await;
    let page = agent.scrape().await;
    assert_eq!(crashes(&page).to_string(), total.to_string());
    assert_eq!(logged(agent).len(), total, "{}", agent.log());
    page
}

/// [`until_counted`], and asserts how each was noticed, and that later polls find no other crash.
async fn assert_counted(agent: &Agent, reasons: &[&str]) -> Scrape {
    until_counted(agent, reasons.len()).await;
    assert_eq!(logged(agent), reasons, "{}", agent.log());
    fresh(agent).await;
    until_counted(agent, reasons.len()).await
}

/// An agent whose session is idle until it ends. A backend that is just sending something drops the message about the crash.
async fn quiet(cluster: &Cluster, login: &str) -> Agent {
    let config = format!(
        "poll: {{interval: 10m, window: 1h}}\nservers: {{a: {{host: 127.0.0.1, port: {}, {login}}}}}\n",
        cluster.port()
    );
    let agent = Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    until_idle(cluster, &agent).await;
    agent
}

/// Waits until each job has had its turn, and the backend waits for the next statement.
async fn until_idle(cluster: &Cluster, agent: &Agent) {
    let polled = |page: &Scrape| {
        let polls = page.series("pgcommons_polls_total").into_iter();
        is_up(page)
            && polls
                .filter(|polls| polls.label("outcome") == Some("ok"))
                // They need pg_monitor, a session that waits for a lock, or the key machine.
                .filter(|polls| {
                    !["wal", "temporary", "blocking", "processes"]
                        .contains(&polls.label("poll").unwrap_or_default())
                })
                .all(|polls| polls.value > 0.0)
    };
    agent.scrape_until("polled", polled).await;
    let admin = cluster.admin().await;
    eventually(LIMIT, "its session is idle", async || {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgcommons' AND wait_event = 'ClientRead'";
        (admin.value(waits).await.as_deref() == Some("1")).then_some(())
    })
    .await;
    admin.close().await;
}
