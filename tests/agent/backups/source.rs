//! The agent reads the directories while it polls: series per database, and coverage.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{HOUR, make_old};
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Scrape, StopMode, create_agent_role, run, trusting,
};

pub(super) const DUMP: &str =
    "--\n-- PostgreSQL database dump\n--\n\n--\n-- PostgreSQL database dump complete\n--\n";

pub(super) async fn cluster() -> Cluster {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    cluster.sql("CREATE DATABASE shop").await;
    cluster
}

/// An agent that lists the directories every second.
pub(super) async fn agent(cluster: &Cluster, directories: &[&Path], through: &[String]) -> Agent {
    let directories = directories.iter().map(|path| {
        let path = path.display();
        format!("{{path: '{path}', preset: plain}}")
    });
    let directories = directories.collect::<Vec<_>>().join(", ");
    let config = format!(
        "poll: {{interval: 100ms, timeout: 1s}}\nbackups: {{interval: 1s}}\n\
         budgets: {{shop: {{backup_max_age: 4h}}}}\n\
         servers: {{a: {{dsn: '{}', databases: {{exclude: [postgres]}}, backups: [{directories}]}}}}\n",
        cluster.url(AGENT, "", "postgres")
    );
    let through: Vec<_> = through.iter().map(String::as_str).collect();
    let spec = AgentSpec {
        config: Some(&config),
        through: &through,
        ..AgentSpec::default()
    };
    Agent::start(spec).await
}

pub(super) fn write(folder: &Path, name: &str, content: &str, age: Duration) {
    let path = folder.join(name);
    fs::write(&path, content).expect("it can be written");
    make_old(&path, age);
}

fn time(page: &Scrape, datname: &str) -> Option<f64> {
    let name = "pgcommons_database_backup_newest_timestamp_seconds";
    page.value(name, &[("datname", datname)])
}

pub(super) fn has_state(page: &Scrape, datname: &str, state: &str) -> bool {
    let labels = [("datname", datname), ("state", state)];
    page.value("pgcommons_database_backup_state", &labels) == Some(1.0)
}

pub(super) fn without_backup(page: &Scrape) -> Option<f64> {
    page.value("pgcommons_databases_without_backup", &[])
}

fn is_missing(page: &Scrape, datname: &str) -> bool {
    let name = "pgcommons_database_backup_missing";
    page.value(name, &[("datname", datname)]) == Some(1.0)
}

#[tokio::test]
async fn a_database_that_is_created_later_is_counted_and_named() {
    let (cluster, folder) = (cluster().await, tempfile::tempdir().expect("a folder"));
    write(folder.path(), "shop_backup.sql", DUMP, HOUR);
    write(folder.path(), "dropped_backup.sql", DUMP, HOUR);
    let agent = agent(&cluster, &[folder.path()], &[]).await;
    let page = agent
        .scrape_until("all have one", |page| without_backup(page) == Some(0.0))
        .await;
    assert!(has_state(&page, "shop", "complete"), "{}", page.text());
    let max_age = page.value("pgcommons_database_backup_max_age_seconds", &[]);
    assert_eq!(max_age, Some(4.0 * 3600.0), "of the budget");
    let orphans = page.value("pgcommons_backups_without_database", &[]);
    assert_eq!((orphans, time(&page, "dropped")), (Some(1.0), None));

    cluster.sql("CREATE DATABASE late").await;
    let is_named = |page: &Scrape| without_backup(page) == Some(1.0) && is_missing(page, "late");
    agent
        .scrape_until("it is counted and named", is_named)
        .await;
    write(folder.path(), "late_backup.sql", DUMP, HOUR);
    let has_one = |page: &Scrape| without_backup(page) == Some(0.0) && !is_missing(page, "late");
    agent.scrape_until("it has one", has_one).await;
    cluster.sql("ALTER DATABASE late RENAME TO other").await;
    let is_followed = |page: &Scrape| {
        let orphans = page.value("pgcommons_backups_without_database", &[]);
        is_missing(page, "other") && orphans == Some(2.0)
    };
    agent
        .scrape_until("the rename is followed", is_followed)
        .await;
}

#[tokio::test]
async fn a_backup_that_is_overwritten_by_an_empty_one_keeps_its_time() {
    let (cluster, folder) = (cluster().await, tempfile::tempdir().expect("a folder"));
    write(folder.path(), "shop_backup.sql", DUMP, 2 * HOUR);
    let agent = agent(&cluster, &[folder.path()], &[]).await;
    let is_complete = |page: &Scrape| has_state(page, "shop", "complete");
    let page = agent.scrape_until("it is complete", is_complete).await;
    let before = time(&page, "shop");
    assert!(before.is_some() && without_backup(&page) == Some(0.0));
    // Written just now: it may be a dump that waits for a lock.
    write(folder.path(), "shop_backup.sql", "", Duration::ZERO);
    let is_growing = |page: &Scrape| !is_complete(page);
    let page = agent.scrape_until("it is not judged", is_growing).await;
    assert_eq!(
        (time(&page, "shop"), without_backup(&page)),
        (before, Some(0.0))
    );
    make_old(&folder.path().join("shop_backup.sql"), HOUR);
    let is_incomplete = |page: &Scrape| has_state(page, "shop", "incomplete");
    let page = agent.scrape_until("it is incomplete", is_incomplete).await;
    assert_eq!(
        (time(&page, "shop"), without_backup(&page)),
        (before, Some(1.0))
    );
    write(folder.path(), "shop_backup.sql", DUMP, HOUR);
    let page = agent
        .scrape_until("it is complete again", is_complete)
        .await;
    assert!(time(&page, "shop") > before, "{}", page.text());
}

#[tokio::test]
async fn backups_are_read_while_postgresql_is_down() {
    let (mut cluster, folder) = (cluster().await, tempfile::tempdir().expect("a folder"));
    write(folder.path(), "shop_backup.sql", DUMP, 2 * HOUR);
    let agent = agent(&cluster, &[folder.path()], &[]).await;
    let is_known = |page: &Scrape| without_backup(page) == Some(0.0);
    let page = agent.scrape_until("known", is_known).await;
    let before = time(&page, "shop");
    cluster.stop(StopMode::Fast);
    write(folder.path(), "shop.sql", DUMP, HOUR);
    write(folder.path(), "strange_backup.sql", DUMP, HOUR);
    let is_newer =
        |page: &Scrape| page.value("pg_up", &[]) == Some(0.0) && time(page, "shop") > before;
    let page = agent.scrape_until("the new one is read", is_newer).await;
    assert_eq!(without_backup(&page), None, "the databases are not known");
    assert_eq!(
        time(&page, "strange"),
        None,
        "no database is known to have it"
    );
}

/// The same findings as `pgcommons backups`, without a large file, whose content is not read.
#[tokio::test]
async fn a_check_reports_backups() {
    let (cluster, folder) = (cluster().await, tempfile::tempdir().expect("a folder"));
    write(folder.path(), "shop_backup.sql", &DUMP[..50], HOUR);
    let file = File::create(folder.path().join("large_backup.sql")).expect("it can be made");
    file.set_len(200 << 20).expect("a sparse file");
    cluster.sql("CREATE DATABASE large").await;
    let config = format!(
        "servers: {{a: {{dsn: '{}', databases: {{exclude: [postgres]}}, backups: [{{path: '{}', preset: plain}}]}}}}\n",
        cluster.url(AGENT, "", "postgres"),
        folder.path().display()
    );
    let spec = AgentSpec {
        args: &["check", "--json"],
        config: Some(&config),
        ..AgentSpec::default()
    };
    let output = run(spec).await;
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let findings = report["servers"][0]["findings"].as_array().expect("a list");
    let backups = findings.iter().filter(|it| it["concern"] == "backup");
    let subjects: Vec<_> = backups.map(|it| it["subject"].as_str()).collect();
    assert_eq!(subjects, [Some("shop")], "{report:#}");
    assert_eq!(output.status.code(), Some(2), "{report:#}");
}

#[tokio::test]
async fn a_reload_adds_and_removes_directories() {
    let (cluster, folder) = (cluster().await, tempfile::tempdir().expect("a folder"));
    let backups = folder.path().join("backups");
    fs::create_dir(&backups).expect("it can be made");
    write(&backups, "shop_backup.sql", DUMP, HOUR);
    let path = folder.path().join("pgcommons.yaml");
    let configure = |directories: &str| {
        let config = format!(
            "servers: {{a: {{dsn: '{}', databases: {{exclude: [postgres]}}{directories}}}}}\nbackups: {{interval: 1s}}\n",
            cluster.url(AGENT, "", "postgres")
        );
        fs::write(&path, config).expect("it can be written");
    };
    configure("");
    let spec = AgentSpec {
        args: &["--config.file", path.to_str().expect("a UTF-8 path")],
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    let is_up = |page: &Scrape| page.value("pg_up", &[]) == Some(1.0);
    let page = agent.scrape_until("up", is_up).await;
    let has_any = |page: &Scrape| page.text().contains("backup");
    assert!(!has_any(&page), "{}", page.text());
    let directories = format!(
        ", backups: [{{path: '{}', preset: plain}}]",
        backups.display()
    );
    configure(&directories);
    agent.signal("HUP");
    let is_known = |page: &Scrape| without_backup(page) == Some(0.0);
    agent.scrape_until("they are read", is_known).await;
    configure("");
    agent.signal("HUP");
    agent
        .scrape_until("they are gone", |page| !has_any(page))
        .await;
}
