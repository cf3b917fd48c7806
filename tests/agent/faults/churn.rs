//! A hundred databases that are created and dropped.

use std::collections::BTreeSet;

use super::monitor::FaultMonitor;
use crate::support::{Agent, Cluster, Scrape, failed_polls, trusting, watch};

const COUNT: usize = 100;

/// Families with a series per database: of each poll, of the statistics, and of the sizes.
const FAMILIES: [&str; 4] = [
    "pg_database_connection_limit",
    "pg_database_size_bytes",
    "pg_stat_database_numbackends",
    "pgcommons_database_connections",
];

/// How many tenants have a series in a family.
fn tenants(page: &Scrape, family: &str) -> usize {
    let series = page.series(family);
    let names = series.iter().filter_map(|sample| sample.label("datname"));
    let tenants: BTreeSet<&str> = names.filter(|name| name.starts_with("tenant_")).collect();
    tenants.len()
}

async fn until_there_are(agent: &Agent, count: usize) -> Scrape {
    let all = |page: &Scrape| FAMILIES.iter().all(|family| tenants(page, family) == count);
    agent.scrape_until(&format!("{count} tenants"), all).await
}

async fn for_each_tenant(cluster: &Cluster, statement: &str) {
    let session = cluster.admin().await;
    for n in 0..COUNT {
        let sql = statement.replace("{n}", &n.to_string());
        let done = session.batch_execute(&sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    session.close().await;
}

#[tokio::test]
async fn a_hundred_databases_are_created_and_dropped() {
    let cluster = trusting(&[]).await;
    let agent = watch(&cluster, "").await;
    let monitor = FaultMonitor::start("100 databases are created and dropped", &agent);
    // The other strategy to copy a template writes all of it to the WAL.
    let strategy = if cluster.major_version().await >= 15 {
        "STRATEGY file_copy"
    } else {
        ""
    };
    for_each_tenant(
        &cluster,
        &format!("CREATE DATABASE tenant_{{n}} {strategy}"),
    )
    .await;
    let page = until_there_are(&agent, COUNT).await;
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());

    for_each_tenant(&cluster, "DROP DATABASE tenant_{n}").await;
    let page = until_there_are(&agent, 0).await;
    monitor.assert_unaffected();
    assert!(!page.text().contains("tenant_"), "{}", page.text());
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
    // Dropped databases delay no new one.
    cluster.sql("CREATE DATABASE tenant_last").await;
    let page = until_there_are(&agent, 1).await;
    for reason in ["pending", "forbidden", "timeout", "error", "invalid"] {
        let unknown = page.value("pgcommons_database_sizes_unknown", &[("reason", reason)]);
        assert_eq!(unknown, Some(0.0), "{reason}");
    }
}
