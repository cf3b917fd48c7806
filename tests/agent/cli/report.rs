//! `pgcommons check`: the table for people, and the JSON for programs.

use serde_json::Value;

use super::check::{PASSWORD, ROLE, check, sessions, shared_server, url};
use crate::support::StopMode;

/// The names in the second column of the table of databases.
fn databases(text: &str) -> Vec<&str> {
    text.lines()
        .skip_while(|line| !line.contains("DATABASE"))
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect()
}

#[tokio::test]
async fn the_table_starts_with_the_worst() {
    let cluster = shared_server(&[]).await;
    for (name, limit) in [("blog", 10), ("wiki", 5), ("atlas", 2)] {
        cluster
            .sql(&format!("CREATE DATABASE {name} CONNECTION LIMIT {limit}"))
            .await;
    }
    let _open = [
        sessions(&cluster, "wiki", 4).await,
        sessions(&cluster, "atlas", 2).await,
        sessions(&cluster, "blog", 2).await,
    ];
    let (code, text) = check(&cluster, &[], "budgets: {blog: {owner: Ann}}\n").await;
    assert_eq!(code, 2, "{text}");
    let first = text.lines().next().unwrap_or_default();
    assert!(
        first.ends_with("database atlas uses 2 of 2 connections (other findings: 1 warning)"),
        "{text}"
    );
    assert_eq!(
        databases(&text),
        ["atlas", "wiki", "blog", "postgres", "shop"],
        "{text}"
    );
    let row = text
        .lines()
        .find(|line| line.contains("blog"))
        .expect("a row");
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(
        cells[..6],
        ["ok", "blog", "2", "10", "8", "database"],
        "{text}"
    );
    assert_eq!(cells.last(), Some(&"Ann"), "{text}");
}

#[tokio::test]
async fn the_json_has_all_values() {
    let cluster = shared_server(&[("max_connections", "20")]).await;
    cluster.sql("ALTER DATABASE shop CONNECTION LIMIT 5").await;
    let _open = sessions(&cluster, "shop", 4).await;
    let size = cluster
        .query_one_i64("SELECT pg_database_size('shop')")
        .await;
    let config = "budgets: {shop: {connections: 20, size: 1GiB, owner: Ann}}\n";
    let (code, text) = check(&cluster, &["--json"], config).await;
    assert_eq!(code, 1, "{text}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    for (path, value) in [
        ("/status", Value::from("warning")),
        (
            "/servers/0/server",
            format!("127.0.0.1:{}", cluster.port()).into(),
        ),
        (
            "/servers/0/findings/0/text",
            "database shop uses 4 of 5 connections".into(),
        ),
        ("/servers/0/connections/used", 4.into()),
        ("/servers/0/connections/limit", 17.into()),
        ("/servers/0/databases/0/datname", "shop".into()),
        ("/servers/0/databases/0/status", "warning".into()),
        ("/servers/0/databases/0/used", 4.into()),
        ("/servers/0/databases/0/limit", 5.into()),
        ("/servers/0/databases/0/bound_by", "database".into()),
        ("/servers/0/databases/0/headroom", 1.into()),
        ("/servers/0/databases/0/size_bytes", size.into()),
        (
            "/servers/0/databases/0/size_limit_bytes",
            (1_u64 << 30).into(),
        ),
        ("/servers/0/databases/0/own_limit", 5.into()),
        ("/servers/0/databases/0/budget", 20.into()),
        ("/servers/0/databases/0/owner", "postgres".into()),
        ("/servers/0/databases/0/budget_owner", "Ann".into()),
        ("/servers/0/databases/0/closed", Value::Null),
    ] {
        assert_eq!(report.pointer(path), Some(&value), "{path}: {text}");
    }
}

#[tokio::test]
async fn the_json_has_the_roles_too() {
    let cluster = shared_server(&[]).await;
    cluster.sql("ALTER ROLE app CONNECTION LIMIT 8").await;
    let _open = sessions(&cluster, "shop", 4).await;
    let (code, text) = check(&cluster, &["--json"], "").await;
    assert_eq!(code, 0, "{text}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let roles = &report["servers"][0]["roles"];
    let app = roles
        .as_array()
        .expect("a list")
        .iter()
        .find(|role| role["rolname"] == "app");
    let app = app.expect("the role of the tenant");
    assert_eq!(
        (&app["used"], &app["limit"]),
        (&4.into(), &8.into()),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_is_down_is_in_the_json_too() {
    let mut cluster = shared_server(&[]).await;
    cluster.stop(StopMode::Fast);
    let (code, text) = check(&cluster, &["--json"], "").await;
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((code, &report["status"]), (2, &"critical".into()), "{text}");
    assert_eq!(
        report.pointer("/servers/0/connections"),
        Some(&Value::Null),
        "{text}"
    );
}

#[tokio::test]
async fn critical_is_worse_than_an_unknown_server() {
    let (full, away) = (shared_server(&[]).await, shared_server(&[]).await);
    full.sql("ALTER DATABASE shop CONNECTION LIMIT 1").await;
    let _open = sessions(&full, "shop", 1).await;
    let config = format!(
        "servers:\n  away: {{dsn: '{}'}}\n  full: {{dsn: '{}'}}\n",
        away.url(ROLE, PASSWORD, "nowhere"),
        url(&full)
    );
    let (code, text) = check(&full, &[], &config).await;
    assert_eq!(code, 2, "{text}");
    let first = text.lines().next().unwrap_or_default();
    let worst = "CRITICAL: full: database shop uses 1 of 1 connections (other findings: 1 unknown)";
    assert_eq!(first, worst, "{text}");
    assert!(text.lines().any(|line| line.starts_with("away")), "{text}");
}

/// A tenant chooses the name of its database, so the name must not control the terminal of the operator.
#[tokio::test]
async fn names_cannot_break_the_terminal() {
    let cluster = shared_server(&[]).await;
    let name = "evil\n\u{1b}[2J\u{9b}31m\u{7}";
    cluster
        .sql(&format!("CREATE DATABASE \"{name}\" CONNECTION LIMIT 1"))
        .await;
    let _open = sessions(&cluster, name, 1).await;
    let (code, text) = check(&cluster, &[], "").await;
    assert_eq!(code, 2, "{text:?}");
    let broken = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(broken), "{text:?}");
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains("evil\\n\\u{1b}[2J"), "{text:?}");
}
