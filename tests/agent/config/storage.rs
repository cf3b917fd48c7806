//! SIGHUP adds, changes and removes volumes. Sources that did not change are not disturbed.

use std::fs;

use tempfile::TempDir;

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
    let labels = [("volume", volume), ("source", "measured")];
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

fn up(page: &Scrape) -> bool {
    page.value("pg_up", &[]) == Some(1.0)
}

fn has_volumes(page: &Scrape) -> bool {
    page.text().contains("volume=")
}

fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").expect("Linux has /dev/shm")
}

async fn until(agent: &Reloadable, what: &str, is_wanted: impl FnMut(&Scrape) -> bool) -> Scrape {
    agent.agent.scrape_until(what, is_wanted).await
}

#[tokio::test]
async fn volumes_are_added_and_removed_without_disturbing_other_sources() {
    let (cluster, folder) = (Cluster::start(&[]), folder());
    let agent = Reloadable::start(&config(&cluster, "")).await;
    let page = until(&agent, "up", up).await;
    assert!(!has_volumes(&page), "{}", page.text());
    let admin = cluster.admin().await;
    let session = backends(&admin).await;

    let data = format!("size: 1GiB, path: '{}'", folder.path().display());
    agent.reload(&config(&cluster, &data));
    let twice = |page: &Scrape| measurements(page, "data") > Some(1.0);
    let page = until(&agent, "it is measured twice", twice).await;
    assert_eq!(configured(&page), Some(f64::from(1 << 30)));

    let before = measurements(&page, "data");
    let wal = format!("volumes: {{wal: '{}'}}", folder.path().display());
    agent.reload(&config(&cluster, &format!("{data}, {wal}")));
    let both = |page: &Scrape| is_measured(page, "wal") && is_measured(page, "data");
    let page = until(&agent, "both are measured", both).await;
    let after = measurements(&page, "data");
    assert!(after >= before, "the counters of data go on: {after:?}");

    agent.reload(&config(&cluster, &wal));
    let wal_alone = |page: &Scrape| measurements(page, "data").is_none();
    let page = until(&agent, "data is gone", wal_alone).await;
    assert!(is_measured(&page, "wal") && configured(&page).is_none());
    agent.reload(&config(&cluster, ""));
    let gone = |page: &Scrape| up(page) && !has_volumes(page);
    until(&agent, "no volume is left", gone).await;
    assert_eq!(backends(&admin).await, session, "one session throughout");
}

#[tokio::test]
async fn a_volume_with_another_path_loses_the_figures_of_the_old_one() {
    let (cluster, folder) = (Cluster::start(&[]), folder());
    let (old, new) = (folder.path().display(), folder.path().join("new"));
    let agent = Reloadable::start(&config(&cluster, &format!("path: '{old}'"))).await;
    let measured = |page: &Scrape| is_measured(page, "data");
    let page = until(&agent, "it is measured", measured).await;
    let before = measurements(&page, "data");
    agent.reload(&config(&cluster, &format!("path: '{}'", new.display())));
    let page = until(&agent, "it is absent", |page| !measured(page)).await;
    let after = measurements(&page, "data");
    assert!(after >= before, "the counters go on: {after:?}");
    fs::create_dir(&new).expect("the folder is ours");
    until(&agent, "it is measured there", measured).await;
}
