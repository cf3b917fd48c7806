//! `pgcommons check --sessions`: what `pg_stat_activity` says, for a person.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::check::{ROLE, check, shared_server};
use super::{output, stdout};
use crate::support::{Cluster, TestSession, eventually};

const LIMIT: Duration = Duration::from_secs(30);
/// A name with which a tenant tries to clear the screen.
const HOSTILE: &str = "shop\u{1b}[2J\n";
const SECRET: &str = "hunter2";

/// Leaves a statement running, and its session open.
fn run(session: TestSession, sql: &'static str) {
    tokio::spawn(async move { drop(session.batch_execute(sql).await) });
}

async fn tenant(cluster: &Cluster) -> TestSession {
    let session = cluster.connect("app", "pw", HOSTILE).await;
    session.expect("there is room")
}

/// Twenty sessions: in a transaction that is idle or failed, active, idle, and one that does not show its state.
async fn twenty_sessions(cluster: &Cluster) -> Vec<TestSession> {
    let name = "CREATE DATABASE \"shop\u{1b}[2J\n\" OWNER app";
    cluster.sql(name).await;
    let mut open = Vec::new();
    for sql in [
        "BEGIN; SELECT 1",
        "BEGIN; SELECT 1 / 0",
        "SELECT 'hunter2', '\u{1b}[2J\u{202e}'",
    ] {
        for _ in 0..5 {
            let session = tenant(cluster).await;
            drop(session.batch_execute(sql).await); // the second one fails
            open.push(session);
        }
    }
    for _ in 0..4 {
        let session = tenant(cluster).await;
        session
            .batch_execute("SET application_name = 'batch'")
            .await
            .expect("a setting");
        run(session, "SELECT 'hunter2', pg_sleep(600)");
    }
    let hidden = cluster.admin_of("shop\u{1b}[2J\n").await;
    let sql = "SET track_activities = off";
    hidden.batch_execute(sql).await.expect("a superuser");
    open.push(hidden);
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'shop%' AND (state <> 'active' OR query LIKE '%sleep%')";
    eventually(LIMIT, "twenty sessions", async || {
        (cluster.query_one_i64(count).await == 20).then_some(())
    })
    .await;
    open
}

/// The sessions in the report.
async fn listed(cluster: &Cluster, flags: &[&str]) -> Vec<Value> {
    let flags = [&["--sessions", "--json"], flags].concat();
    let (code, text) = check(cluster, &flags, "").await;
    assert_eq!(code, 0, "{text}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["servers"][0]["total"], 20, "{text}");
    report["servers"][0]["sessions"]
        .as_array()
        .expect("a list")
        .clone()
}

#[tokio::test]
async fn twenty_sessions_in_five_states_are_listed_the_oldest_first() {
    let cluster = shared_server(&[("autovacuum", "off")]).await;
    let _open = twenty_sessions(&cluster).await;
    let sessions = listed(&cluster, &[]).await;
    assert_eq!(sessions.len(), 20);
    let mut states: BTreeMap<&str, u32> = BTreeMap::new();
    for session in &sessions {
        *states
            .entry(session["state"].as_str().expect("a state"))
            .or_default() += 1;
        assert_eq!(session["datname"], HOSTILE);
        assert!(session.get("query").is_none(), "{session}");
        let pid = session["pid"].as_i64().expect("a number");
        let row = "SELECT state || '|' || coalesce(wait_event_type || ': ' || wait_event, '') FROM pg_stat_activity WHERE pid =";
        let admin = cluster.admin().await;
        let wanted = admin
            .value(&format!("{row} {pid}"))
            .await
            .expect("it is there");
        let wait = session["wait"].as_str().unwrap_or_default();
        let state = session["state"].as_str().expect("a state");
        assert_eq!(format!("{state}|{wait}"), wanted, "{session}");
        admin.close().await;
    }
    let wanted = [
        ("active", 4),
        ("disabled", 1),
        ("idle", 5),
        ("idle in transaction", 5),
        ("idle in transaction (aborted)", 5),
    ];
    assert_eq!(states, BTreeMap::from(wanted));
    let age =
        |key: &str| -> Vec<f64> { sessions.iter().filter_map(|it| it[key].as_f64()).collect() };
    let transactions = age("transaction_seconds");
    assert_eq!(
        transactions.len(),
        9,
        "a transaction that has failed has no start"
    );
    assert!(transactions.is_sorted_by(|one, next| one >= next));
    assert!(
        sessions[8]["transaction_seconds"].is_number(),
        "they come first"
    );
    assert_eq!(age("statement_seconds").len(), 4);
    let oldest = listed(&cluster, &["--limit", "3"]).await;
    let pids = |list: &[Value]| -> Vec<Value> { list.iter().map(|it| it["pid"].clone()).collect() };
    assert_eq!(pids(&oldest), pids(&sessions[..3]));
}

#[tokio::test]
async fn names_and_queries_are_escaped_and_queries_are_shown_only_if_asked_for() {
    let cluster = shared_server(&[("autovacuum", "off")]).await;
    let _open = twenty_sessions(&cluster).await;
    let (code, text) = check(&cluster, &["--sessions"], "").await;
    assert_eq!(code, 0, "{text}");
    assert_eq!(
        text.lines().count(),
        23,
        "a summary, a header, twenty sessions: {text}"
    );
    assert!(!text.contains(SECRET) && !text.contains("QUERY"), "{text}");
    assert!(
        text.contains(r"shop\u{1b}[2J\n") && text.contains("20 of 20 sessions"),
        "{text}"
    );
    let (code, with_query) = check(
        &cluster,
        &["--sessions", "--with-query", "--limit", "20"],
        "",
    )
    .await;
    assert_eq!(code, 0, "{with_query}");
    assert!(
        with_query.contains(r"SELECT 'hunter2', '\u{1b}[2J\u{202e}'"),
        "{with_query}"
    );
    for output in [&text, &with_query] {
        let is_control = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!output.contains(is_control), "{output}");
    }
    let with_query = listed(&cluster, &["--with-query"]).await;
    let queries = with_query.iter().filter_map(|it| it["query"].as_str());
    assert_eq!(queries.filter(|query| query.contains(SECRET)).count(), 9);
}

#[tokio::test]
async fn without_pg_monitor_sessions_of_others_are_hidden() {
    let cluster = shared_server(&[]).await;
    cluster.sql(&format!("REVOKE pg_monitor FROM {ROLE}")).await;
    let _open = super::check::sessions(&cluster, "shop", 2).await;
    let (code, text) = check(&cluster, &["--sessions", "--with-query"], "").await;
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("(hidden)") && text.contains("needs pg_monitor"),
        "{text}"
    );
    assert!(!text.contains("insufficient"), "{text}");
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_gives_its_reason() {
    let args = ["check", "--sessions"];
    for (url, code) in [
        ("postgres://a@127.0.0.1:1/postgres", 2),
        ("postgres://a@nowhere.invalid/postgres", 3),
    ] {
        let output = output(&args, &[("DATABASE_URL", url)]).await;
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert_eq!(stdout(&output).lines().count(), 1, "{output:?}");
    }
    let refused = output(&["check", "--limit", "3"], &[]).await;
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
}
