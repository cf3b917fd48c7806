//! Late statistics: up to PostgreSQL 14 the statistics collector has them, and queries wait for its answer.

use std::time::Duration;

use super::monitor::FaultMonitor;
use super::{LIMIT, backend, lost};
use tokio::time::Instant;

use crate::support::{
    Scrape, TestSession, create_tenant, eventually, failed_polls, fresh, sessions, trusting, watch,
};

const COLLECTOR: &str = "stats collector";

fn archived(page: &Scrape) -> Option<f64> {
    page.value("pg_stat_archiver_archived_count", &[])
}

/// Polls of a job that had no answer in time.
fn late(page: &Scrape, poll: &str) -> f64 {
    let labels = [("poll", poll), ("outcome", "timeout")];
    page.sum("pgcommons_polls_total", &labels)
}

fn up(page: &Scrape) -> bool {
    page.value("pg_up", &[]) == Some(1.0)
}

fn of_shop(page: &Scrape, family: &str) -> Option<f64> {
    page.value(family, &[("datname", "shop")])
}

#[tokio::test]
async fn late_statistics_do_not_stop_the_count_of_connections() {
    let cluster = trusting(&[]).await;
    if cluster.major_version().await >= 15 {
        assert_eq!(cluster.process(COLLECTOR), None);
        return; // PostgreSQL 15 has them in shared memory
    }
    create_tenant(&cluster, "shop", 5).await;
    let agent = watch(&cluster, "").await;
    let known = |page: &Scrape| up(page) && of_shop(page, "pg_stat_database_numbackends").is_some();
    agent.scrape_until("statistics", known).await;
    let admin = cluster.admin().await;
    let before = backend(&admin).await;
    let collector = eventually(LIMIT, "a collector", async || cluster.process(COLLECTOR)).await;

    let mut monitor = FaultMonitor::start("statistics are late", &agent);
    cluster.signal_process("STOP", collector);
    let page = agent
        .scrape_until("statistics are late, twice", |page| {
            assert!(up(page), "{}", agent.log());
            late(page, "stats") >= 2.0
        })
        .await;
    assert_eq!(of_shop(&page, "pg_stat_database_numbackends"), None);
    let _open = cluster.connect("shop", "shop", "shop").await;
    let page = fresh(&agent).await;
    let used = of_shop(&page, "pgcommons_database_connections");
    assert_eq!(used, Some(1.0), "{}", page.text());

    cluster.signal_process("CONT", collector);
    monitor.fault_ended();
    let page = agent.scrape_until("statistics again", known).await;
    monitor.assert_recovered();
    assert_eq!(lost(&page), 0);
    // The statistics collector has the figures of the archiver and the background writer too.
    let from_collector = |failed: &String| {
        let jobs = ["\"stats\"", "\"archiver\"", "\"server\""];
        jobs.iter().any(|job| failed.contains(job))
    };
    assert!(
        failed_polls(&page).iter().all(from_collector),
        "{}",
        page.text()
    );
    assert_eq!(backend(&admin).await, before);
}

/// The primary poll shows what the role may see; late statistics do not change that.
#[tokio::test]
async fn after_late_statistics_no_size_is_reported_as_forbidden() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 5).await;
    cluster
        .sql("REVOKE CONNECT ON DATABASE shop FROM PUBLIC")
        .await;
    let agent = watch(&cluster, "").await;
    let measured = |page: &Scrape| up(page) && of_shop(page, "pg_database_size_bytes").is_some();
    agent.scrape_until("sizes", measured).await;

    // Stop the agent while it waits for statistics, until their deadline has passed.
    let admin = cluster.admin().await;
    lock(&admin).await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgcommons' AND wait_event_type = 'Lock'";
    eventually(LIMIT, "it waits", async || {
        (admin.value(waiting).await.as_deref() == Some("1")).then_some(())
    })
    .await;
    agent.signal("STOP");
    unlock(&admin).await;
    tokio::time::sleep(Duration::from_millis(3500)).await;
    agent.signal("CONT");

    let page = agent.scrape_until("up again", up).await;
    let forbidden = [("reason", "forbidden")];
    let forbidden = page.value("pgcommons_database_sizes_unknown", &forbidden);
    assert_eq!(forbidden, Some(0.0), "{}", page.text());
    assert!(measured(&page), "{}", page.text());
}

/// A view that only one slow job reads. It has no table below it, so no other query waits.
async fn lock(admin: &TestSession) {
    lock_view(admin, "pg_stat_archiver").await;
}

async fn lock_view(admin: &TestSession, view: &str) {
    let lock = format!("BEGIN; LOCK TABLE pg_catalog.{view} IN ACCESS EXCLUSIVE MODE");
    let locked = admin.batch_execute(&lock).await;
    locked.expect("a superuser may lock");
}

async fn unlock(admin: &TestSession) {
    let rollback = admin.batch_execute("ROLLBACK").await;
    rollback.expect("it can be rolled back");
}

/// A lock on a view that only one slow job reads, while a tenant opens sessions one by one.
#[tokio::test]
async fn statistics_that_hang_never_show_the_server_as_down() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", -1).await;
    let agent = watch(&cluster, "").await;
    let known = |page: &Scrape| up(page) && archived(page).is_some();
    agent.scrape_until("statistics", known).await;
    let admin = cluster.admin().await;
    let before = backend(&admin).await;
    lock(&admin).await;
    let locked = Instant::now();
    let mut open = Vec::new();
    let mut scrapes = 0;
    while locked.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        open.extend(sessions(&cluster, "shop", 1).await);
        let opened = Instant::now();
        // A statement that hangs delays the next poll by a second at first.
        let right = |page: &Scrape| {
            assert!(up(page), "{}", agent.log());
            of_shop(page, "pgcommons_database_connections") == Some(open.len() as f64)
        };
        agent.scrape_until("the right count", right).await;
        assert!(opened.elapsed() < Duration::from_secs(6), "{opened:?}");
        scrapes += 1;
    }
    assert!(scrapes >= 4, "{scrapes}");
    let page = agent.scrape().await;
    assert!(late(&page, "archiver") >= 1.0, "{}", page.text());
    assert_eq!(archived(&page), None);
    assert!(agent.log().contains("job failed"), "{}", agent.log());
    assert!(!agent.log().contains("down"), "{}", agent.log());
    unlock(&admin).await;
    agent.scrape_until("statistics again", known).await;
    assert_eq!(backend(&admin).await, before, "the session was kept");
}

#[tokio::test]
async fn an_archiver_query_that_hangs_loses_only_its_own_series() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 5).await;
    let agent = watch(&cluster, "").await;
    agent
        .scrape_until("the archiver", |page| archived(page) == Some(0.0))
        .await;
    let admin = cluster.admin().await;
    lock_view(&admin, "pg_stat_archiver").await;
    let labels = [("poll", "archiver"), ("outcome", "timeout")];
    let page = agent
        .scrape_until("it is late", |page| {
            assert!(up(page), "{}", agent.log());
            page.sum("pgcommons_polls_total", &labels) >= 1.0
        })
        .await;
    assert_eq!(archived(&page), None);
    let page = agent
        .scrape_until("statistics", |page| {
            assert!(up(page), "{}", agent.log());
            of_shop(page, "pg_stat_database_numbackends").is_some()
        })
        .await;
    assert_eq!(of_shop(&page, "pgcommons_database_connections"), Some(0.0));
    unlock(&admin).await;
    agent
        .scrape_until("the archiver again", |page| archived(page) == Some(0.0))
        .await;
}
