//! Backups compared with the databases of a server.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::clients::{clients, shop};
use super::{HOUR, backups_of, make_old};
use crate::support::Cluster;

/// A server with the database `shop`, and a directory with its backups: `gone` holds a dump of `shop`, `old` is dropped.
async fn scene() -> Option<(Cluster, TempDir)> {
    let cluster = Cluster::start(&[]);
    shop(&cluster).await;
    let clients = clients(&cluster).await;
    let client = clients.first()?;
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let file = |name: &str| directory.path().join(name);
    client.dump("pg_dump", &["shop"], &cluster, &file("shop_backup.sql"));
    let custom = ["--format=custom", "shop"];
    client.dump("pg_dump", &custom, &cluster, &file("gone_backup.sql"));
    fs::write(file("old_backup.sql"), dump()).expect("it can be written");
    make_old(&file("old_backup.sql"), 99 * HOUR);
    Some((cluster, directory))
}

async fn report(cluster: &Cluster, directory: &TempDir, more: &str) -> (i32, Value) {
    let config = format!(
        "budgets: {{shop: {{backup_max_age: 1h}}}}\n\
         servers: {{main: {{dsn: '{}', databases: {{exclude: [postgres]}},\n\
         \x20 backups: [{{path: {}, preset: plain{more}}}]}}}}",
        cluster.superuser_url(),
        directory.path().display()
    );
    let (code, mut report) = backups_of(&[], &[], Some(&config)).await;
    (code, report["servers"][0].take())
}

#[tokio::test]
async fn a_database_without_backup_is_reported() {
    let Some((cluster, directory)) = scene().await else {
        return;
    };
    // `old` does not exist, so its age does not matter.
    let (code, server) = report(&cluster, &directory, "").await;
    let lists = |server: &Value| {
        let coverage = &server["coverage"];
        ["databases_without_backup", "backups_without_database"]
            .map(|list| coverage[list].to_string())
    };
    assert_eq!(
        (code, lists(&server)),
        (0, ["[]", r#"["old"]"#].map(str::to_owned)),
        "{server}"
    );

    cluster.sql("CREATE DATABASE gone").await;
    let (code, server) = report(&cluster, &directory, "").await;
    let wanted = [r#"["gone"]"#, r#"["old"]"#].map(str::to_owned);
    assert_eq!((code, lists(&server)), (2, wanted), "{server}");
    let text = server["findings"][0]["text"].as_str();
    assert_eq!(text, Some("database gone: it has no backup"));
    assert_eq!(report(&cluster, &directory, ", exclude: [gone]").await.0, 0);
}

#[tokio::test]
async fn a_budget_has_its_own_age() {
    let Some((cluster, directory)) = scene().await else {
        return;
    };
    for file in ["shop_backup.sql", "gone_backup.sql"] {
        make_old(&directory.path().join(file), 2 * HOUR);
    }
    let (code, server) = report(&cluster, &directory, "").await;
    let text = server["findings"][0]["text"].as_str();
    let is_stale = text.is_some_and(|text| text.ends_with("the limit is 1 h"));
    assert!(code == 2 && is_stale, "{server}");
}

fn dump() -> &'static str {
    "--\n-- PostgreSQL database dump\n--\n\n--\n-- PostgreSQL database dump complete\n--\n"
}

#[tokio::test]
async fn without_a_server_the_files_are_reported_and_the_coverage_is_unknown() {
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(directory.path().join("shop_backup.sql"), dump()).expect("it can be written");
    let path = directory.path().display();
    let config = format!(
        "servers: {{main: {{host: 127.0.0.1, port: 1, backups: [{{path: {path}, preset: plain}}]}}}}"
    );
    let (code, report) = backups_of(&[], &[], Some(&config)).await;
    let server = &report["servers"][0];
    assert_eq!(
        (code, server["backups"][0]["state"].as_str()),
        (3, Some("complete")),
        "{report}"
    );
    assert!(server["coverage"].is_null(), "{report}");
}
