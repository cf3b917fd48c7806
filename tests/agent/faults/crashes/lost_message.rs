//! Crashes whose message does not reach the agent: the checkpointer of the next session tells.

use super::super::{SHORT_TIMEOUT, backends, lost, terminate};
use super::{
    CHECKPOINTER, assert_counted, cluster, crash, crashes, is_up, last_crash, recovered,
    seconds_since_epoch, until_counted, until_up, watch,
};
use crate::support::{AGENT, Agent, AgentSpec, Cluster, Relay, Scrape};

async fn agents_backend(cluster: &Cluster) -> u32 {
    let admin = cluster.admin().await;
    let pid = backends(&admin).await;
    admin.close().await;
    pid.parse().expect("one backend")
}

/// An agent that soon detects a session that hangs.
async fn polling(dsn: &str) -> Agent {
    let config = format!("{SHORT_TIMEOUT}servers: {{a: {{dsn: '{dsn}'}}}}\n");
    let agent = Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    until_up(&agent).await;
    agent
}

/// Waits until the agent has a new session that finds the crash. A slow job that gets no answer opens it without a lost session.
/// Shortly after a crash, 13 and 14 admit sessions before the new checkpointer shows: then the session after that one finds it.
async fn until_noticed(cluster: &Cluster, agent: &Agent) {
    let noticed = |page: &Scrape| lost(page) > 0 || crashes(page) > 0.0;
    agent.scrape_until("noticed", noticed).await;
    let admin = recovered(cluster).await;
    let version = admin.value("SHOW server_version_num").await;
    if version.as_deref() < Some("150000") && crashes(&until_up(agent).await) < 1.0 {
        terminate(&admin, &backends(&admin).await).await;
    }
}

/// The process that dies gets no message itself.
#[tokio::test]
async fn the_death_of_its_own_backend_is_a_crash() {
    let cluster = cluster(&[]).await;
    let agent = watch(&cluster).await;
    let begun = seconds_since_epoch();
    cluster.signal_process("KILL", agents_backend(&cluster).await);
    until_noticed(&cluster, &agent).await;
    let page = assert_counted(&agent, &[CHECKPOINTER]).await;
    let last = last_crash(&page).expect("a crash");
    assert!((begun..=seconds_since_epoch()).contains(&last), "{last}");
    crash(&cluster).await;
    until_counted(&agent, 2).await;
}

/// The network loses the message, and the agent notices only that no answer comes.
#[tokio::test]
async fn a_crash_behind_a_network_that_drops_connections_is_counted() {
    let cluster = cluster(&[]).await;
    let relay = Relay::start(cluster.port());
    let dsn = format!("postgres://{AGENT}@127.0.0.1:{}/postgres", relay.port());
    let agent = polling(&dsn).await;
    relay.drop_silently();
    crash(&cluster).await;
    until_noticed(&cluster, &agent).await;
    assert_counted(&agent, &[CHECKPOINTER]).await;
}

/// A stopped agent finds the message in its socket.
#[tokio::test]
async fn a_crash_while_the_agent_was_stopped_is_counted() {
    let cluster = cluster(&[]).await;
    let agent = watch(&cluster).await;
    agent.signal("STOP");
    crash(&cluster).await;
    let admin = recovered(&cluster).await;
    assert_eq!(backends(&admin).await, "", "its session was ended");
    agent.signal("CONT");
    until_counted(&agent, 1).await;
}

/// A backend that is stopped cannot send the message, and the postmaster kills it after 5 s. If the agent has opened a second
/// session until then, because a slow job got no answer, that one gets the message.
#[tokio::test]
async fn a_crash_while_its_session_hangs_counts_once() {
    let cluster = cluster(&[]).await;
    let dsn = cluster.url(AGENT, AGENT, "postgres");
    let agent = polling(&dsn).await;
    cluster.signal_process("STOP", agents_backend(&cluster).await);
    let timeouts = [("outcome", "timeout")];
    let hangs = |page: &Scrape| !is_up(page) || page.sum("pgcommons_polls_total", &timeouts) > 0.0;
    agent.scrape_until("it hangs", hangs).await;
    crash(&cluster).await;
    until_noticed(&cluster, &agent).await;
    until_counted(&agent, 1).await;
}
