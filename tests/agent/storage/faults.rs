//! Volumes that vanish, become files, or hang: only their own series are lost, and PostgreSQL is polled as before.

use std::fs;
use std::time::Duration;

use super::{available, config, folder, mount, polls, replace, start, up, watched_cluster};
use crate::support::{Agent, Scrape};

/// No poll of PostgreSQL has failed.
fn assert_unaffected(page: &Scrape) {
    assert_eq!(up(page), Some(1.0));
    for outcome in ["timeout", "error", "lost"] {
        let labels = [("poll", "activity"), ("outcome", outcome)];
        let failed = page.value("pgcommons_polls_total", &labels);
        assert_eq!(failed, Some(0.0), "{outcome}");
    }
}

/// Waits until the volume is absent, and then until it has failed to be measured twice.
async fn until_it_fails(agent: &Agent, volume: &str, outcome: &str) -> Scrape {
    let before = polls(&agent.scrape().await, volume, outcome);
    let fails = |page: &Scrape| polls(page, volume, outcome) > before + 1.0;
    let page = agent.scrape_until("it fails twice", fails).await;
    assert_eq!(available(&page, volume), None);
    page
}

#[tokio::test]
async fn a_path_that_vanishes_or_becomes_a_file_loses_its_series_and_returns() {
    let (folder, cluster) = (folder(), watched_cluster().await);
    let (data, other) = (folder.path().join("data"), folder.path().display());
    fs::create_dir(&data).expect("the folder is ours");
    let storage = format!("path: '{}', volumes: {{other: '{other}'}}", data.display());
    let agent = start(&config(&cluster, &storage), &[]).await;
    let is_measured = |page: &Scrape| available(page, "data").is_some();
    agent.scrape_until("it is measured", is_measured).await;

    fs::remove_dir(&data).expect("the folder is ours");
    let page = until_it_fails(&agent, "data", "error").await;
    assert!(available(&page, "other").is_some(), "{}", page.text());
    assert_unaffected(&page);
    fs::create_dir(&data).expect("the folder is ours");
    agent.scrape_until("it is back", is_measured).await;

    replace(&data, |path| fs::write(path, "x").expect("it is ours"));
    assert_unaffected(&until_it_fails(&agent, "data", "error").await);
    fs::remove_file(&data).expect("the file is ours");
    fs::create_dir(&data).expect("the folder is ours");
    agent.scrape_until("it is back again", is_measured).await;
    let lines: Vec<_> = agent.log().lines().map(str::to_owned).collect();
    let failures = lines.iter().filter(|it| it.contains("volume not measured"));
    let failures: Vec<_> = failures.collect();
    assert_eq!(failures.len(), 2, "each is logged once: {lines:#?}");
    assert!(failures[0].contains("No such file or directory"));
    assert!(failures[1].contains("not a directory"));
}

fn threads(agent: &Agent) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", agent.pid()));
    tasks.expect("the agent runs").count()
}

#[tokio::test]
async fn a_volume_that_hangs_loses_its_series_and_occupies_one_thread() {
    let (folder, cluster) = (folder(), watched_cluster().await);
    let (dead, good) = (folder.path().join("dead"), folder.path().join("good"));
    for path in [&dead, &good] {
        fs::create_dir(path).expect("the folder is ours");
    }
    let mount = mount::hanging(&dead);
    if !mount::is_permitted(&mount) {
        eprintln!("skipped: mounting a file system that hangs needs root and /dev/fuse");
        return;
    }
    let volumes = format!("volumes: {{dead: '{}'}}", dead.display());
    let storage = format!("path: '{}', {volumes}", good.display());
    let agent = start(&config(&cluster, &storage), &mount::after(&mount)).await;
    let page = until_it_fails(&agent, "dead", "timeout").await;
    assert!(available(&page, "data").is_some(), "{}", page.text());
    assert_unaffected(&page);
    let before = threads(&agent);
    for _ in 0..2 {
        assert_unaffected(&until_it_fails(&agent, "dead", "timeout").await);
    }
    // The thread of the volume that can be measured comes and goes.
    assert!(threads(&agent) <= before + 1, "threads pile up");
    let path = dead.to_str().expect("a UTF-8 path");
    mount::among_mounts_of(agent.pid(), &["umount", "-f", "-l", path]);
    let is_measured = |page: &Scrape| available(page, "dead").is_some();
    agent.scrape_until("it is measured", is_measured).await;
}

#[tokio::test]
async fn a_volume_that_hangs_does_not_delay_the_end_of_the_agent() {
    let (folder, cluster) = (folder(), watched_cluster().await);
    let mount = mount::hanging(folder.path());
    if !mount::is_permitted(&mount) {
        eprintln!("skipped: mounting a file system that hangs needs root and /dev/fuse");
        return;
    }
    let storage = format!("path: '{}'", folder.path().display());
    let mut agent = start(&config(&cluster, &storage), &mount::after(&mount)).await;
    until_it_fails(&agent, "data", "timeout").await;
    agent.signal("TERM");
    let ended = agent.wait(Duration::from_secs(20)).await.expect("it ends");
    assert!(ended.success(), "{ended}");
}
