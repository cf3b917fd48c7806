//! The control group of PostgreSQL: of the kernel where groups can be created, and files of version 2 in the form that the kernel
//! documents.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::{configuration, watch};
use crate::support::{
    AgentSpec, Cluster, ControlGroup, Scrape, StopMode, create_tenant, run, sessions, trusting,
};

const LIMIT: u64 = 256 << 20;

fn value(page: &Scrape, name: &str) -> Option<f64> {
    page.value(&format!("pgcommons_container_{name}"), &[])
}

/// Moves the processes of a server into a group; those that it starts later follow.
fn fill(group: &ControlGroup, cluster: &Cluster) {
    group.add(cluster.postmaster_pid());
    for pid in cluster.processes() {
        group.add(pid);
    }
}

/// A group, unless this machine does not allow it.
fn group() -> Option<ControlGroup> {
    ControlGroup::new(LIMIT)
        .inspect_err(|why| eprintln!("not tested with the kernel's own groups: {why}"))
        .ok()
}

#[tokio::test]
async fn the_memory_limit_and_an_oom_kill_are_seen() {
    let Some(group) = group() else {
        return;
    };
    let cluster = trusting(&[("shared_buffers", "32MB")]).await;
    create_tenant(&cluster, "greedy", -1).await;
    fill(&group, &cluster);
    let agent = watch(&cluster, "{processes: true, cgroup: auto}", &[]).await;
    let page = agent
        .scrape_until("the group", |page| {
            value(page, "memory_used_bytes").is_some()
        })
        .await;
    assert_eq!(value(&page, "memory_limit_bytes"), Some(LIMIT as f64));
    assert_eq!(value(&page, "oom_kills_total"), Some(0.0));

    let session = sessions(&cluster, "greedy", 1).await.remove(0);
    let sort = |rows: u32| {
        format!(
            "SET work_mem = '2GB'; BEGIN; DECLARE c CURSOR FOR SELECT n FROM generate_series(1, {rows}) n ORDER BY -n; FETCH 1 FROM c"
        )
    };
    session.batch_execute(&sort(900_000)).await.expect("fits");
    let page = agent
        .scrape_until("the memory of a sort", |page| {
            value(page, "memory_anonymous_bytes") > Some(40e6)
        })
        .await;
    let [used, anonymous, shared] = ["used", "anonymous", "shared"]
        .map(|name| value(&page, &format!("memory_{name}_bytes")).expect(name));
    assert!(
        used >= anonymous && used < LIMIT as f64,
        "{used} {anonymous} {shared}"
    );

    let other = sessions(&cluster, "greedy", 1).await.remove(0);
    let error = other.batch_execute(&sort(30_000_000)).await;
    error.expect_err("the kernel kills it");
    let page = agent
        .scrape_until("the kill and the crash", |page| {
            value(page, "oom_kills_total") >= Some(1.0)
                && page.value("pgcommons_server_crashes_total", &[]) >= Some(1.0)
        })
        .await;
    assert_eq!(value(&page, "memory_limit_bytes"), Some(LIMIT as f64));
    drop(cluster);
}

/// A tree of version 2 as the kernel documents it, with the server in one of its groups.
struct Tree {
    folder: TempDir,
    group: PathBuf,
}

impl Tree {
    /// None: the kernel has no version 2, so the server is in no group of it.
    fn of(cluster: &Cluster) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = fs::read_to_string(format!("/proc/{}/cgroup", cluster.postmaster_pid()));
        let text = text.expect("the server runs");
        let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let group = folder.path().join(path.trim_start_matches("../"));
        fs::create_dir_all(&group).expect("a folder");
        let tree = Self { folder, group };
        put(tree.folder.path(), "cgroup.controllers", "cpu memory");
        tree.put("cgroup.procs", &cluster.postmaster_pid().to_string());
        tree.put("cgroup.events", "populated 1\n");
        tree.put("memory.max", "268435456\n");
        tree.put("memory.current", "250000000\n");
        tree.put(
            "memory.stat",
            "anon 150000000\nfile 90000000\nshmem 80000000\ninactive_file 5000000\n",
        );
        tree.put("memory.events", "oom 0\noom_kill 4\n");
        tree.put("cpu.max", "50000 100000\n");
        tree.put(
            "cpu.stat",
            "usage_usec 1\nnr_periods 100\nnr_throttled 20\nthrottled_usec 3000000\n",
        );
        tree.put(
            "cpu.pressure",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=7000000\n",
        );
        Some(tree)
    }

    fn put(&self, name: &str, text: &str) {
        put(&self.group, name, text);
    }

    fn machine(&self) -> String {
        format!("{{cgroup: \"{}\"}}", self.folder.path().display())
    }
}

fn put(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file");
}

#[tokio::test]
async fn files_of_version_2_are_read_and_go_on_while_postgresql_is_down() {
    let mut cluster = trusting(&[]).await;
    let Some(tree) = Tree::of(&cluster) else {
        return;
    };
    let agent = watch(&cluster, &tree.machine(), &[]).await;
    let page = agent
        .scrape_until("the group", |page| {
            value(page, "memory_limit_bytes").is_some()
        })
        .await;
    for (name, wanted) in [
        ("memory_limit_bytes", 268_435_456.0),
        ("memory_used_bytes", 240_000_000.0),
        ("memory_working_set_bytes", 245_000_000.0),
        ("memory_anonymous_bytes", 150_000_000.0),
        ("memory_shared_bytes", 80_000_000.0),
        ("oom_kills_total", 4.0),
        ("cpu_limit_cores", 0.5),
        ("cpu_periods_total", 100.0),
        ("cpu_throttled_periods_total", 20.0),
        ("cpu_throttled_seconds_total", 3.0),
    ] {
        assert_eq!(value(&page, name), Some(wanted), "{name}");
    }
    let pressure = "pgcommons_container_pressure_seconds_total";
    let labels = [("resource", "cpu"), ("kind", "some")];
    assert_eq!(page.value(pressure, &labels), Some(7.0));
    assert_eq!(page.series(pressure).len(), 1, "the rest is unknown");
    assert!(
        page.series("pgcommons_database_cpu_seconds_total")
            .is_empty()
    );

    cluster.stop(StopMode::Fast);
    tree.put("memory.events", "oom_kill 5\n");
    agent
        .scrape_until("a kill while the server is down", |page| {
            page.value("pg_up", &[]) == Some(0.0) && value(page, "oom_kills_total") == Some(5.0)
        })
        .await;
}

/// The mount is that of the agent's own container, or of another machine.
#[tokio::test]
async fn a_tree_without_the_server_gives_no_series() {
    let cluster = trusting(&[]).await;
    let Some(tree) = Tree::of(&cluster) else {
        return;
    };
    tree.put("cgroup.procs", "1\n0\n");
    let agent = watch(&cluster, &tree.machine(), &[]).await;
    let failed = [("poll", "container"), ("outcome", "error")];
    let page = agent
        .scrape_until("a failed read", |page| {
            page.sum("pgcommons_polls_total", &failed) > 0.0
        })
        .await;
    let names = page.names().into_iter();
    let shown: Vec<_> = names
        .filter(|name| name.starts_with("pgcommons_container"))
        .collect();
    assert!(shown.is_empty(), "{shown:?}");
}

#[tokio::test]
async fn check_reports_memory_near_the_limit_and_kills() {
    let cluster = trusting(&[]).await;
    crate::support::create_agent_role(&cluster).await;
    let Some(tree) = Tree::of(&cluster) else {
        return;
    };
    let config = configuration(&cluster, &tree.machine());
    let spec = AgentSpec {
        args: &["check", "--json"],
        config: Some(&config),
        ..AgentSpec::default()
    };
    let text = String::from_utf8(run(spec).await.stdout).expect("text");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let server = &report["servers"][0];
    assert_eq!(
        server["container"]["memory_limit_bytes"], 268_435_456,
        "{text}"
    );
    let findings = server["findings"].as_array().expect("a list");
    let texts: Vec<_> = findings
        .iter()
        .filter_map(|it| it["text"].as_str())
        .collect();
    assert!(
        texts
            .iter()
            .any(|text| text.contains("228.9 MiB of 256.0 MiB memory")),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|text| text.contains("killed 4 processes")),
        "{texts:?}"
    );
}
