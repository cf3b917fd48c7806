//! Directories that are missing, hang or hold large files: only the series of the backups are affected.

use std::fs::{self, File};
use std::io::Write as _;
use std::time::Duration;

use flate2::write::GzEncoder;

use super::source::{DUMP, agent, cluster, has_state, without_backup, write};
use super::{HOUR, make_old};
use crate::storage::mount;
use crate::support::{AGENT, Agent, AgentSpec, Scrape};

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
