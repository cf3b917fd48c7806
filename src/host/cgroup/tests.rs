//! The control group of version 2 is read from files in the form that the kernel documents (cgroup-v2.rst, psi.rst), those of
//! version 1 too; the tests in `tests/agent/machine` use the kernel's own where they can create groups.

use std::fs;

use tempfile::TempDir;

use super::*;

const PID: i32 = 4711;
const DOCKER: &str = "system.slice/docker-0123456789abcdef.scope";

struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn put(&self, group: &str, files: &[(&str, &str)]) {
        let directory = self.0.path().join(group);
        fs::create_dir_all(&directory).expect("a folder");
        for (name, text) in files {
            fs::write(directory.join(name), text).expect("a file");
        }
    }

    /// A tree of version 2 with one container, which has the process.
    fn v2() -> Self {
        let tree = Self::new();
        tree.put(
            "",
            &[
                ("cgroup.controllers", "cpu memory"),
                ("cgroup.procs", "1\n0\n"),
            ],
        );
        tree.put(
            "system.slice",
            &[("cgroup.events", "populated 1"), ("memory.max", "max\n")],
        );
        tree.put(
            DOCKER,
            &[
                ("cgroup.procs", "12\n4711\n"),
                ("cgroup.events", "populated 1\nfrozen 0\n"),
                ("memory.max", "268435456\n"),
                ("memory.current", "200000000\n"),
                ("memory.stat", "anon 50000000\nfile 140000000\nkernel 10000000\nshmem 90000000\nfile_mapped 1\ninactive_file 30000000\n"),
                ("memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n"),
                ("cpu.max", "150000 100000\n"),
                ("cpu.stat", "usage_usec 9\nnr_periods 40\nnr_throttled 10\nthrottled_usec 2500000\n"),
                ("cpu.pressure", "some avg10=1.00 avg60=0.50 avg300=0.10 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n"),
                ("memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"),
            ],
        );
        tree
    }

    fn find(&self, text: &str) -> Result<Group, HostError> {
        find::group(&[self.0.path().to_owned()], text, PID)
    }

    fn read(&self, text: &str) -> Container {
        values::read(&self.find(text).expect("a group"))
    }
}

#[test]
fn version_2_gives_every_figure() {
    let container = Tree::v2().read(&format!("0::/{DOCKER}\n"));
    let memory = container.memory;
    assert_eq!(memory.limit, Some(268_435_456));
    assert_eq!(memory.anonymous, Some(50_000_000));
    assert_eq!(memory.shared, Some(90_000_000));
    // Without the cache of files, which has the shared memory in it.
    assert_eq!(memory.used, Some(150_000_000));
    assert_eq!(memory.working_set, Some(170_000_000));
    assert_eq!(memory.oom_kills, Some(3));
    assert_eq!(container.cpu_limit, Some(1.5));
    let throttling = container.throttling.expect("a limit");
    assert_eq!((throttling.periods, throttling.throttled_periods), (40, 10));
    assert!((throttling.throttled_seconds - 2.5).abs() < 1e-9);
    assert_eq!(
        container.pressure,
        [[Some(1.5), Some(0.5)], [Some(0.0), None], [None, None]]
    );
}

/// With a cgroup namespace of its own the agent sees only the end of the path.
#[test]
fn a_relative_path_is_searched_and_must_have_the_process() {
    let tree = Tree::v2();
    // It is found first, and has processes with similar PIDs.
    let decoy = "docker-0123456789abcdef.scope";
    tree.put(
        decoy,
        &[("cgroup.procs", "47110\n14711\n"), ("memory.max", "1\n")],
    );
    for text in [
        "0::/../docker-0123456789abcdef.scope",
        "0::/../../system.slice/docker-0123456789abcdef.scope",
    ] {
        assert_eq!(tree.read(text).memory.limit, Some(268_435_456), "{text}");
    }
}

#[test]
fn a_group_without_the_process_is_never_taken() {
    let tree = Tree::v2();
    tree.put(
        "own",
        &[
            ("cgroup.procs", "0\n8\n"),
            ("cgroup.events", ""),
            ("memory.max", "1\n"),
        ],
    );
    for text in [
        "0::/own",
        "0::/../missing",
        "0::/",
        "",
        "7:memory:/x",
        "0::/../..",
    ] {
        let error = tree.find(text).expect_err("no group");
        assert!(
            matches!(error, HostError::NoGroup { .. }),
            "{text}: {error}"
        );
    }
    let nowhere = find::group(&[PathBuf::from("/nonexistent")], "0::/a", PID);
    let text = nowhere.expect_err("no tree").to_string();
    assert!(
        text.contains("/nonexistent") && text.contains(":/host/cgroup:ro"),
        "{text}"
    );
}

#[test]
fn the_root_group_is_that_of_the_machine() {
    let tree = Tree::new();
    tree.put(
        "",
        &[("cgroup.controllers", "cpu"), ("cgroup.procs", "4711\n")],
    );
    assert!(matches!(tree.find("0::/"), Err(HostError::RootGroup)));
}

#[test]
fn the_least_limit_of_the_group_and_those_above_it_counts_with_its_usage() {
    let tree = Tree::v2();
    tree.put(
        "system.slice",
        &[
            ("memory.max", "1000\n"),
            ("memory.current", "900\n"),
            ("cpu.max", "max 100000\n"),
        ],
    );
    let container = tree.read(&format!("0::/{DOCKER}"));
    assert_eq!(container.memory.limit, Some(1000));
    assert_eq!(container.memory.anonymous, None, "of another group");
    assert_eq!(container.cpu_limit, Some(1.5));
}

#[test]
fn version_1_has_a_tree_for_each_controller() {
    let tree = Tree::new();
    let procs = ("cgroup.procs", "4711\n");
    tree.put("memory", &[("release_agent", "")]);
    tree.put("cpu,cpuacct", &[("release_agent", "")]);
    tree.put(
        "memory/docker/0123",
        &[
            procs,
            ("memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory.usage_in_bytes", "100\n"),
            ("memory.stat", "cache 1\nrss 1\ntotal_cache 60\ntotal_rss 30\ntotal_shmem 40\ntotal_inactive_file 5\n"),
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
        ],
    );
    tree.put(
        "cpu,cpuacct/docker/0123",
        &[
            procs,
            ("cpu.cfs_quota_us", "50000\n"),
            ("cpu.cfs_period_us", "100000\n"),
            (
                "cpu.stat",
                "nr_periods 4\nnr_throttled 2\nthrottled_time 1500000000\n",
            ),
        ],
    );
    let container = tree.read("5:cpuacct,cpu:/docker/0123\n4:memory:/docker/0123\n0::/\n");
    let memory = container.memory;
    assert_eq!(memory.limit, None, "no limit");
    assert_eq!(
        (memory.used, memory.anonymous, memory.shared),
        (Some(80), Some(30), Some(40))
    );
    assert_eq!((memory.working_set, memory.oom_kills), (Some(95), Some(1)));
    assert_eq!(container.cpu_limit, Some(0.5));
    assert!((container.throttling.expect("a limit").throttled_seconds - 1.5).abs() < 1e-9);
    assert_eq!(container.pressure, [[None; 2]; 3]);
}

#[test]
fn files_that_are_not_in_that_form_are_absent_figures() {
    let tree = Tree::v2();
    for text in [
        "",
        "max",
        "-1",
        "99999999999999999999999",
        "many",
        "\u{0}\n",
        "oom_kill x",
        "some total=x",
    ] {
        let names = [
            "memory.max",
            "memory.current",
            "memory.stat",
            "memory.events",
            "cpu.max",
            "cpu.stat",
            "cpu.pressure",
            "memory.pressure",
        ];
        tree.put(DOCKER, &names.map(|name| (name, text)));
        assert_eq!(
            tree.read(&format!("0::/{DOCKER}")),
            Container::default(),
            "{text}"
        );
    }
}

/// The group stays readable while the postmaster is gone, until it is removed.
#[tokio::test]
async fn the_group_of_a_postmaster_that_ended_is_read_until_it_is_gone() {
    let tree = Tree::v2();
    let ended = ProcessId {
        pid: i32::MAX,
        start: 1,
    };
    let place = CgroupTree::At(tree.0.path().to_owned());
    let mut meter = ContainerMeter::default();
    let limit = Duration::from_secs(5);
    let error = meter
        .measure(&place, ended, limit)
        .await
        .expect_err("not found yet");
    assert!(matches!(error, HostError::Ended), "{error}");
    meter.found = Some((ended, tree.find(&format!("0::/{DOCKER}")).expect("a group")));
    let container = meter.measure(&place, ended, limit).await.expect("readable");
    assert_eq!(container.memory.oom_kills, Some(3));
    fs::remove_dir_all(tree.0.path().join(DOCKER)).expect("removed");
    let error = meter.measure(&place, ended, limit).await.expect_err("gone");
    assert!(matches!(error, HostError::Ended), "{error}");
}
