//! Tenants that come and go by the hundred.

use std::collections::BTreeSet;

use super::witness::Witness;
use crate::support::{Agent, Cluster, Scrape, failed_polls, trusting, watch};

const COUNT: usize = 100;

/// Every family that speaks of a database in each poll, or once it was measured.
const FAMILIES: [&str; 4] = [
    "pg_database_connection_limit",
    "pg_database_size_bytes",
    "pg_stat_database_numbackends",
    "pgcommons_database_connections",
];

/// How many tenants a family speaks of.
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
async fn tenants_by_the_hundred_come_and_go() {
    let cluster = trusting(&[]).await;
    let agent = watch(&cluster, "").await;
    let witness = Witness::of("tenants come and go by the hundred", &agent);
    // The other way to copy a template writes all of it to the log.
    let way = if cluster.major_version().await >= 15 {
        "STRATEGY file_copy"
    } else {
        ""
    };
    for_each_tenant(&cluster, &format!("CREATE DATABASE tenant_{{n}} {way}")).await;
    let page = until_there_are(&agent, COUNT).await;
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());

    for_each_tenant(&cluster, "DROP DATABASE tenant_{n}").await;
    let page = until_there_are(&agent, 0).await;
    witness.report_none();
    assert!(!page.text().contains("tenant_"), "{}", page.text());
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
    // Those that are gone hold nobody up.
    cluster.sql("CREATE DATABASE tenant_last").await;
    let page = until_there_are(&agent, 1).await;
    for reason in ["pending", "forbidden", "timeout", "error", "invalid"] {
        let unknown = page.value("pgcommons_database_sizes_unknown", &[("reason", reason)]);
        assert_eq!(unknown, Some(0.0), "{reason}");
    }
}
