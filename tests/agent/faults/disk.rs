//! A full disk, which stops writes. The agent only reads.

use tokio_postgres::error::SqlState;

use super::monitor::FaultMonitor;
use crate::support::{AGENT, Cluster, Scrape, create_agent_role, failed_polls, fresh, watch_as};

#[tokio::test]
async fn a_full_disk_stops_tenants_and_not_the_agent() {
    let Some(cluster) = Cluster::start_with_small_disk(24).await else {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    };
    cluster.prepend_hba("host all all 127.0.0.1/32 trust");
    cluster.reload().await;
    create_agent_role(&cluster).await;
    cluster.sql("CREATE DATABASE shop TABLESPACE small").await;
    let agent = watch_as(&cluster, AGENT, "").await;
    let size = |page: &Scrape| page.value("pg_database_size_bytes", &[("datname", "shop")]);
    let before = agent
        .scrape_until("its size", |page| size(page).is_some())
        .await;
    let monitor = FaultMonitor::start("the disk is full", &agent);
    let tenant = cluster.admin_of("shop").await;
    let table = "CREATE TABLE page (text text); ALTER TABLE page ALTER text SET STORAGE PLAIN";
    tenant.batch_execute(table).await.expect("there is room");
    let fill = "INSERT INTO page SELECT repeat('x', 7000) FROM generate_series(1, 1000)";
    let error = loop {
        if let Err(error) = tenant.batch_execute(fill).await {
            break error;
        }
    };
    assert_eq!(error.code(), Some(&SqlState::DISK_FULL), "{error:?}");
    let grown = |page: &Scrape| size(page) > size(&before).map(|bytes| bytes + 8e6);
    agent.scrape_until("what the tenant did", grown).await;
    let page = fresh(&agent).await;
    assert_eq!(page.value("pg_up", &[]), Some(1.0));
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
    monitor.assert_unaffected();
}
