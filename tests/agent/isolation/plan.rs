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
    let line =
        "critical  main: database shop: the pool ceiling 25 is above the limit of 20, its budget\n";
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

/// Without a server: storage, memory and slots are in the file, and flags override them.
#[tokio::test]
async fn storage_memory_and_slots_of_the_file_are_compared() {
    let config = "servers: {main: {host: db.invalid, memory: 512MiB, connections_limit: 30, storage: {size: 10GiB}}}\n\
        budgets:\n  shop: {connections: 20, size: 8GiB, pools: [{size: 20}]}\n  wiki: {connections: 15, size: 3GiB, pools: [{size: 15}]}\n";
    let plan = async |args: &[&str]| {
        let args = [&["plan"], args].concat();
        let spec = AgentSpec {
            args: &args,
            config: Some(config),
            ..AgentSpec::default()
        };
        let output = run(spec).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    let (code, text) = plan(&[]).await;
    assert_eq!(code, Some(1), "{text}");
    for line in [
        "the pool ceilings of all tenants, 35, are 116 % of the 30 slots of the server for ordinary roles\n",
        "the connections of all budgets, 35, are 116 % of the 30 slots of the server for ordinary roles\n",
        "the sizes of all budgets, 11811160064, are 110 % of the 10737418240 bytes of storage\n",
        "assumed   main: shared_buffers of 128 MiB, work_mem of 4 MiB, PostgreSQL's defaults\n",
        "unchecked main: limits, owners and roles of the server: --live\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(!text.contains("of memory"), "128 + 30 x 9 MiB fit: {text}");
    let (code, text) = plan(&["--work-mem=16MiB"]).await;
    let line = "30 connections with work_mem of 16 MiB and shared_buffers of 128 MiB can take 758 MiB of 512 MiB of memory\n";
    assert!(code == Some(1) && text.contains(line), "{text}");
    let (code, text) = plan(&["--storage=1TiB", "--memory=1TiB"]).await;
    assert!(code == Some(1) && !text.contains("storage"), "{text}");
}

/// With a server, its own settings count.
#[tokio::test]
async fn the_settings_of_the_server_are_read() {
    let cluster = trusting(&[("work_mem", "64MB"), ("max_connections", "40")]).await;
    create_agent_role(&cluster).await;
    let url = cluster.url("agent", "agent", "postgres");
    let path = cluster.data_dir();
    let config = format!(
        "servers: {{main: {{dsn: '{url}', memory: 2GiB, storage: {{path: {}}}}}}}\nbudgets: {{postgres: {{size: 1PiB}}}}\n",
        path.display()
    );
    let output = run(AgentSpec {
        args: &["plan", "--live", "--json"],
        config: Some(&config),
        ..AgentSpec::default()
    });
    let output = output.await;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let texts = report["findings"].to_string();
    assert!(
        texts.contains("40 connections with work_mem of 64 MiB"),
        "{texts}"
    );
    assert!(texts.contains("sizes_above_storage"), "{texts}");
    assert_eq!(report["assumed"], serde_json::json!([]), "{report:#}");
    assert_eq!(report["unchecked"], serde_json::json!([]), "{report:#}");
}
