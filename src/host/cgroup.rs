//! The control group of PostgreSQL, version 2 or 1: found by the postmaster's `/proc/PID/cgroup` in a mount of the host's tree. A
//! directory counts only if its `cgroup.procs` lists the postmaster, so the agent's own group is never taken for it.

mod find;
mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use super::HostError;
use super::stat::Stat;
use crate::blocking::OneAtATime;
use crate::sample::{Container, ProcessId};

use find::Group;

/// Where the tree of control groups is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CgroupTree {
    /// The first of the usual places in which PostgreSQL's group is found.
    Auto,
    At(PathBuf),
}

/// In containers the last is the agent's own part of the tree, unless it shares the cgroup namespace of the host.
const USUAL: [&str; 3] = ["/host/cgroup", "/host/sys/fs/cgroup", "/sys/fs/cgroup"];

impl CgroupTree {
    fn mounts(&self) -> Vec<PathBuf> {
        match self {
            Self::Auto => USUAL.map(PathBuf::from).to_vec(),
            Self::At(path) => vec![path.clone()],
        }
    }
}

type Found = (ProcessId, Group);

/// Reads the control group of one server. A read that hangs occupies one thread.
#[derive(Debug, Default)]
pub(crate) struct ContainerMeter {
    reads: OneAtATime<Result<(Found, Container), HostError>>,
    /// It stays valid while the postmaster is gone and its group is not.
    found: Option<Found>,
}

impl ContainerMeter {
    /// Cancel-safe. After a timeout the next call waits for the read that hangs, drops its result and reads again.
    pub(crate) async fn measure(
        &mut self,
        tree: &CgroupTree,
        postmaster: ProcessId,
        limit: Duration,
    ) -> Result<Container, HostError> {
        let (mounts, found) = (tree.mounts(), self.found.take());
        self.found.clone_from(&found);
        let read = self.reads.run(move || read(&mounts, postmaster, found));
        let read = timeout(limit, read).await;
        let (found, container) = read.map_err(|_| HostError::Timeout(limit))??;
        self.found = Some(found);
        Ok(container)
    }
}

fn read(
    mounts: &[PathBuf],
    postmaster: ProcessId,
    found: Option<Found>,
) -> Result<(Found, Container), HostError> {
    let known = found.filter(|(of, _)| *of == postmaster);
    let runs = Stat::read(postmaster.pid).is_ok_and(|stat| stat.id == postmaster);
    let found = match known {
        Some((of, group)) if !runs || group.contains(postmaster.pid) => (of, group),
        _ if !runs => return Err(HostError::Ended),
        _ => (postmaster, locate(mounts, postmaster.pid)?),
    };
    if !found.1.exists() {
        return Err(HostError::Ended);
    }
    let container = values::read(&found.1);
    Ok((found, container))
}

fn locate(mounts: &[PathBuf], postmaster: i32) -> Result<Group, HostError> {
    let path = PathBuf::from(format!("/proc/{postmaster}/cgroup"));
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|source| HostError::Unreadable { path, source })?;
    find::group(mounts, &text, postmaster)
}

/// A file of one line or of a few; None if it is not there.
fn text(directory: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(directory.join(name)).ok()
}

#[cfg(test)]
mod tests;
