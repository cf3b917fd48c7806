//! A crash before the agent started, and what people do then.

use std::fs;
use std::time::Duration;

use super::{
    assert_counted, cluster, crash, last_crash, recovered, seconds_since_epoch, until_up, watch,
};
use crate::support::{AGENT, AgentSpec, Cluster, run};

/// A checkpointer that is so much younger than the postmaster is not the first one.
const YOUNGER: Duration = Duration::from_secs(11);

/// A server that has crashed, and recovered. Returns when the crash began.
async fn crashed_server() -> (Cluster, f64) {
    let cluster = cluster(&[]).await;
    tokio::time::sleep(YOUNGER).await;
    let begun = seconds_since_epoch();
    crash(&cluster).await;
    recovered(&cluster).await.close().await;
    (cluster, begun)
}

/// Before 15 a long recovery at the start looks the same.
#[tokio::test]
async fn a_crash_before_the_agent_started_is_shown_and_not_counted() {
    let (cluster, begun) = crashed_server().await;
    let tells = cluster.major_version().await >= 15;
    let agent = watch(&cluster).await;
    let page = assert_counted(&agent, &[]).await;
    let last = last_crash(&page);
    let is_right = |last: f64| (begun..=seconds_since_epoch()).contains(&last);
    assert_eq!(last.map(is_right), tells.then_some(true), "{last:?}");

    let (code, report) = check(&cluster, &[]).await;
    let finding = "a process of the server died at 20";
    assert_eq!(
        (code, report.contains(finding)),
        (i32::from(tells), tells),
        "{report}"
    );
    let (_, json) = check(&cluster, &["--json"]).await;
    assert_eq!(json.contains("\"concern\": \"crash\""), tells, "{json}");
    runbook_works(&cluster).await;
    until_up(&agent).await;
}

async fn check(cluster: &Cluster, flags: &[&str]) -> (i32, String) {
    let url = cluster.url(AGENT, AGENT, "postgres");
    let output = run(AgentSpec {
        args: &[&["check"], flags].concat(),
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    })
    .await;
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.code().expect("an exit code"), text)
}

/// The SQL of the runbook runs, and the first statement returns the server's restart after the crash.
async fn runbook_works(cluster: &Cluster) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.md");
    let text = fs::read_to_string(path).expect("the runbooks");
    let (_, section) = text
        .split_once("\n## PgcommonsServerCrashed\n")
        .expect("a runbook");
    let section = section.split("\n## ").next().expect("its text");
    let lines: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with("    "))
        .collect();
    let code = lines.join("\n");
    let statements: Vec<&str> = code
        .split_inclusive(';')
        .filter(|it| it.ends_with(';'))
        .collect();
    assert!(statements.len() >= 2, "{code}");
    let session = cluster
        .connect(AGENT, "", "postgres")
        .await
        .expect("a session");
    for statement in &statements {
        let value = session.value(statement).await;
        assert!(value.is_some(), "{statement}");
    }
    let late = format!(
        "SELECT (later > interval '10 s')::text FROM ({}) AS it",
        statements[0].trim_end_matches(';')
    );
    assert_eq!(session.value(&late).await.as_deref(), Some("true"));
    session.close().await;
}
