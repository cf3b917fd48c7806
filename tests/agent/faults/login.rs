//! Logins that the server refuses until the operator corrects the cause.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::process::Command;

use tempfile::NamedTempFile;

use super::monitor::FaultMonitor;
use super::{
    FREQUENT, PASSWORD, ROLE, SHORT_TIMEOUT, assert_unready, backend, down, failures, lost, start,
    terminate, until_up, watch, watched_cluster,
};
use crate::support::{Agent, Cluster, Scrape, must_run};

/// Terminates the agent's session, so that it must log in again.
async fn terminate_session(cluster: &Cluster) {
    let admin = cluster.admin().await;
    let pid = backend(&admin).await;
    terminate(&admin, &pid).await;
}

/// The next logins are refused with this reason until `remedy` was executed.
async fn refused_until(
    agent: &Agent,
    cluster: &Cluster,
    (fault, reason): (&'static str, &str),
    remedy: &str,
) {
    let mut monitor = FaultMonitor::start(fault, agent);
    let page = agent
        .scrape_until(reason, |page| failures(page, reason) > 0.0)
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    assert_unready(agent, reason).await;
    cluster.sql(remedy).await;
    monitor.fault_ended();
    until_up(agent).await;
    monitor.assert_recovered();
}

#[tokio::test]
async fn a_wrong_password_is_corrected_on_the_server() {
    let cluster = watched_cluster().await;
    cluster
        .sql(&format!("ALTER ROLE {ROLE} PASSWORD 'another'"))
        .await;
    let agent = watch(FREQUENT, &[("a", &cluster)]).await;
    let remedy = format!("ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'");
    refused_until(&agent, &cluster, ("a wrong password", "auth"), &remedy).await;
    assert!(!agent.log().contains(PASSWORD), "{}", agent.log());
}

#[tokio::test]
async fn a_rejection_by_pg_hba_is_seen_at_the_next_login() {
    let cluster = watched_cluster().await;
    let agent = watch(FREQUENT, &[("a", &cluster)]).await;
    until_up(&agent).await;
    let mut monitor = FaultMonitor::start("rejected by pg_hba.conf", &agent);
    cluster.prepend_hba(&format!("host all {ROLE} all reject"));
    cluster.reload().await;
    assert_eq!(
        lost(&agent.scrape().await),
        0,
        "an open session is not affected"
    );
    terminate_session(&cluster).await;
    let page = agent
        .scrape_until("auth", |page| failures(page, "auth") > 0.0)
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    assert!(
        agent.log().contains("pg_hba.conf rejects"),
        "{}",
        agent.log()
    );
    assert_unready(&agent, "auth").await;
    cluster.prepend_hba(&format!("host all {ROLE} all scram-sha-256"));
    cluster.reload().await;
    monitor.fault_ended();
    until_up(&agent).await;
    monitor.assert_recovered();
}

#[tokio::test]
async fn a_role_limit_is_distinguished_from_a_wrong_password() {
    let cluster = watched_cluster().await;
    let agent = watch(FREQUENT, &[("a", &cluster)]).await;
    until_up(&agent).await;
    cluster
        .sql(&format!("ALTER ROLE {ROLE} CONNECTION LIMIT 0"))
        .await;
    terminate_session(&cluster).await;
    let remedy = format!("ALTER ROLE {ROLE} CONNECTION LIMIT 1");
    refused_until(
        &agent,
        &cluster,
        ("role limit 0", "too_many_connections"),
        &remedy,
    )
    .await;
}

#[tokio::test]
async fn a_missing_database_is_distinguished_from_a_wrong_password() {
    let cluster = watched_cluster().await;
    let dsn = cluster.url(ROLE, PASSWORD, "sidecar");
    let agent = start(&format!("{FREQUENT}servers: {{a: {{dsn: '{dsn}'}}}}\n")).await;
    refused_until(
        &agent,
        &cluster,
        ("no such database", "database"),
        "CREATE DATABASE sidecar",
    )
    .await;
}

#[tokio::test]
async fn a_rotated_password_file_is_read_at_the_next_login() {
    let cluster = watched_cluster().await;
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    writeln!(file, "{PASSWORD}").expect("a temporary file can be written");
    let (port, path) = (cluster.port(), file.path().display().to_string());
    let agent = start(&format!(
        "{FREQUENT}servers: {{a: {{host: 127.0.0.1, port: {port}, password_file: '{path}'}}}}\n"
    ))
    .await;
    until_up(&agent).await;
    let monitor = FaultMonitor::start("the password is rotated", &agent);
    file.seek(SeekFrom::Start(0))
        .expect("a file can be rewound");
    file.write_all(b"rotated\n")
        .expect("a temporary file can be written");
    let admin = cluster.admin().await;
    let old = backend(&admin).await;
    cluster
        .sql(&format!("ALTER ROLE {ROLE} PASSWORD 'rotated'"))
        .await;
    terminate(&admin, &old).await;
    agent.scrape_until("lost", |page| lost(page) > 0).await;
    let page = until_up(&agent).await;
    monitor.assert_recovered();
    assert!(
        failures(&page, "auth") < 1.0,
        "the old password was tried again"
    );
    assert_ne!(backend(&admin).await, old);
}

#[tokio::test]
async fn a_missing_password_file_is_retried() {
    let cluster = watched_cluster().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("password");
    let (port, shown) = (cluster.port(), path.display());
    let agent = start(&format!(
        "{FREQUENT}servers: {{a: {{host: 127.0.0.1, port: {port}, password_file: '{shown}'}}}}\n"
    ))
    .await;
    let mut monitor = FaultMonitor::start("the password file is missing", &agent);
    let page = agent
        .scrape_until("credentials", |page| failures(page, "credentials") > 0.0)
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    fs::write(&path, PASSWORD).expect("a temporary folder can be written");
    monitor.fault_ended();
    until_up(&agent).await;
    monitor.assert_recovered();
}

/// As on a mount that hangs: opening the file blocks.
#[tokio::test]
async fn a_password_file_that_hangs_blocks_only_one_thread() {
    let cluster = watched_cluster().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("password"), PASSWORD).expect("a temporary folder can be written");
    must_run(Command::new("mkfifo").arg(path("pipe")));
    let (port, shown) = (cluster.port(), path("password").display().to_string());
    let agent = start(&format!(
        "{SHORT_TIMEOUT}servers: {{a: {{host: 127.0.0.1, port: {port}, password_file: '{shown}'}}}}\n"
    ))
    .await;
    until_up(&agent).await;
    let threads = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", agent.pid()));
        tasks.expect("it runs").count()
    };
    let before = threads();
    let mut monitor = FaultMonitor::start("the password file hangs", &agent);
    fs::rename(path("password"), path("kept")).expect("a temporary folder can be written");
    fs::rename(path("pipe"), path("password")).expect("a temporary folder can be written");
    terminate_session(&cluster).await;
    let late = |page: &Scrape| failures(page, "timeout") >= 5.0;
    agent.scrape_until("five logins are late", late).await;
    assert!(
        threads() <= before + 1,
        "{} threads, before {before}",
        threads()
    );

    let writer = File::options().write(true).open(path("password"));
    fs::rename(path("kept"), path("password")).expect("a temporary folder can be written");
    drop(writer.expect("the agent reads it"));
    monitor.fault_ended();
    until_up(&agent).await;
    monitor.assert_recovered();
}
