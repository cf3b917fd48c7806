//! The space of volumes: what `df` says, whether PostgreSQL is up or not.

mod check;
mod faults;
pub(crate) mod mount;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{AGENT, Agent, AgentSpec, Cluster, Scrape, StopMode, create_agent_role};

/// A folder that is not on the root file system: in a container, the agent refuses that one.
fn folder() -> TempDir {
    let folder = tempfile::tempdir_in("/dev/shm");
    folder.expect("Linux mounts a file system in memory at /dev/shm")
}

/// A server that the agent can log in to.
async fn watched_cluster() -> Cluster {
    let cluster = Cluster::start(&[]);
    cluster.prepend_hba("host all all 127.0.0.1/32 trust");
    cluster.reload().await;
    create_agent_role(&cluster).await;
    cluster
}

/// A configuration with one server `a` and its `storage`. Every poll comes often.
fn config(cluster: &Cluster, storage: &str) -> String {
    let dsn = cluster.url(AGENT, "", "postgres");
    format!(
        "poll: {{interval: 100ms, timeout: 1s}}\nservers: {{a: {{dsn: '{dsn}', storage: {{interval: 1s, {storage}}}}}}}\n"
    )
}

async fn start(config: &str, through: &[String]) -> Agent {
    let through: Vec<_> = through.iter().map(String::as_str).collect();
    let spec = AgentSpec {
        config: Some(config),
        through: &through,
        ..AgentSpec::default()
    };
    Agent::start(spec).await
}

fn storage(page: &Scrape, name: &str, volume: &str, source: &str) -> Option<f64> {
    let name = format!("pgcommons_server_storage_{name}_bytes");
    page.value(&name, &[("volume", volume), ("source", source)])
}

fn available(page: &Scrape, volume: &str) -> Option<f64> {
    storage(page, "available", volume, "measured")
}

fn polls(page: &Scrape, volume: &str, outcome: &str) -> f64 {
    let labels = [
        ("poll", "storage"),
        ("volume", volume),
        ("outcome", outcome),
    ];
    page.value("pgcommons_polls_total", &labels)
        .expect("every outcome has a series from the start")
}

fn up(page: &Scrape) -> Option<f64> {
    page.value("pg_up", &[])
}

/// A column of `df` as the agent's process sees the folder.
fn df(agent: &Agent, column: &str, folder: &str) -> Option<f64> {
    let output = format!("--output={column}");
    let text = mount::among_mounts_of(agent.pid(), &["df", "-B1", &output, folder]);
    text.lines().nth(1)?.trim().parse().ok()
}

#[tokio::test]
async fn the_figures_are_those_of_df() {
    let (folder, cluster) = (folder(), watched_cluster().await);
    let (mount, shown) = (mount::tmpfs(folder.path(), 200), folder.path().display());
    if !mount::is_permitted(&mount) {
        eprintln!("skipped: mounting a file system needs root");
        return;
    }
    let storage = format!("size: 1GiB, path: '{shown}', volumes: {{same: '{shown}/.'}}");
    let agent = start(&config(&cluster, &storage), &mount::after(&mount)).await;
    let path = folder.path().to_str().expect("a UTF-8 path");
    agent
        .scrape_until("it is empty", |page| {
            available(page, "data") == Some(f64::from(200 << 20))
        })
        .await;
    let file = format!("/proc/{}/root{path}/file", agent.pid());
    fs::write(file, vec![0; 50_000_000]).expect("there is room");
    let wanted = df(&agent, "avail", path);
    assert!(wanted < Some(160e6), "{wanted:?}");
    let page = agent
        .scrape_until("what df says", |page| available(page, "data") == wanted)
        .await;
    assert_figures(&page, &agent, path);
    // Two names of one file system.
    agent
        .scrape_until("the same", |page| available(page, "same") == wanted)
        .await;
}

fn assert_figures(page: &Scrape, agent: &Agent, path: &str) {
    let capacity = |source| storage(page, "capacity", "data", source);
    assert_eq!(capacity("measured"), df(agent, "size", path));
    assert_eq!(capacity("configured"), Some(f64::from(1 << 30)));
    let inodes = |name: &str| {
        let name = format!("pgcommons_server_storage_{name}");
        page.value(&name, &[("volume", "data")])
    };
    assert_eq!(inodes("inodes"), df(agent, "itotal", path));
    assert_eq!(inodes("inodes_available"), df(agent, "iavail", path));
}

/// Whether volumes appear in any series.
fn has_volumes(page: &Scrape) -> bool {
    page.text().contains("volume=\"") || page.text().contains("poll=\"storage\"")
}

#[tokio::test]
async fn without_a_configured_volume_there_is_no_series() {
    let cluster = watched_cluster().await;
    let agent = start(&config(&cluster, ""), &[]).await;
    let page = agent.scrape_until("up", |page| up(page) == Some(1.0)).await;
    assert!(!has_volumes(&page), "{}", page.text());
}

#[tokio::test]
async fn volumes_are_measured_while_postgresql_is_down() {
    let (folder, mut cluster) = (folder(), watched_cluster().await);
    let storage = format!("path: '{}'", folder.path().display());
    let agent = start(&config(&cluster, &storage), &[]).await;
    let is_measured = |page: &Scrape| available(page, "data").is_some();
    let both = |page: &Scrape| is_measured(page) && up(page) == Some(1.0);
    agent.scrape_until("both are measured", both).await;
    cluster.stop(StopMode::Fast);
    let page = agent
        .scrape_until("down", |page| up(page) == Some(0.0))
        .await;
    assert!(is_measured(&page), "{}", page.text());
    let before = polls(&page, "data", "ok");
    let goes_on = |page: &Scrape| polls(page, "data", "ok") > before + 1.0;
    let page = agent.scrape_until("it is measured again", goes_on).await;
    assert!(
        is_measured(&page) && up(&page) == Some(0.0),
        "{}",
        page.text()
    );
    let ready = agent.get("/-/ready").await;
    assert_eq!(ready.status, 503, "a volume makes no server ready");
    cluster.start_again();
    agent.scrape_until("both are measured again", both).await;
}

/// The name of a volume is the operator's, but it must not break the page.
#[tokio::test]
async fn any_name_of_a_volume_is_one_label() {
    let (folder, cluster) = (folder(), watched_cluster().await);
    let path = folder.path().display();
    let storage = format!(r#"volumes: {{"a\"b\nc\\ é": '{path}'}}"#);
    let agent = start(&config(&cluster, &storage), &[]).await;
    let is_measured = |page: &Scrape| available(page, "a\"b\nc\\ é").is_some();
    agent.scrape_until("it is measured", is_measured).await;
}

#[tokio::test]
async fn a_path_in_the_agents_own_image_is_refused() {
    let root = mount::overlay_root();
    if !mount::is_permitted(&root) {
        eprintln!("skipped: mounting an overlay as the root directory needs root");
        return;
    }
    let (folder, cluster) = (folder(), watched_cluster().await);
    let storage = format!(
        "path: /usr, volumes: {{mounted: '{}'}}",
        folder.path().display()
    );
    let agent = start(&config(&cluster, &storage), &mount::after(&root)).await;
    let is_measured = |page: &Scrape| available(page, "mounted").is_some();
    agent
        .scrape_until("the mount is measured", is_measured)
        .await;
    let is_refused = |page: &Scrape| polls(page, "data", "error") > 0.0;
    let page = agent.scrape_until("the other is refused", is_refused).await;
    assert_eq!(available(&page, "data"), None);
    let log = agent.log();
    assert!(
        log.contains("cannot measure /usr: in the agent's own image"),
        "{log}"
    );
}

/// Removes a folder and puts something in its place.
fn replace(path: &Path, replacement: impl FnOnce(&Path)) {
    fs::remove_dir_all(path).expect("the folder is ours");
    replacement(path);
}
