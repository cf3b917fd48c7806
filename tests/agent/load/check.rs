//! `pgcommons check` names the database that uses the server most.

use serde_json::{Value, json};

use super::{BUSY, run};
use crate::support::{
    AGENT, AgentSpec, Cluster, create_agent_role, create_tenant, eventually, sessions, trusting,
};

async fn check(cluster: &Cluster, args: &[&str]) -> String {
    let url = cluster.url(AGENT, AGENT, "postgres");
    let output = crate::support::run(AgentSpec {
        args,
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    })
    .await;
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn the_busiest_database_is_named_with_what_it_waits_for() {
    let cluster = trusting(&[("autovacuum", "off")]).await;
    for name in ["busy|\n", "shop", "idle"] {
        create_tenant(&cluster, name, -1).await;
    }
    create_agent_role(&cluster).await;
    let text = check(&cluster, &["check"]).await;
    assert!(!text.contains("busiest"), "{text}");

    let holder = cluster.admin_of("busy|\n").await;
    let lock = "BEGIN; SELECT pg_advisory_lock(1)";
    holder.batch_execute(lock).await.expect("a lock");
    for (name, sql) in [
        ("busy|\n", BUSY),
        ("busy|\n", BUSY),
        ("busy|\n", "SELECT pg_advisory_lock(1)"),
        ("shop", BUSY),
    ] {
        run(sessions(&cluster, name, 1).await.remove(0), sql);
    }
    let limit = std::time::Duration::from_mins(1);
    let load = eventually(limit, "four are active", async || {
        let text = check(&cluster, &["check", "--json"]).await;
        let report: Value = serde_json::from_str(&text).expect("JSON");
        let load = report["servers"][0]["load"].clone();
        (load["busiest"]["waits"]["lock"] == json!(1) && load["active"] == json!(4)).then_some(load)
    })
    .await;
    let busiest = json!({"datname": "busy|\n", "active": 3, "waits": {"cpu": 2, "lock": 1}});
    assert_eq!(load["busiest"], busiest);
    let text = check(&cluster, &["check"]).await;
    let line =
        r"load      busiest now: database busy|\n with 3 of 4 active sessions (2 cpu, 1 lock)";
    assert!(text.contains(line), "{text}");
}

/// One statement that has run for some time, beside others that have just begun.
#[tokio::test]
async fn the_database_whose_statements_run_longest_is_named() {
    let cluster = trusting(&[("autovacuum", "off")]).await;
    for name in ["long|\n", "short"] {
        create_tenant(&cluster, name, -1).await;
    }
    create_agent_role(&cluster).await;
    for _ in 0..2 {
        run(sessions(&cluster, "long|\n", 1).await.remove(0), BUSY);
    }
    let limit = std::time::Duration::from_mins(1);
    eventually(limit, "it has run for three seconds", async || {
        let text = check(&cluster, &["check", "--json"]).await;
        let report: Value = serde_json::from_str(&text).expect("JSON");
        let recent = &report["servers"][0]["load"]["recent"];
        let seconds = recent["seconds"].as_f64()?;
        assert_eq!(recent["datname"], "long|\n", "{text}");
        (seconds > 6.0 && seconds < 300.0).then_some(())
    })
    .await;
    run(sessions(&cluster, "short", 1).await.remove(0), BUSY);
    let text = check(&cluster, &["check"]).await;
    let line = r"load      busiest in the last 5 minutes: database long|\n, whose running statements took ";
    assert!(text.contains(line), "{text}");
    let oldest = text.lines().find(|line| line.contains("oldest statement"));
    let oldest = oldest.expect("a line");
    let is_right = oldest.contains(" s in database long|\\n, application without a name");
    assert!(is_right && !oldest.contains("under"), "{oldest}");
}
