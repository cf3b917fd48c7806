//! The agent reads the directories while it polls: series per database, coverage, and faults of the file system.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use flate2::write::GzEncoder;

use super::{HOUR, make_old};
use crate::storage::mount;
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Scrape, StopMode, create_agent_role, trusting,
};

const DUMP: &str =
    "--\n-- PostgreSQL database dump\n--\n\n--\n-- PostgreSQL database dump complete\n--\n";

async fn cluster() -> Cluster {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    cluster.sql("CREATE DATABASE shop").await;
    cluster
}

/// An agent that lists the directories every second.
async fn agent(cluster: &Cluster, directories: &[&Path], through: &[String]) -> Agent {
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

fn write(folder: &Path, name: &str, content: &str, age: Duration) {
    let path = folder.join(name);
    fs::write(&path, content).expect("it can be written");
    make_old(&path, age);
}

fn time(page: &Scrape, datname: &str) -> Option<f64> {
    let name = "pgcommons_database_backup_newest_timestamp_seconds";
    page.value(name, &[("datname", datname)])
}

fn has_state(page: &Scrape, datname: &str, state: &str) -> bool {
    let labels = [("datname", datname), ("state", state)];
    page.value("pgcommons_database_backup_state", &labels) == Some(1.0)
}

fn without_backup(page: &Scrape) -> Option<f64> {
    page.value("pgcommons_databases_without_backup", &[])
}

fn is_missing(page: &Scrape, datname: &str) -> bool {
    let name = "pgcommons_database_backup_missing";
    page.value(name, &[("datname", datname)]) == Some(1.0)
}

fn polls(page: &Scrape, poll: &str, outcome: &str) -> f64 {
    let labels = [("poll", poll), ("outcome", outcome)];
    page.value("pgcommons_polls_total", &labels)
        .expect("every outcome has a series from the start")
}

/// No poll of PostgreSQL has failed.
fn assert_unaffected(page: &Scrape) {
    for outcome in ["timeout", "error", "lost"] {
        assert!(polls(page, "activity", outcome) < 0.5, "{outcome}");
    }
    assert_eq!(page.value("pg_up", &[]), Some(1.0));
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

#[tokio::test]
async fn a_directory_that_is_missing_makes_the_coverage_unknown() {
    let (cluster, folder) = (cluster().await, tempfile::tempdir().expect("a folder"));
    let missing = folder.path().join("missing");
    write(folder.path(), "shop_backup.sql", DUMP, HOUR);
    let agent = agent(&cluster, &[folder.path(), &missing], &[]).await;
    let unreadable = |page: &Scrape| page.value("pgcommons_backup_directories_unreadable", &[]);
    let is_partial =
        |page: &Scrape| unreadable(page) == Some(1.0) && has_state(page, "shop", "complete");
    let page = agent.scrape_until("the other is read", is_partial).await;
    assert_eq!(without_backup(&page), None);
    fs::create_dir(&missing).expect("it can be made");
    let is_whole =
        |page: &Scrape| unreadable(page) == Some(0.0) && without_backup(page) == Some(0.0);
    agent.scrape_until("it is there", is_whole).await;
    let log = agent.log();
    let lines: Vec<_> = log
        .lines()
        .filter(|it| it.contains("backups are "))
        .collect();
    assert_eq!(lines.len(), 2, "each change is logged once: {lines:#?}");
    assert!(lines[0].contains("missing") && lines[0].contains("cannot be read"));
}

fn threads(agent: &Agent) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", agent.pid()));
    tasks.expect("the agent runs").count()
}

#[tokio::test]
async fn a_directory_that_hangs_affects_only_its_own_series() {
    let (cluster, folder) = (cluster().await, tempfile::tempdir().expect("a folder"));
    let mount = mount::hanging(folder.path());
    if !mount::is_permitted(&mount) {
        eprintln!("skipped: mounting a file system that hangs needs root and /dev/fuse");
        return;
    }
    let mut agent = agent(&cluster, &[folder.path()], &mount::after(&mount)).await;
    let fails = |page: &Scrape| polls(page, "backups", "timeout") > 2.0;
    let page = agent.scrape_until("it fails", fails).await;
    assert_unaffected(&page);
    assert!(!page.text().contains("pgcommons_backup"), "{}", page.text());
    let before = threads(&agent);
    let fails_again = |page: &Scrape| polls(page, "backups", "timeout") > 5.0;
    assert_unaffected(&agent.scrape_until("it fails again", fails_again).await);
    assert!(threads(&agent) <= before, "threads pile up");
    let path = folder.path().to_str().expect("a UTF-8 path");
    mount::among_mounts_of(agent.pid(), &["umount", "-f", "-l", path]);
    let is_listed = |page: &Scrape| without_backup(page) == Some(1.0);
    agent.scrape_until("it is listed", is_listed).await;
    agent.signal("TERM");
    let ended = agent.wait(Duration::from_secs(20)).await.expect("it ends");
    assert!(ended.success(), "{ended}");
}

/// The priority of the thread of that name, from proc(5).
fn nice_of(agent: &Agent, thread: &str) -> Option<i32> {
    let tasks = fs::read_dir(format!("/proc/{}/task", agent.pid())).expect("the agent runs");
    let stats = tasks.map(|task| fs::read_to_string(task.expect("a thread").path().join("stat")));
    let stats: Vec<_> = stats.flatten().collect();
    let own = stats
        .iter()
        .find(|stat| stat.contains(&format!("({thread})")))?;
    let (_, fields) = own.rsplit_once(')')?;
    fields.split_whitespace().nth(16)?.parse().ok()
}

#[tokio::test]
async fn a_large_file_is_read_slowly_while_everything_else_goes_on() {
    let (cluster, folder) = (cluster().await, tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("shop_backup.sql.gz");
    let file = File::create(&path).expect("it can be made");
    let mut encoder = GzEncoder::new(file, flate2::Compression::none());
    encoder.write_all(DUMP.as_bytes()).expect("room");
    let zeros = vec![b'-'; 1 << 20];
    (0..20).for_each(|_| encoder.write_all(&zeros).expect("room"));
    encoder.write_all(DUMP.as_bytes()).expect("room");
    encoder.finish().expect("room");
    make_old(&path, HOUR);
    let config = format!(
        "poll: {{interval: 100ms}}\nbackups: {{interval: 1s, max_bytes_per_second: 4MiB}}\n\
         servers: {{a: {{dsn: '{}', databases: {{exclude: [postgres]}}, backups: [{{path: '{}', preset: plain}}]}}}}\n",
        cluster.url(AGENT, "", "postgres"),
        folder.path().display()
    );
    let spec = AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    let unread = |page: &Scrape| page.value("pgcommons_backup_files_unread", &[]);
    let page = agent
        .scrape_until("it is listed", |page| unread(page) == Some(1.0))
        .await;
    assert_eq!(without_backup(&page), None, "it is not known yet");
    write(folder.path(), "late_backup.sql", DUMP, HOUR);
    let two = |page: &Scrape| unread(page) == Some(2.0);
    let page = agent.scrape_until("the listing goes on", two).await;
    assert_unaffected(&page);
    assert_eq!(nice_of(&agent, "backup-reader"), Some(19));
    let is_read = |page: &Scrape| has_state(page, "shop", "complete") && unread(page) == Some(0.0);
    let page = agent.scrape_until("it is read", is_read).await;
    assert_unaffected(&page);
}
