//! SIGHUP adds, changes and removes volumes. Sources that did not change are not disturbed.

use std::fs;

use super::reload::{Reloadable, backends};
use crate::support::{Cluster, Scrape};

/// The server `a` with these keys of `storage`.
fn config(cluster: &Cluster, storage: &str) -> String {
    let dsn = cluster.superuser_url();
    format!(
        "poll: {{interval: 100ms}}\nservers: {{a: {{dsn: '{dsn}', storage: {{interval: 1s, {storage}}}}}}}\n"
    )
}

fn is_measured(page: &Scrape, volume: &str) -> bool {
    let labels = [("volume", volume)];
    page.value("pgcommons_server_storage_available_bytes", &labels)
        .is_some()
}

fn measurements(page: &Scrape, volume: &str) -> Option<f64> {
    let labels = [("volume", volume), ("outcome", "ok")];
    page.value("pgcommons_polls_total", &labels)
}

fn configured(page: &Scrape) -> Option<f64> {
    let labels = [("source", "configured")];
    page.value("pgcommons_server_storage_capacity_bytes", &labels)
}

#[tokio::test]
async fn volumes_are_added_moved_and_removed_without_disturbing_other_sources() {
    let cluster = Cluster::start(&[]);
    let folder = tempfile::tempdir_in("/dev/shm").expect("Linux has /dev/shm");
    let (path, missing) = (folder.path().display(), folder.path().join("none"));
    let agent = Reloadable::start(&config(&cluster, "")).await;
    let up = |page: &Scrape| page.value("pg_up", &[]) == Some(1.0);
    let page = agent.agent.scrape_until("up", up).await;
    assert!(!page.text().contains("volume="), "{}", page.text());
    let admin = cluster.admin().await;
    let session = backends(&admin).await;

    let data = format!("size: 1GiB, path: '{path}'");
    agent.reload(&config(&cluster, &data));
    let measured = |page: &Scrape| measurements(page, "data") > Some(1.0);
    let page = agent
        .agent
        .scrape_until("it is measured twice", measured)
        .await;
    assert_eq!(configured(&page), Some(f64::from(1 << 30)));

    // Another volume: what is known of the first one stays.
    let before = measurements(&page, "data");
    agent.reload(&config(
        &cluster,
        &format!("{data}, volumes: {{wal: '{path}'}}"),
    ));
    let both = |page: &Scrape| is_measured(page, "wal") && is_measured(page, "data");
    let page = agent.agent.scrape_until("both are measured", both).await;
    assert!(measurements(&page, "data") >= before, "{}", page.text());

    // Another path: no figure of the old one is shown, and the counters go on.
    let before = measurements(&page, "data");
    agent.reload(&config(&cluster, &format!("path: '{}'", missing.display())));
    let moved = |page: &Scrape| !is_measured(page, "data") && measurements(page, "wal").is_none();
    let page = agent
        .agent
        .scrape_until("it moved, and wal is gone", moved)
        .await;
    assert!(measurements(&page, "data") >= before, "{}", page.text());
    assert_eq!(configured(&page), None);
    fs::create_dir(&missing).expect("the folder is ours");
    let measured = |page: &Scrape| is_measured(page, "data");
    agent
        .agent
        .scrape_until("it is measured there", measured)
        .await;

    agent.reload(&config(&cluster, ""));
    let gone = |page: &Scrape| up(page) && !page.text().contains("volume=");
    agent.agent.scrape_until("no volume is left", gone).await;
    assert_eq!(backends(&admin).await, session, "one session throughout");
}
