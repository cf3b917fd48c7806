//! Sizes that never come: a disk that hangs holds the server's process in the middle of the statement.

use std::time::Duration;

use tokio::time::Instant;

use super::witness::Witness;
use super::{LIMIT, backend, backends, lost, until_up, up};
use crate::sizes::{create_large, wait_until};
use crate::support::{
    AGENT, Agent, Cluster, Scrape, TestSession, create_agent_role, eventually, trusting,
};

/// A statement that hangs costs patience, which is then paid for with twice as much rest, and a little more.
const RESTED: Duration = Duration::from_secs(13);

async fn watch(cluster: &Cluster) -> Agent {
    let cadence =
        "poll: {interval: 100ms, timeout: 1s}\nsizes: {interval: 1s, max_time_fraction: 0.5}\n";
    let dsn = cluster.url(AGENT, AGENT, "postgres");
    super::start(&format!("{cadence}servers: {{a: {{dsn: '{dsn}'}}}}\n")).await
}

/// How often sizes were asked for, however it ended.
fn asked(page: &Scrape) -> f64 {
    page.sum("pgcommons_polls_total", &[("poll", "sizes")])
}

async fn until_asked(agent: &Agent, before: f64) {
    let again = |page: &Scrape| asked(page) > before + 2.0;
    agent.scrape_until("sizes are asked for", again).await;
}

/// Stops the process in the middle of measuring the large database, where a dead disk would hold it.
async fn stop_amidst_measuring(cluster: &Cluster, admin: &TestSession, pid: u32) {
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

/// Another agent with the same role must neither be taken for what was left behind nor be kept from measuring.
#[tokio::test]
async fn no_size_is_asked_for_while_the_one_before_hangs() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    create_large(&cluster).await;
    let agent = watch(&cluster).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    let old = backend(&admin).await.parse().expect("a number");
    let other = watch(&cluster).await;
    until_asked(&other, 0.0).await;

    let mut witness = Witness::of("a size hangs", &agent);
    stop_amidst_measuring(&cluster, &admin, old).await;
    let late = [("poll", "sizes"), ("outcome", "timeout")];
    let page = agent
        .scrape_until("a size is late", |page| {
            assert!(up(page, "a"), "a size costs only itself: {}", agent.log());
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
        assert!(asked(&page) <= before, "one more would be left behind");
        (lost_at.elapsed() > RESTED).then_some(())
    })
    .await;
    assert_eq!(backends(&admin).await.split(' ').count(), 3);
    until_asked(&other, others).await;

    witness.over();
    cluster.signal_process("CONT", old);
    until_asked(&agent, before).await;
    witness.report();
    assert_eq!(backends(&admin).await.split(' ').count(), 2);
}
