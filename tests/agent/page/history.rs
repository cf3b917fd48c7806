//! The history: a minute after the start there is one, and with `state.dir` the next agent has it too.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Agent, AgentSpec, Cluster, create_tenant, eventually, sessions, trusting};

/// The agent records when a minute of the clock ends.
const MINUTE: Duration = Duration::from_secs(75);

async fn agent(cluster: &Cluster, state: &Path) -> Agent {
    let url = cluster.superuser_url();
    let state = state.to_str().expect("a UTF-8 path");
    Agent::start(AgentSpec {
        args: &["--state.dir", state],
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    })
    .await
}

async fn day(agent: &Agent) -> Option<Value> {
    let reply = agent.get("/api/v1/status").await;
    let status: Value = serde_json::from_slice(&reply.body).expect("JSON");
    let rows = status["servers"][0]["databases"].as_array()?;
    let shop = rows.iter().find(|row| row["datname"] == "shop")?;
    shop["day"].is_object().then(|| shop["day"].clone())
}

#[tokio::test]
async fn a_restart_keeps_the_history_in_the_state_directory() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 4).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut first = agent(&cluster, folder.path()).await;
    let leak = sessions(&cluster, "shop", 4).await;
    let before = eventually(MINUTE, "a minute was recorded", async || day(&first).await).await;
    assert_eq!(before["peak"], 4);
    first.signal("HUP");
    assert!(day(&first).await.is_some(), "a reload keeps the history");
    drop(leak);
    first.signal("TERM");
    assert!(first.wait(Duration::from_secs(10)).await.is_some());

    let second = agent(&cluster, folder.path()).await;
    let limit = Duration::from_secs(20);
    let after = eventually(limit, "it was read", async || day(&second).await).await;
    assert_eq!(after["peak"], 4);
    drop(second);

    let file = folder.path().join("history");
    let mut bytes = fs::read(&file).expect("it was written");
    bytes[40] ^= 1;
    fs::write(&file, bytes).expect("it can be written");
    let third = agent(&cluster, folder.path()).await;
    assert!(
        third.log().contains("the history begins again"),
        "{}",
        third.log()
    );
    assert!(folder.path().join("history.damaged").exists());
    assert_eq!(third.get("/").await.status, 200);
}
