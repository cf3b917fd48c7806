//! The memory that the settings admit, against the configured one.

use serde_json::{Value, json};

use crate::support::{
    AGENT, AgentSpec, Scrape, create_agent_role, create_tenant, run, trusting, watch, watch_as,
};

fn value(page: &Scrape, name: &str) -> Option<f64> {
    page.value(&format!("pgcommons_server_{name}"), &[])
}

fn ratio(page: &Scrape) -> Option<f64> {
    let memory = [("resource", "memory")];
    page.value("pgcommons_resource_utilization_ratio", &memory)
}

const MIB: f64 = 1_048_576.0;

/// `servers` with this added to the server.
fn server(port: u16, more: &str) -> String {
    format!(
        "servers: {{main: {{host: 127.0.0.1, port: {port}, user: {AGENT}, dbname: postgres, {more}}}}}"
    )
}

const SETTINGS: [(&str, &str); 8] = [
    ("max_connections", "50"),
    ("shared_buffers", "32MB"),
    ("wal_buffers", "1MB"),
    ("work_mem", "2MB"),
    ("autovacuum_work_mem", "8MB"),
    ("autovacuum_max_workers", "2"),
    ("max_worker_processes", "4"),
    ("max_wal_senders", "1"),
];
/// 5 MiB for each process, 2 MiB for each that may sort.
const WORST: f64 =
    MIB * (32.0 + 1.0 + 5.0 * (50.0 + 4.0 + 1.0 + 2.0) + 2.0 * (50.0 + 4.0) + 2.0 * 8.0);

#[tokio::test]
async fn the_worst_case_of_the_settings_is_set_against_the_configured_memory() {
    let cluster = trusting(&SETTINGS).await;
    create_tenant(&cluster, "app", -1).await;
    let config = server(cluster.port(), "memory: 256MiB, cores: 1.5");
    create_agent_role(&cluster).await;
    let agent = watch_as(&cluster, AGENT, &config).await;
    let page = agent
        .scrape_until("memory", |page| ratio(page).is_some())
        .await;
    assert_eq!(value(&page, "memory_worst_case_bytes"), Some(WORST));
    assert_eq!(value(&page, "memory_limit_bytes"), Some(256.0 * MIB));
    assert_eq!(value(&page, "cores"), Some(1.5));
    let wanted = WORST / (256.0 * MIB);
    assert!(ratio(&page).is_some_and(|ratio| (ratio - wanted).abs() < 1e-9));

    let output = run(AgentSpec {
        args: &["check", "--json"],
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let first = &report["servers"][0]["resources"][0];
    assert_eq!(first["resource"], json!("memory"), "{report}");
    assert_eq!(first["limit"], json!(256 << 20));
}

/// A value of the agent's own session is not the server's.
#[tokio::test]
async fn a_setting_of_the_agents_role_makes_it_unknown() {
    let cluster = trusting(&SETTINGS).await;
    let agent = watch(&cluster, "").await;
    let page = agent
        .scrape_until("memory", |page| {
            value(page, "memory_worst_case_bytes").is_some()
        })
        .await;
    assert_eq!(ratio(&page), None);
    assert_eq!(value(&page, "memory_limit_bytes"), None);
    assert_eq!(value(&page, "cores"), None);
    cluster.sql("ALTER ROLE agent SET work_mem = '1GB'").await;
    cluster
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'agent'")
        .await;
    agent
        .scrape_until("it is unknown", |page| {
            page.value("pg_settings_shared_buffers_bytes", &[])
                .is_some()
                && value(page, "memory_worst_case_bytes").is_none()
        })
        .await;
}
