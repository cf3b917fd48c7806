//! Backups compared with the databases of a server.

use std::fs;

use super::clients::{clients, shop};
use super::{HOUR, backups_of, make_old};
use crate::support::Cluster;

#[tokio::test]
async fn a_database_without_backup_is_reported() {
    let cluster = Cluster::start(&[]);
    shop(&cluster).await;
    let clients = clients(&cluster).await;
    let Some(client) = clients.first() else {
        return;
    };
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    client.dump(
        "pg_dump",
        &["shop"],
        &cluster,
        &directory.path().join("shop_backup.sql"),
    );
    client.dump(
        "pg_dump",
        &["--format=custom", "shop"],
        &cluster,
        &directory.path().join("gone_backup.sql"),
    );
    fs::write(directory.path().join("old_backup.sql"), dump()).expect("it can be written");
    make_old(&directory.path().join("old_backup.sql"), 99 * HOUR);
    let config = |more: &str| {
        format!(
            "budgets: {{shop: {{backup_max_age: 1h}}}}\n\
             servers: {{main: {{dsn: '{}', databases: {{exclude: [postgres]}},\n\
             \x20 backups: [{{path: {}, preset: plain{more}}}]}}}}",
            cluster.superuser_url(),
            directory.path().display()
        )
    };
    // `old` does not exist, so its age does not matter. The content of `gone` is `shop`.
    let (code, report) = backups_of(&[], &[], Some(&config(""))).await;
    let coverage = &report["servers"][0]["coverage"];
    assert_eq!(
        (
            code,
            coverage["databases_without_backup"].to_string().as_str()
        ),
        (0, "[]"),
        "{report}"
    );
    assert_eq!(
        coverage["backups_without_database"].to_string(),
        r#"["old"]"#,
        "{report}"
    );

    cluster.sql("CREATE DATABASE gone").await;
    let (code, report) = backups_of(&[], &[], Some(&config(""))).await;
    let server = &report["servers"][0];
    assert_eq!(
        server["coverage"]["databases_without_backup"].to_string(),
        r#"["gone"]"#,
        "{report}"
    );
    assert_eq!(
        (code, server["findings"][0]["text"].as_str()),
        (2, Some("database gone: it has no backup"))
    );
    let (code, _) = backups_of(&[], &[], Some(&config(", exclude: [gone]"))).await;
    assert_eq!(code, 0);

    for file in ["shop_backup.sql", "gone_backup.sql"] {
        make_old(&directory.path().join(file), 2 * HOUR);
    }
    let (code, report) = backups_of(&[], &[], Some(&config(", exclude: [gone]"))).await;
    let text = report["servers"][0]["findings"][0]["text"].as_str();
    assert!(
        code == 2 && text.is_some_and(|text| text.ends_with("the limit is 1h")),
        "{report}"
    );
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
