//! What ends the agent's session and is no crash.

use super::super::{backends, lost, started, terminate};
use super::{assert_counted, cluster, crash, last_crash, until_up, watch};
use crate::support::{AGENT, Agent, AgentSpec, Cluster, Relay, Scrape, StopMode};

/// Waits until the agent has logged in again after `before` lost sessions, and nothing was counted.
async fn assert_lost_without_crash(agent: &Agent, before: usize) -> Scrape {
    agent.scrape_until("lost", |page| lost(page) > before).await;
    let page = assert_counted(agent, &[]).await;
    assert_eq!(last_crash(&page), None, "{}", agent.log());
    page
}

#[tokio::test]
async fn restarts_and_terminated_sessions_are_no_crashes() {
    let mut cluster = cluster(&[]).await;
    let agent = watch(&cluster).await;
    for mode in [StopMode::Fast, StopMode::Immediate] {
        let before = lost(&until_up(&agent).await);
        cluster.restart(mode);
        assert_lost_without_crash(&agent, before).await;
    }
    let before = lost(&until_up(&agent).await);
    cluster.kill_postmaster();
    cluster.start_again();
    assert_lost_without_crash(&agent, before).await;
    for _ in 0..3 {
        let before = lost(&until_up(&agent).await);
        let admin = cluster.admin().await;
        terminate(&admin, &backends(&admin).await).await;
        assert_lost_without_crash(&agent, before).await;
    }
}

/// An agent behind a relay.
async fn behind(relay: &Relay) -> Agent {
    let dsn = format!("postgres://{AGENT}@127.0.0.1:{}/postgres", relay.port());
    let config = format!("poll: {{interval: 100ms}}\nservers: {{a: {{dsn: '{dsn}'}}}}\n");
    let agent = Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    until_up(&agent).await;
    agent
}

/// After each switch the address leads to another server; one of them has crashed while it was not polled.
#[tokio::test]
async fn failovers_are_no_crashes_even_if_the_other_server_has_crashed() {
    let (mut first, second) = (cluster(&[]).await, cluster(&[]).await);
    let relay = Relay::start(first.port());
    let agent = behind(&relay).await;
    let start = started(&agent.scrape().await);
    crash(&second).await;
    relay.redirect_to(second.port());
    first.stop(StopMode::Immediate);
    assert_lost_without_crash(&agent, 0).await;
    assert_ne!(started(&agent.scrape().await), start);

    first.start_again();
    relay.redirect_to(first.port());
    let before = lost(&agent.scrape().await);
    end_session(&second).await;
    assert_lost_without_crash(&agent, before).await;
}

async fn end_session(cluster: &Cluster) {
    let admin = cluster.admin().await;
    terminate(&admin, &backends(&admin).await).await;
}
