//! WAL files that wait to be archived.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Scrape, create_agent_role, failed_polls, run, trusting,
    watch, watch_as,
};

/// No command is set: the archiver leaves the files alone.
const WAITING: [(&str, &str); 2] = [("archive_mode", "on"), ("archive_command", "")];

fn waiting(page: &Scrape) -> Option<f64> {
    page.value("pgcommons_server_wal_archive_ready_files", &[])
}

fn oldest(page: &Scrape) -> Option<f64> {
    let family = "pgcommons_server_wal_archive_oldest_ready_timestamp_seconds";
    page.value(family, &[])
}

async fn until(agent: &Agent, files: f64) -> Scrape {
    let wanted = |page: &Scrape| waiting(page) == Some(files);
    agent.scrape_until("files wait", wanted).await
}

/// A file that waits since this many seconds.
fn ready(cluster: &Cluster, number: u32, seconds: u64) -> PathBuf {
    let name = format!("0000000100000A{number:010X}.ready");
    let path = cluster.data_dir().join("pg_wal/archive_status").join(name);
    let file = File::create(&path).expect("a file");
    let since = SystemTime::now() - Duration::from_secs(seconds);
    file.set_modified(since).expect("its time");
    path
}

#[tokio::test]
async fn wal_files_that_cannot_be_archived_are_counted() {
    let cluster = trusting(&[("archive_mode", "on"), ("archive_command", "/bin/false")]).await;
    let agent = watch(&cluster, "").await;
    let page = until(&agent, 0.0).await;
    assert_eq!(oldest(&page), None);
    let switch = "CREATE TABLE IF NOT EXISTS t AS SELECT 1; SELECT pg_switch_wal()";
    cluster.sql(switch).await;
    let page = until(&agent, 1.0).await;
    let first = "SELECT extract(epoch FROM min(modification))::int8 FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
    let first = cluster.query_one_i64(first).await as f64;
    assert_eq!(oldest(&page), Some(first));
    cluster
        .sql("INSERT INTO t VALUES (2); SELECT pg_switch_wal()")
        .await;
    let page = until(&agent, 2.0).await;
    assert_eq!(oldest(&page), Some(first));
    let failed = |page: &Scrape| page.value("pg_stat_archiver_failed_count", &[]) > Some(0.0);
    agent.scrape_until("attempts fail", failed).await;

    cluster
        .sql("ALTER SYSTEM SET archive_command = '/bin/true'")
        .await;
    cluster.reload().await;
    // Before PostgreSQL 14 the archiver, after three failures, waits for a minute or for the next file.
    cluster
        .sql("INSERT INTO t VALUES (3); SELECT pg_switch_wal()")
        .await;
    let page = until(&agent, 0.0).await;
    assert_eq!(oldest(&page), None);
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
}

#[tokio::test]
async fn ten_thousand_waiting_files_fail_no_poll() {
    let cluster = trusting(&WAITING).await;
    for number in 1..=10_000 {
        ready(&cluster, number, 60);
    }
    let eldest = ready(&cluster, 0, 4000);
    let agent = watch(&cluster, "").await;
    let page = until(&agent, 10_001.0).await;
    let age = fs::metadata(&eldest)
        .and_then(|file| file.modified())
        .expect("its time");
    let since = age
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    assert_eq!(oldest(&page), Some(since.as_secs() as f64));
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
}

/// Files of the primary that were copied with its data directory wait for nothing.
#[tokio::test]
async fn a_server_that_archives_nothing_has_no_such_series() {
    let mut primary = trusting(&WAITING).await;
    create_agent_role(&primary).await;
    ready(&primary, 1, 4000);
    let standby = primary.start_standby();
    let archiving = watch_as(&primary, AGENT, "").await;
    let waits = |page: &Scrape| waiting(page) >= Some(1.0);
    archiving.scrape_until("the primary archives", waits).await;
    for (cluster, what) in [
        (&standby, "a standby"),
        (&trusting(&[]).await, "archive_mode = off"),
    ] {
        let agent = if what == "a standby" {
            watch_as(cluster, AGENT, "").await
        } else {
            watch(cluster, "").await
        };
        let labels = [("poll", "archive_queue"), ("outcome", "ok")];
        let polled = |page: &Scrape| page.sum("pgcommons_polls_total", &labels) > 0.0;
        let page = agent.scrape_until(what, polled).await;
        assert_eq!((waiting(&page), oldest(&page)), (None, None), "{what}");
    }
    standby.promote().await;
    let agent = watch_as(&standby, AGENT, "").await;
    agent.scrape_until("it archives", waits).await;
}

async fn check(cluster: &Cluster) -> (i32, String) {
    let url = cluster.superuser_url();
    let output = run(AgentSpec {
        args: &["check"],
        env: &[("DATABASE_URL", url.as_str())],
        config: None,
        ..AgentSpec::default()
    })
    .await;
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (output.status.code().expect("an exit code"), text)
}

#[tokio::test]
async fn check_warns_of_files_that_wait_for_long() {
    let cluster = trusting(&WAITING).await;
    ready(&cluster, 1, 600);
    let (_, text) = check(&cluster).await;
    assert!(!text.contains("archived"), "{text}");
    ready(&cluster, 2, 4000);
    let (code, text) = check(&cluster).await;
    assert!(
        text.contains("WAL files wait to be archived: 2, the oldest for 1h 6m"),
        "{text}"
    );
    assert_eq!(code, 1, "{text}");
}

/// The SQL of the runbook runs on every supported version.
#[tokio::test]
async fn the_sql_of_the_runbook_runs() {
    let cluster = trusting(&WAITING).await;
    create_agent_role(&cluster).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.md");
    let alerts = fs::read_to_string(path).expect("the runbooks");
    let (_, section) = alerts
        .split_once("\n## PgcommonsWalArchiveStuck\n")
        .expect("its runbook");
    let (section, _) = section.split_once("\n## ").expect("the next one");
    let sql: Vec<_> = section
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    assert!(sql.len() >= 4, "{sql:?}");
    let agent = cluster
        .connect(AGENT, AGENT, "postgres")
        .await
        .expect("a session");
    let run = agent.batch_execute(&sql.join("\n")).await;
    run.expect("pg_monitor is enough");
}
