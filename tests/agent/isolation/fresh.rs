//! Privileges are read again soon after they have changed. After a reading the agent rests for twice `stats.interval`, which is short here.

use crate::support::{Agent, AgentSpec, Cluster, Scrape, create_agent_role, trusting, watch_as};

/// Waits until this number of roles may enter the database without belonging to it.
async fn enter(agent: &Agent, datname: &str, roles: u64) {
    let labels = [("datname", datname)];
    let what = format!("{roles} foreign roles in {datname}");
    let has = |page: &Scrape| {
        let value = page.value("pgcommons_database_foreign_connect_roles", &labels);
        value.map(f64::to_bits) == Some((roles as f64).to_bits())
    };
    agent.scrape_until(&what, has).await;
}

async fn closed(cluster: &Cluster) {
    create_agent_role(cluster).await;
    for statement in [
        "CREATE ROLE a LOGIN",
        "CREATE ROLE b LOGIN",
        "CREATE ROLE readers",
        "CREATE DATABASE a OWNER a",
        "CREATE DATABASE b OWNER b",
        "REVOKE CONNECT, TEMPORARY ON DATABASE a FROM PUBLIC",
        "GRANT CONNECT ON DATABASE a TO readers",
    ] {
        cluster.sql(statement).await;
    }
}

#[tokio::test]
async fn each_kind_of_change_is_seen_long_before_ten_minutes() {
    let cluster = trusting(&[]).await;
    closed(&cluster).await;
    let agent = watch_as(&cluster, "agent", "").await;
    enter(&agent, "a", 0).await;
    // A membership, and its end; neither changes a row of a database or role.
    cluster.sql("GRANT readers TO b").await;
    enter(&agent, "a", 1).await;
    cluster.sql("REVOKE readers FROM b").await;
    enter(&agent, "a", 0).await;
    // A privilege on a database.
    cluster.sql("GRANT CONNECT ON DATABASE a TO PUBLIC").await;
    enter(&agent, "a", 2).await; // b and the agent
    // A role, and an attribute of one.
    cluster.sql("CREATE ROLE c LOGIN").await;
    enter(&agent, "a", 3).await;
    cluster.sql("ALTER ROLE c NOLOGIN").await;
    enter(&agent, "a", 2).await;
    // An owner.
    cluster.sql("ALTER DATABASE a OWNER TO b").await;
    cluster
        .sql("REVOKE CONNECT ON DATABASE a FROM PUBLIC")
        .await;
    enter(&agent, "a", 0).await;
}

/// The judgement depends on the configuration too.
#[tokio::test]
async fn a_changed_configuration_is_judged_at_once() {
    let cluster = trusting(&[]).await;
    closed(&cluster).await;
    cluster.sql("GRANT readers TO b").await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("pgcommons.yaml");
    let url = cluster.url("agent", "agent", "postgres");
    let write = |budgets: &str| {
        let text = format!("servers: {{main: {{dsn: '{url}'}}}}\n{budgets}");
        std::fs::write(&file, text).expect("a temporary folder can be written");
    };
    write("");
    let agent = Agent::start(AgentSpec {
        args: &["--config.file", file.to_str().expect("a UTF-8 path")],
        ..AgentSpec::default()
    })
    .await;
    enter(&agent, "a", 1).await;
    write("budgets: {a: {roles: [b]}}\n");
    agent.signal("HUP");
    enter(&agent, "a", 0).await;
}
