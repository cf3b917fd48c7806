//! Servers that accept connections and do not answer.

use std::time::Duration;

use super::monitor::FaultMonitor;
use super::{
    SHORT_TIMEOUT, STOP_LIMIT, backend, down, failures, lost, polls, until_up, up, watch,
    watched_cluster,
};
use crate::support::{Agent, Scrape};

/// Far below the time that the agent waits for a session that hangs.
const AT_ONCE: Duration = Duration::from_secs(2);

async fn status_at_once(agent: &Agent, path: &str) -> u16 {
    let reply = tokio::time::timeout(AT_ONCE, agent.get(path)).await;
    reply
        .unwrap_or_else(|_| panic!("{path} waits for the server"))
        .status
}

async fn until_down(agent: &Agent) -> Scrape {
    agent.scrape_until("down", |page| down(page, "a")).await
}

/// How many polls have ended without an answer.
fn unanswered(page: &Scrape, server: &str) -> [Option<f64>; 2] {
    ["timeout", "lost"].map(|outcome| Some(polls(page, server, outcome)))
}

#[tokio::test]
async fn a_frozen_server_is_reported_at_once_and_recovers() {
    let cluster = watched_cluster().await;
    let agent = watch(SHORT_TIMEOUT, &[("a", &cluster)]).await;
    let before = until_up(&agent).await;
    let mut monitor = FaultMonitor::start("all its processes are frozen", &agent);
    cluster.freeze();
    let page = until_down(&agent).await;
    assert_eq!(
        unanswered(&page, "a"),
        unanswered(&before, "a"),
        "reported only when the poll had ended"
    );
    let of_server = |name: &&str| {
        let kinds = [
            "pg_",
            "pgcommons_server_",
            "pgcommons_database_",
            "pgcommons_role_",
        ];
        kinds.iter().any(|kind| name.starts_with(kind))
    };
    let left: Vec<_> = page.names().into_iter().filter(of_server).collect();
    let about_the_agent =
        |name: &str| name.starts_with("pg_exporter_") || name.starts_with("pg_scrape_");
    let left: Vec<_> = left
        .into_iter()
        .filter(|name| !about_the_agent(name))
        .collect();
    assert_eq!(
        left,
        // What is configured is known, too.
        [
            "pg_up",
            "pgcommons_server_crashes_total",
            "pgcommons_server_info"
        ],
        "series of a server that does not answer"
    );
    for (path, status) in [
        ("/metrics", 200),
        ("/-/healthy", 200),
        ("/-/ready", 503),
        ("/", 200),
    ] {
        assert_eq!(status_at_once(&agent, path).await, status, "{path}");
    }
    cluster.thaw();
    monitor.fault_ended();
    until_up(&agent).await;
    monitor.assert_recovered();
}

#[tokio::test]
async fn a_session_that_was_frozen_briefly_is_kept() {
    let cluster = watched_cluster().await;
    let agent = watch(SHORT_TIMEOUT, &[("a", &cluster)]).await;
    until_up(&agent).await;
    let admin = cluster.admin().await;
    let before = backend(&admin).await;
    cluster.freeze();
    until_down(&agent).await;
    cluster.thaw();
    until_up(&agent).await;
    assert_eq!(backend(&admin).await, before);
}

/// Each login to a frozen server hangs. If the agent did not give them up, all would succeed after the thaw.
#[tokio::test]
async fn a_session_that_stays_frozen_is_closed_and_logins_do_not_accumulate() {
    let cluster = watched_cluster().await;
    let agent = watch(SHORT_TIMEOUT, &[("a", &cluster)]).await;
    let open = open_files(&until_up(&agent).await);
    let admin = cluster.admin().await;
    let before = backend(&admin).await;
    let mut monitor = FaultMonitor::start("all its processes stay frozen", &agent);
    cluster.freeze();
    agent.scrape_until("lost", |page| lost(page) > 0).await;
    let hang_and_leave_nothing =
        |page: &Scrape| failures(page, "timeout") > 1.0 && open_files(page) < open;
    agent
        .scrape_until(
            "logins that hang and leave nothing open",
            hang_and_leave_nothing,
        )
        .await;
    cluster.thaw();
    monitor.fault_ended();
    until_up(&agent).await;
    monitor.assert_recovered();
    assert_ne!(backend(&admin).await, before);
}

/// Open file descriptors of the agent, including sockets.
fn open_files(page: &Scrape) -> Option<f64> {
    page.value("process_open_fds", &[])
}

#[tokio::test]
async fn a_frozen_server_does_not_affect_another() {
    let (a, b) = (watched_cluster().await, watched_cluster().await);
    let agent = watch(SHORT_TIMEOUT, &[("a", &a), ("b", &b)]).await;
    agent
        .scrape_until("both up", |page| up(page, "a") && up(page, "b"))
        .await;
    a.freeze();
    let before = until_down(&agent).await;
    let polled = polls(&before, "b", "ok");
    let page = agent
        .scrape_until("b goes on", |page| polls(page, "b", "ok") > polled + 5.0)
        .await;
    assert_eq!(
        unanswered(&page, "a"),
        unanswered(&before, "a"),
        "b waited for a"
    );
    assert!(up(&page, "b") && down(&page, "a"), "{}", page.text());
    let ready = agent.get("/-/ready").await;
    assert_eq!(
        (ready.status, ready.text().as_str()),
        (200, "a: timeout\nb: up\n")
    );
}

#[tokio::test]
async fn an_agent_that_waits_for_a_frozen_server_exits_on_a_signal() {
    let cluster = watched_cluster().await;
    let mut agent = watch(SHORT_TIMEOUT, &[("a", &cluster)]).await;
    until_up(&agent).await;
    cluster.freeze();
    until_down(&agent).await;
    agent.signal("TERM");
    let status = agent.wait(STOP_LIMIT).await.expect("it ends in time");
    assert_eq!(status.code(), Some(0), "{}", agent.log());
}
