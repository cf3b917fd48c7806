//! A disk that hangs: the backend blocks in the middle of the statement that measures sizes.

use std::time::Duration;

use tokio::time::Instant;

use super::monitor::FaultMonitor;
use super::{LIMIT, backend, backends, lost, until_up, up};
use crate::sizes::{create_large, wait_until};
use crate::support::{
    AGENT, Agent, Cluster, Scrape, TestSession, create_agent_role, eventually, trusting,
};

/// A little more than the wait for a session that hangs and the pause that follows, which is twice as long.
const RESTED: Duration = Duration::from_secs(13);

async fn watch(cluster: &Cluster) -> Agent {
    let timing =
        "poll: {interval: 100ms, timeout: 1s}\nsizes: {interval: 1s, max_time_fraction: 0.5}\n";
    let dsn = cluster.url(AGENT, AGENT, "postgres");
    super::start(&format!("{timing}servers: {{a: {{dsn: '{dsn}'}}}}\n")).await
}

/// How often sizes were measured, with any outcome.
fn asked(page: &Scrape) -> f64 {
    page.sum("pgcommons_polls_total", &[("poll", "sizes")])
}

async fn until_asked(agent: &Agent, before: f64) {
    let again = |page: &Scrape| asked(page) > before + 2.0;
    agent.scrape_until("sizes are asked for", again).await;
}

/// Stops the backend while it measures the large database, where a disk that hangs would block it.
async fn stop_while_measuring(cluster: &Cluster, admin: &TestSession, pid: u32) {
    let measuring = format!(
        "pid = {pid} AND state = 'active' AND query LIKE '%pg_database_size%' \
         AND query_start < clock_timestamp() - interval '3 ms'"
    );
    let found = format!("SELECT count(*) FROM pg_stat_activity WHERE {measuring}");
    eventually(LIMIT, "it is stopped in time", async || {
        let wait = wait_until(&measuring);
        admin
            .batch_execute(&wait)
            .await
            .expect("it can be waited for");
        cluster.signal_process("STOP", pid);
        if admin.value(&found).await.as_deref() == Some("1") {
            return Some(());
        }
        cluster.signal_process("CONT", pid);
        None
    })
    .await;
}

/// The session of another agent with the same role must not be taken for the orphaned backend, and that agent must continue
/// to measure.
#[tokio::test]
async fn no_size_is_measured_while_the_previous_one_hangs() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    create_large(&cluster).await;
    let agent = watch(&cluster).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    let old = backend(&admin).await.parse().expect("a number");
    let other = watch(&cluster).await;
    until_asked(&other, 0.0).await;

    let mut monitor = FaultMonitor::start("a size hangs", &agent);
    stop_while_measuring(&cluster, &admin, old).await;
    let late = [("poll", "sizes"), ("outcome", "timeout")];
    let page = agent
        .scrape_until("a size is late", |page| {
            assert!(up(page, "a"), "a size affects only itself: {}", agent.log());
            page.sum("pgcommons_polls_total", &late) >= 1.0
        })
        .await;
    assert_eq!(lost(&page), 0, "{}", agent.log());
    assert!(agent.log().contains("poll=\"sizes\""), "{}", agent.log());
    assert!(!agent.log().contains("down"), "{}", agent.log());
    let (before, others, lost_at) = (asked(&page), asked(&other.scrape().await), Instant::now());
    eventually(RESTED + LIMIT, "the rest is over", async || {
        let page = agent.scrape().await;
        assert!(up(&page, "a"), "{}", agent.log());
        assert!(asked(&page) <= before, "another backend would be orphaned");
        (lost_at.elapsed() > RESTED).then_some(())
    })
    .await;
    assert_eq!(backends(&admin).await.split(' ').count(), 3);
    until_asked(&other, others).await;

    monitor.fault_ended();
    cluster.signal_process("CONT", old);
    until_asked(&agent, before).await;
    monitor.assert_recovered();
    assert_eq!(backends(&admin).await.split(' ').count(), 2);
}
