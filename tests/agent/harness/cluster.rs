//! Servers start, fill up, stop, freeze and disappear as the other tests rely on.

use std::time::Duration;

use crate::support::{Cluster, StopMode, TestSession, eventually};

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn fill_takes_every_slot_an_ordinary_role_may_have() {
    let cluster = Cluster::start(&[("max_connections", "10")]);
    cluster
        .sql("CREATE ROLE app LOGIN PASSWORD 'p@ss/word'")
        .await;
    let sessions = cluster.fill("app", "p@ss/word", "postgres").await;
    assert_eq!(
        sessions.len(),
        7,
        "10 less 3 superuser_reserved_connections"
    );
    TestSession::close_all(sessions).await;
    // Every slot is free again at once, not some time later.
    let sessions = cluster.fill("app", "p@ss/word", "postgres").await;
    assert_eq!(sessions.len(), 7);
}

#[tokio::test]
async fn a_restarted_server_keeps_its_port_and_data() {
    let mut cluster = Cluster::start(&[]);
    let (port, pid) = (cluster.port(), cluster.postmaster_pid());
    cluster
        .sql("CREATE TABLE kept AS SELECT 42 AS answer")
        .await;
    let session = cluster.admin().await;
    for mode in [StopMode::Fast, StopMode::Immediate] {
        cluster.restart(mode);
        assert_eq!(cluster.port(), port);
        assert_eq!(cluster.query_one_i64("SELECT answer FROM kept").await, 42);
    }
    assert_ne!(cluster.postmaster_pid(), pid);
    eventually(LIMIT, "the old session ends", async || {
        session.is_closed().then_some(())
    })
    .await;
}

#[tokio::test]
async fn urls_carry_any_name_and_password() {
    let cluster = Cluster::start(&[]);
    let (role, password) = ("ü @:/%", "a%/?#& b");
    let create = format!("CREATE ROLE \"{role}\" LOGIN PASSWORD '{password}'");
    cluster.sql(&create).await;
    for url in [
        cluster.superuser_url(),
        cluster.url(role, password, "postgres"),
    ] {
        let mut config = url.parse().expect("a connection URL");
        let session = TestSession::open(&mut config).await.expect("a session");
        let backend = session.value("SELECT pg_backend_pid()").await;
        assert_eq!(backend, Some(session.backend_pid().to_string()));
    }
}

#[tokio::test]
async fn a_stopped_server_refuses_connections() {
    let mut cluster = Cluster::start(&[]);
    cluster.stop(StopMode::Fast);
    assert!(
        cluster
            .connect("postgres", "any", "postgres")
            .await
            .is_err()
    );
    cluster.start_again();
    assert!(cluster.major_version().await >= 10);
}

#[tokio::test]
async fn a_frozen_server_answers_only_after_the_thaw() {
    let cluster = Cluster::start(&[]);
    let session = cluster.admin().await;
    cluster.freeze();
    let mut answer = std::pin::pin!(session.value("SELECT 1"));
    let frozen = tokio::time::timeout(Duration::from_millis(200), &mut answer).await;
    assert!(frozen.is_err(), "a frozen backend answered");
    cluster.thaw();
    let thawed = tokio::time::timeout(LIMIT, answer).await;
    assert_eq!(thawed.expect("an answer"), Some("1".to_owned()));
}

#[tokio::test]
async fn new_sessions_go_by_reloaded_settings() {
    let cluster = Cluster::start(&[("work_mem", "1MB")]);
    let bytes = "SELECT pg_size_bytes(current_setting('work_mem'))";
    assert_eq!(cluster.query_one_i64(bytes).await, 1 << 20);
    cluster.append_conf(&[("work_mem", "2MB")]);
    cluster.reload().await;
    assert_eq!(cluster.query_one_i64(bytes).await, 2 << 20);
}

#[tokio::test]
async fn a_dropped_cluster_leaves_nothing_even_when_frozen() {
    let cluster = Cluster::start(&[]);
    let (pid, folder) = (cluster.postmaster_pid(), cluster.socket_dir().to_owned());
    cluster.freeze();
    drop(cluster);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(!folder.exists(), "{} is left", folder.display());
}
