//! `pgcommons check`: the exit codes and the first line, which monitoring plugins use.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::{output, stderr, stdout};
use crate::support::{Agent, AgentSpec, Cluster, StopMode, TestSession, eventually, run};

pub(super) const ROLE: &str = "pgcommons";
pub(super) const PASSWORD: &str = "agent-pw";

/// A server with the agent's role, and a tenant `shop` with its role `app`.
pub(super) async fn shared_server(settings: &[(&str, &str)]) -> Cluster {
    let cluster = Cluster::start(settings);
    cluster
        .sql(&format!(
            "CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor"
        ))
        .await;
    cluster.sql("CREATE ROLE app LOGIN PASSWORD 'pw'").await;
    cluster.sql("CREATE DATABASE shop").await;
    cluster
}

pub(super) async fn sessions(cluster: &Cluster, database: &str, count: usize) -> Vec<TestSession> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        sessions.push(
            cluster
                .connect("app", "pw", database)
                .await
                .expect("there is room"),
        );
    }
    sessions
}

pub(super) fn url(cluster: &Cluster) -> String {
    cluster.url(ROLE, PASSWORD, "postgres")
}

/// The exit code and the output with these flags and this configuration.
pub(super) async fn check(cluster: &Cluster, flags: &[&str], config: &str) -> (i32, String) {
    let (url, args) = (url(cluster), [&["check"], flags].concat());
    let env = [("DATABASE_URL", url.as_str())];
    let output = run(AgentSpec {
        args: &args,
        env: &env,
        config: Some(config),
        ..AgentSpec::default()
    })
    .await;
    assert!(output.stderr.is_empty(), "{output:?}");
    (
        output.status.code().expect("an exit code"),
        stdout(&output).to_owned(),
    )
}

/// Asserts the exit code and the first line.
pub(super) async fn assert_summary(
    cluster: &Cluster,
    flags: &[&str],
    config: &str,
    code: i32,
    summary: &str,
) {
    let (actual, text) = check(cluster, flags, config).await;
    let first = text.lines().next().unwrap_or_default();
    let name = format!("{}:{}", cluster.host(), cluster.port());
    assert_eq!(
        (actual, first.replace(&name, "SERVER").as_str()),
        (code, summary),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_without_findings_is_0() {
    let cluster = shared_server(&[]).await;
    assert_summary(&cluster, &[], "", 0, "OK: 1 server(s), no findings").await;
}

#[tokio::test]
async fn a_database_near_its_limit_is_1() {
    let cluster = shared_server(&[]).await;
    cluster.sql("ALTER DATABASE shop CONNECTION LIMIT 5").await;
    let mut open = sessions(&cluster, "shop", 4).await;
    let warning = "WARNING: SERVER: database shop uses 4 of 5 connections";
    assert_summary(&cluster, &[], "", 1, warning).await;
    let critical = "CRITICAL: SERVER: database shop uses 4 of 5 connections";
    assert_summary(&cluster, &["--critical", "0.8"], "", 2, critical).await;
    open.pop().expect("one of four").close().await;
    assert_summary(&cluster, &[], "", 0, "OK: 1 server(s), no findings").await;
    let warning = "WARNING: SERVER: database shop uses 3 of 5 connections";
    assert_summary(&cluster, &["--warning=0.6"], "", 1, warning).await;
}

#[tokio::test]
async fn more_connections_than_the_budget_are_1() {
    let cluster = shared_server(&[]).await;
    let _open = sessions(&cluster, "shop", 2).await;
    let budget = |connections| format!("budgets: {{shop: {{connections: {connections}}}}}\n");
    let over = "WARNING: SERVER: database shop uses 2 connections, 1 over its budget of 1 (no login is refused)";
    assert_summary(&cluster, &[], &budget(1), 1, over).await;
    let ok = "OK: 1 server(s), no findings";
    assert_summary(&cluster, &[], &budget(2), 0, ok).await;
}

#[tokio::test]
async fn a_role_without_headroom_is_2() {
    let cluster = shared_server(&[]).await;
    cluster.sql("ALTER ROLE app CONNECTION LIMIT 2").await;
    let _open = sessions(&cluster, "shop", 2).await;
    assert_summary(
        &cluster,
        &[],
        "",
        2,
        "CRITICAL: SERVER: role app uses 2 of 2 connections",
    )
    .await;
}

#[tokio::test]
async fn a_database_near_its_quota_is_1_and_beyond_it_2() {
    let cluster = shared_server(&[]).await;
    let size = cluster
        .query_one_i64("SELECT pg_database_size('shop')")
        .await;
    for (quota, code, label) in [
        (size * 10 / 9, 1, "WARNING"),
        (size / 2, 2, "CRITICAL"),
        (size * 2, 0, "OK"),
    ] {
        let config = format!("budgets: {{shop: {{size: {quota}}}}}\n");
        let (actual, text) = check(&cluster, &[], &config).await;
        let first = text.lines().next().unwrap_or_default();
        assert_eq!(actual, code, "{text}");
        assert!(first.starts_with(&format!("{label}: ")), "{text}");
        assert_eq!(first.contains("database shop uses "), code > 0, "{text}");
    }
}

#[tokio::test]
async fn a_full_server_that_refuses_the_check_is_2() {
    let cluster = shared_server(&[("max_connections", "6")]).await;
    let _open = cluster.fill("app", "pw", "shop").await;
    let (code, text) = check(&cluster, &[], "").await;
    assert_eq!(code, 2, "{text}");
    let first = text.lines().next().unwrap_or_default();
    assert!(first.starts_with("CRITICAL: "), "{text}");
    assert!(first.contains("no connection left for the check"), "{text}");
}

/// The server refuses applications too, over TCP and over the socket.
#[tokio::test]
async fn a_server_that_refuses_connections_is_2() {
    let mut cluster = shared_server(&[]).await;
    let socket = format!(
        "servers: {{SERVER: {{host: '{}', port: {}, user: {ROLE}}}}}\n",
        cluster.socket_dir().display(),
        cluster.port()
    );
    cluster.stop(StopMode::Fast);
    for config in ["", &socket] {
        let (code, text) = check(&cluster, &[], config).await;
        assert_eq!(code, 2, "{text}");
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("CRITICAL: ") && first.contains("the server refuses connections: "),
            "{text}"
        );
    }
}

/// A smart shutdown waits for the last session and accepts no new one.
#[tokio::test]
async fn a_server_that_accepts_no_sessions_is_2() {
    let cluster = shared_server(&[]).await;
    let _open = sessions(&cluster, "shop", 1).await;
    cluster.begin_to_stop();
    let limit = Duration::from_secs(30);
    eventually(limit, "the server accepts no sessions", async || {
        let refused = cluster.connect("app", "pw", "shop").await.err()?;
        (refused.code() == Some(&SqlState::CANNOT_CONNECT_NOW)).then_some(())
    })
    .await;
    let (code, text) = check(&cluster, &[], "").await;
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("the server refuses connections: "), "{text}");
}

/// Only the check is refused; applications may work.
#[tokio::test]
async fn a_login_that_fails_is_3() {
    let cluster = shared_server(&[]).await;
    for wrong in [
        cluster.url(ROLE, "wrong", "postgres"),
        cluster.url(ROLE, PASSWORD, "nowhere"),
    ] {
        let config = format!("servers: {{SERVER: {{dsn: '{wrong}'}}}}\n");
        let (code, text) = check(&cluster, &[], &config).await;
        assert_eq!(code, 3, "{text}");
        assert!(text.starts_with("UNKNOWN: SERVER: "), "{text}");
    }
}

#[tokio::test]
async fn a_role_without_pg_monitor_is_3() {
    let cluster = shared_server(&[]).await;
    cluster.sql(&format!("REVOKE pg_monitor FROM {ROLE}")).await;
    let (code, text) = check(&cluster, &[], "").await;
    assert_eq!(code, 3, "{text}");
    let first = text.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("UNKNOWN: ") && first.contains("pg_monitor"),
        "{text}"
    );
}

#[tokio::test]
async fn an_invalid_configuration_is_3() {
    for env in [&[] as &[(&str, &str)], &[("DATABASE_URL", "mysql://db")]] {
        let output = output(&["check"], env).await;
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(
            stderr(&output).starts_with("pgcommons: DATABASE_URL: "),
            "{output:?}"
        );
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

/// The session of the agent does not reduce the headroom.
#[tokio::test]
async fn it_works_beside_the_agent() {
    let cluster = shared_server(&[]).await;
    let url = url(&cluster);
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    })
    .await;
    agent
        .scrape_until("up", |page| page.value("pg_up", &[]) == Some(1.0))
        .await;
    assert_summary(&cluster, &[], "", 0, "OK: 1 server(s), no findings").await;
}
