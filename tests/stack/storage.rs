//! A tenant that fills the storage: its team is told, with its name, while there is still space.

use std::time::Duration;

use crate::alertmanager::Alertmanager;
use crate::project_file;
use crate::prometheus::{Prometheus, RULES, Setup};
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, create_agent_role, create_tenant, eventually, trusting,
};
use crate::support::{Notice, Receiver};

const LIMIT: Duration = Duration::from_mins(4);
/// What the tenant takes, and what is left then: less than the threshold of 15 %.
const TAKEN: i64 = 60 << 20;
const LEFT: i64 = 10 << 20;

/// Databases and WAL.
async fn used(cluster: &Cluster) -> i64 {
    let sum = "SELECT (SELECT sum(pg_database_size(oid)) FROM pg_database)::int8
                    + (SELECT sum(size) FROM pg_ls_waldir())::int8";
    cluster.query_one_i64(sum).await
}

async fn agent(cluster: &Cluster) -> Agent {
    let (url, size) = (
        cluster.url(AGENT, AGENT, "postgres"),
        used(cluster).await + TAKEN + LEFT,
    );
    let config = format!(
        "stats: {{interval: 1s}}\n\
         sizes: {{interval: 5s, max_time_fraction: 0.5}}\n\
         servers: {{main: {{dsn: \"{url}\", storage: {{size: {size}}}}}}}\n\
         budgets: {{app: {{labels: {{team: web}}}}, calm: {{labels: {{team: data}}}}}}\n"
    );
    let spec = AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    };
    Agent::start(spec).await
}

/// Without WAL: the test is about the database.
async fn fill(cluster: &Cluster) {
    let create =
        "CREATE UNLOGGED TABLE data (bytes text); ALTER TABLE data ALTER bytes SET STORAGE PLAIN";
    cluster.sql_in("app", create).await;
    let size = "SELECT pg_database_size('app')";
    let end = cluster.query_one_i64(size).await + TAKEN;
    while cluster.query_one_i64(size).await < end {
        let insert = "INSERT INTO data SELECT repeat('x', 1000) FROM generate_series(1, 2000)";
        cluster.sql_in("app", insert).await;
    }
}

#[tokio::test]
async fn the_team_of_the_database_that_fills_the_storage_is_told() {
    let cluster = trusting(&[("max_wal_size", "32MB"), ("min_wal_size", "32MB")]).await;
    create_agent_role(&cluster).await;
    for name in ["app", "calm"] {
        create_tenant(&cluster, name, -1).await;
    }
    let agent = agent(&cluster).await;
    let receiver = Receiver::start().await;
    let alertmanager = Alertmanager::start(receiver.address()).await;
    let prometheus = Prometheus::start(Setup {
        agents: &[agent.address()],
        alertmanager: Some(alertmanager.address()),
        rules: &project_file(RULES),
        history: None,
        remote: None,
    })
    .await;
    eventually(LIMIT, "sizes are scraped", async || {
        let sizes = prometheus
            .instant("pg_database_size_bytes{datname=\"app\"}")
            .await;
        (!sizes.is_empty()).then_some(())
    })
    .await;
    fill(&cluster).await;
    let of_team = |notice: &Notice| {
        notice.receiver == "/team-web"
            && notice.label("alertname") == "PgcommonsDatabaseFillsStorage"
    };
    let notice = receiver.next(LIMIT, "the team is told", of_team).await;
    assert_eq!(
        (notice.label("datname"), notice.label("team")),
        ("app", "web")
    );
    let low = "ALERTS{alertname=\"PgcommonsServerStorageLow\",alertstate=\"firing\"}";
    eventually(LIMIT, "the operators are told", async || {
        (!prometheus.instant(low).await.is_empty()).then_some(())
    })
    .await;
}
