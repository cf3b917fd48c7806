//! The control group of the main server, as files of version 2 in the form that the kernel documents: memory near its limit, an
//! OOM kill, throttling and pressure. The counters grow while the scene exists.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::Cluster;

pub(crate) struct Machine(TempDir);

impl Machine {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let pid = cluster.postmaster_pid();
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("the server runs");
        let path = text.lines().find_map(|line| line.strip_prefix("0::/"));
        let path = path.expect("the kernel has version 2 of control groups");
        let group = folder.path().join(path.trim_start_matches("../"));
        fs::create_dir_all(&group).expect("a folder");
        fs::write(folder.path().join("cgroup.controllers"), "cpu memory").expect("a file");
        for (name, text) in [
            ("cgroup.procs", format!("{pid}\n")),
            ("cgroup.events", "populated 1\n".to_owned()),
            ("memory.max", "268435456\n".to_owned()),
            ("memory.current", "260000000\n".to_owned()),
            (
                "memory.stat",
                "anon 120000000\nfile 140000000\nshmem 130000000\ninactive_file 5000000\n"
                    .to_owned(),
            ),
            ("cpu.max", "50000 100000\n".to_owned()),
        ] {
            fs::write(group.join(name), text).expect("a file");
        }
        count(&group, 0).expect("files");
        tokio::spawn(grow(group));
        Self(folder)
    }

    /// The value of the key `machine`.
    pub(crate) fn configuration(&self) -> String {
        format!(
            "{{processes: true, cgroup: \"{}\"}}",
            self.0.path().display()
        )
    }
}

/// Until the folder is removed.
async fn grow(group: PathBuf) {
    for step in 1.. {
        sleep(Duration::from_millis(500)).await;
        if count(&group, step).is_err() {
            return;
        }
    }
}

/// Each file is replaced as a whole: the agent may read it at any time.
fn count(group: &Path, step: u64) -> std::io::Result<()> {
    let kills = step / 40;
    let throttled = step * 2;
    let waited = step * 250_000;
    let pressure = format!(
        "some avg10=50.00 avg60=50.00 avg300=50.00 total={waited}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    );
    for (name, text) in [
        ("memory.events", format!("oom {kills}\noom_kill {kills}\n")),
        (
            "cpu.stat",
            format!(
                "nr_periods {}\nnr_throttled {throttled}\nthrottled_usec {waited}\n",
                step * 5
            ),
        ),
        ("cpu.pressure", pressure.clone()),
        ("memory.pressure", pressure.clone()),
        ("io.pressure", pressure),
    ] {
        let new = group.join("new");
        fs::write(&new, text)?;
        fs::rename(&new, group.join(name))?;
    }
    Ok(())
}
