//! `pgcommons check` and limits: closed databases, the session of the check itself, and which limit a finding names.

use std::time::Duration;

use super::check::{PASSWORD, ROLE, assert_summary, check, sessions, shared_server};
use crate::sizes::has_invalid_databases;
use crate::support::{Cluster, TestSession, eventually};

const NO_FINDINGS: &str = "OK: 1 server(s), no findings";
const LIMIT: Duration = Duration::from_mins(1);

/// Like the alerting rules, which ignore a limit of 0.
#[tokio::test]
async fn a_closed_database_over_its_budget_is_1() {
    let cluster = shared_server(&[]).await;
    let _open = sessions(&cluster, "shop", 6).await;
    cluster.sql("ALTER DATABASE shop CONNECTION LIMIT 0").await;
    let budget = "budgets: {shop: {connections: 5}}\n";
    let over = "WARNING: SERVER: database shop uses 6 connections, 1 over its budget of 5 (no login is refused)";
    assert_summary(&cluster, &[], budget, 1, over).await;
    let (_, text) = check(&cluster, &[], budget).await;
    let row = ["warning", "shop", "6", "0", "0", "limit", "0", "5"];
    assert_eq!(cells(&text, "shop")[..8], row, "{text}");
    // Without a budget, a limit of 0 is intended, and the open sessions are the last ones.
    assert_summary(&cluster, &[], "", 0, NO_FINDINGS).await;
    let (_, text) = check(&cluster, &[], "").await;
    let row = ["closed", "shop", "6", "0", "0", "limit", "0", "-"];
    assert_eq!(cells(&text, "shop")[..8], row, "{text}");
}

/// The row of a database or role in the table.
fn cells<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let mut rows = text.lines().map(|line| line.split_whitespace().collect());
    let row = rows.rfind(|row: &Vec<_>| row.get(1) == Some(&name));
    row.unwrap_or_else(|| panic!("{name}: {text}"))
}

#[tokio::test]
async fn the_table_has_the_own_limit_and_the_binding_limit() {
    let cluster = shared_server(&[("max_connections", "20")]).await;
    for limit in [
        "ALTER DATABASE shop CONNECTION LIMIT 12",
        "ALTER ROLE app CONNECTION LIMIT 16",
        "CREATE ROLE idle LOGIN CONNECTION LIMIT 12",
        "CREATE ROLE ann",
        "ALTER DATABASE shop OWNER TO ann",
    ] {
        cluster.sql(limit).await;
    }
    let _open = sessions(&cluster, "postgres", 10).await;
    let (code, text) = check(&cluster, &[], "").await;
    assert_eq!(code, 0, "{text}");
    let shop = cells(&text, "shop");
    let row = ["ok", "shop", "0", "12", "7", "server", "-"];
    assert_eq!(
        (&shop[..7], shop.last()),
        (&row[..], Some(&"ann")),
        "{text}"
    );
    let row = ["ok", "postgres", "10", "-", "7", "server", "-"];
    assert_eq!(cells(&text, "postgres")[..7], row, "{text}");
    let roles = [
        ["ok", "app", "10", "16", "6", "role"],
        ["ok", "idle", "0", "12", "7", "server"],
    ];
    for row in roles {
        assert_eq!(cells(&text, row[1]), row, "{text}");
    }
    assert!(!text.contains("BUDGET OWNER"), "{text}");
}

#[tokio::test]
async fn unknown_connections_are_shown_as_unknown() {
    let cluster = shared_server(&[]).await;
    cluster.sql(&format!("REVOKE pg_monitor FROM {ROLE}")).await;
    let (code, text) = check(&cluster, &[], "").await;
    assert_eq!(code, 3, "{text}");
    let server = text.lines().nth(2).unwrap_or_default();
    assert!(server.ends_with(": connections unknown"), "{text}");
}

#[tokio::test]
async fn other_findings_are_counted_by_severity() {
    let cluster = shared_server(&[]).await;
    for name in ["one", "two", "three"] {
        let create = format!("CREATE DATABASE {name} CONNECTION LIMIT 5");
        cluster.sql(&create).await;
    }
    let _open = [
        sessions(&cluster, "one", 5).await,
        sessions(&cluster, "two", 5).await,
        sessions(&cluster, "three", 4).await,
    ];
    let missing = "servers: {SERVER: {dsn: 'DSN', budgets: {gone: {connections: 5}, gone2: {connections: 5}}}}\n";
    let config = missing.replace("DSN", &super::check::url(&cluster));
    let (code, text) = check(&cluster, &[], &config).await;
    assert_eq!(code, 2, "{text}");
    let first = text.lines().next().unwrap_or_default();
    let others = "(other findings: 1 critical, 3 warning)";
    assert!(first.ends_with(others), "{text}");
}

#[tokio::test]
async fn a_server_near_its_limit_does_not_hide_a_database_near_its_own() {
    let cluster = shared_server(&[("max_connections", "20")]).await;
    cluster.sql("ALTER DATABASE shop CONNECTION LIMIT 12").await;
    let _open = [
        sessions(&cluster, "shop", 11).await,
        sessions(&cluster, "postgres", 5).await,
    ];
    let (code, text) = check(&cluster, &[], "").await;
    assert_eq!(code, 1, "{text}");
    for finding in [
        "the server uses 16 of 17 connections",
        "database shop uses 11 of 12 connections",
    ] {
        assert!(text.contains(finding), "{finding}: {text}");
    }
}

/// Sessions of the check's own role, such as those of the agent or of another check.
async fn monitors(cluster: &Cluster, count: usize) -> Vec<TestSession> {
    let mut monitors = Vec::new();
    for _ in 0..count {
        let session = cluster.connect(ROLE, PASSWORD, "postgres").await;
        monitors.push(session.expect("a free slot"));
    }
    monitors
}

#[tokio::test]
async fn the_session_of_the_check_itself_counts_against_no_limit() {
    let cluster = shared_server(&[]).await;
    for limits in [
        format!("ALTER ROLE {ROLE} CONNECTION LIMIT 3"),
        "ALTER DATABASE postgres CONNECTION LIMIT 3".to_owned(),
    ] {
        cluster.sql(&limits).await;
    }
    let open = monitors(&cluster, 2).await;
    assert_summary(&cluster, &[], "", 0, NO_FINDINGS).await;
    TestSession::close_all(open).await;
}

#[tokio::test]
async fn a_check_refused_by_the_limit_of_its_own_role_is_3() {
    let cluster = shared_server(&[]).await;
    cluster
        .sql(&format!("ALTER ROLE {ROLE} CONNECTION LIMIT 3"))
        .await;
    let _open = monitors(&cluster, 3).await;
    let (code, text) = check(&cluster, &[], "").await;
    let first = text.lines().next().unwrap_or_default();
    assert_eq!(code, 3, "{text}");
    assert!(first.starts_with("UNKNOWN: "), "{text}");
    assert!(
        first.contains("the role of the check is at its own connection limit"),
        "{text}"
    );
}

/// DROP DATABASE marks the database as invalid and then waits for a checkpoint.
#[tokio::test]
async fn a_running_drop_is_not_reported_as_interrupted() {
    let cluster = shared_server(&[]).await;
    if !has_invalid_databases(cluster.query_one_i64("SHOW server_version_num").await) {
        return;
    }
    let checkpointer = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
    let checkpointer = cluster.query_one_i64(checkpointer).await;
    let checkpointer = u32::try_from(checkpointer).expect("a process");
    let (dropper, admin) = (cluster.admin().await, cluster.admin().await);
    cluster.signal_process("STOP", checkpointer);
    let look = async {
        let marked = "SELECT 1 FROM pg_database WHERE datname = 'shop' AND datconnlimit = -2";
        eventually(LIMIT, "it is marked", async || admin.value(marked).await).await;
        let looked = check(&cluster, &[], "").await;
        cluster.signal_process("CONT", checkpointer);
        looked
    };
    let (end, (code, text)) = tokio::join!(dropper.batch_execute("DROP DATABASE shop"), look);
    end.expect("it goes on");
    assert_eq!(code, 1, "{text}");
    let finding = "database shop is invalid: a DROP DATABASE runs or was interrupted";
    assert!(text.contains(finding), "{text}");
    assert_summary(&cluster, &[], "", 0, NO_FINDINGS).await;
}
