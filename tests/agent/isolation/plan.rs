//! `plan`: what does not fit exits with 2 without a server; with one, the SQL closes the difference.

use super::audited;
use crate::support::{AgentSpec, create_agent_role, run, trusting, watch_as};

const POOLS: &str = "servers: {main: {host: db.invalid}}\n\
    budgets:\n  shop:\n    connections: 20\n    pools: [{name: web, size: 2, overflow: 3, instances: 4, surge: 1}]\n";

#[tokio::test]
async fn pools_that_are_too_large_exit_with_2_and_name_tenant_ceiling_and_limit() {
    let output = run(AgentSpec {
        args: &["plan", "--max-connections=50"],
        config: Some(POOLS),
        ..AgentSpec::default()
    });
    let output = output.await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = "critical  main: database shop: the ceiling of its pools, 25 connections, is above its budget, 20\n";
    assert!(text.contains(line), "{text}");

    let fits = POOLS.replace("instances: 4", "instances: 3");
    let output = run(AgentSpec {
        args: &["plan", "--max-connections=50"],
        config: Some(&fits),
        ..AgentSpec::default()
    });
    assert_eq!(output.await.status.code(), Some(0));
}

#[tokio::test]
async fn a_limit_that_was_changed_is_found_and_the_sql_closes_it() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    cluster
        .sql("CREATE DATABASE shop CONNECTION LIMIT 20")
        .await;
    let config = "budgets: {shop: {connections: 20, pools: [{size: 5, instances: 3}]}}\n";
    let plan = async || audited(&cluster, "agent", config, &["plan", "--live", "--json"]).await;
    assert_eq!(plan().await.status.code(), Some(0));
    let agent = watch_as(&cluster, "agent", config).await;
    let ceiling = [("datname", "shop")];
    let page = agent.scrape_until("a poll", |page| {
        page.value("pgcommons_database_pool_ceiling", &ceiling)
            .is_some()
    });
    let value = page
        .await
        .value("pgcommons_database_pool_ceiling", &ceiling);
    assert_eq!(value.map(f64::to_bits), Some(15.0_f64.to_bits()));

    cluster.sql("ALTER DATABASE shop CONNECTION LIMIT 10").await;
    let output = plan().await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let kinds = report["findings"].as_array().expect("a list").iter();
    let kinds: Vec<_> = kinds.filter_map(|it| it["finding"].as_str()).collect();
    assert_eq!(kinds, ["pools_above_limit", "limit_drift"], "{report:#}");
    cluster
        .sql(report["findings"][1]["sql"].as_str().expect("SQL"))
        .await;
    assert_eq!(plan().await.status.code(), Some(0));
}
