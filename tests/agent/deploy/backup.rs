//! `deploy/compose/backup.sh`, run as the service `backup` runs it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::project;
use crate::backups::clients::{Client, clients};
use crate::support::{AgentSpec, Cluster, SUPERUSER, SUPERUSER_PASSWORD, run};

fn backup(client: &Client, cluster: &Cluster, folder: &Path) -> Output {
    Command::new(project("deploy/compose/backup.sh"))
        .arg("once")
        .current_dir(folder)
        .env("PATH", path(client))
        .env("PGHOST", cluster.host())
        .env("PGPORT", cluster.port().to_string())
        .env("PGUSER", SUPERUSER)
        .env("PGPASSWORD", SUPERUSER_PASSWORD)
        .output()
        .expect("the script can be run")
}

/// `pg_dump` for the server, and the programs of the system.
fn path(client: &Client) -> String {
    let system = std::env::var("PATH").expect("a path");
    format!("{}:{system}", client.folder.display())
}

async fn report(cluster: &Cluster, folder: &TempDir) -> (Option<i32>, Value) {
    let config = format!(
        "servers: {{main: {{dsn: '{}', backups: [{{path: {}, pattern: '{{database}}-{{unixtime}}.dump'}}]}}}}",
        cluster.superuser_url(),
        folder.path().display()
    );
    let spec = AgentSpec {
        args: &["backups", "--json"],
        config: Some(&config),
        ..AgentSpec::default()
    };
    let output = run(spec).await;
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.expect("a report"))
}

/// Among them a connection string, which would send the password elsewhere, a path and two names that are alike in a file name.
const NAMES: [&str; 6] = ["shop", "host=evil", "../up", "a b", "a_b", "-\n\"*'$(exit)"];

#[tokio::test]
async fn every_database_is_dumped_whatever_its_name() {
    let (cluster, folder) = (Cluster::start(&[]), tempfile::tempdir().expect("a folder"));
    let clients = clients(&cluster).await;
    let Some(client) = clients.last() else {
        return;
    };
    for name in NAMES {
        let name = name.replace('"', "\"\"");
        cluster.sql(&format!("CREATE DATABASE \"{name}\"")).await;
    }
    let output = backup(client, &cluster, folder.path());
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let (code, report) = report(&cluster, &folder).await;
    let server = &report["servers"][0];
    let missing = &server["coverage"]["databases_without_backup"];
    assert_eq!(
        (code, missing.to_string()),
        (Some(0), "[]".to_owned()),
        "{report:#}"
    );
    let rows = server["backups"].as_array().expect("a list");
    assert_eq!(rows.len(), NAMES.len() + 1, "and postgres: {report:#}");
}

#[tokio::test]
async fn a_dump_that_fails_leaves_the_others_and_removes_nothing() {
    let (cluster, folder) = (Cluster::start(&[]), tempfile::tempdir().expect("a folder"));
    let clients = clients(&cluster).await;
    let Some(client) = clients.last() else {
        return;
    };
    cluster.sql("CREATE DATABASE shop").await;
    cluster.sql("CREATE DATABASE broken").await;
    // pg_dump looks up the language of a function.
    let break_it = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'; UPDATE pg_proc SET prolang = 0 WHERE proname = 'f'";
    cluster.sql_in("broken", break_it).await;
    let old = folder.path().join("shop-1.dump");
    fs::write(&old, "old").expect("it can be written");
    crate::backups::make_old(&old, crate::backups::HOUR * 24 * 30);
    let output = backup(client, &cluster, folder.path());
    assert!(!output.status.success(), "{output:?}");
    let names: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .flatten()
        .collect();
    let count = |start: &str| {
        let dumps = names
            .iter()
            .map(|it| it.file_name().into_string().expect("UTF-8"));
        dumps
            .filter(|it| it.starts_with(start) && !it.ends_with(".part"))
            .count()
    };
    assert_eq!((count("shop-"), count("broken-")), (2, 0), "{names:?}");
}
