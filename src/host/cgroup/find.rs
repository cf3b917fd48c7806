//! Finds the directories of a process in a mounted tree of control groups: by the path in its `/proc/PID/cgroup`, or, if the
//! agent has a cgroup namespace of its own and the path begins with `/..`, by a search for the rest of the path.

use std::path::{Path, PathBuf};

use super::text;
use crate::host::HostError;

/// A search ends after this many directories: trees of machines with thousands of containers are small compared with it.
const MOST_DIRECTORIES: usize = 50_000;
const DEEPEST: usize = 16;

/// The directories of one control group. Version 1 has one tree for each controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Group {
    V2 {
        root: PathBuf,
        directory: PathBuf,
    },
    /// Each with the root of its tree. At least one is there.
    V1 {
        memory: Option<(PathBuf, PathBuf)>,
        cpu: Option<(PathBuf, PathBuf)>,
        /// In the tree of version 2 beside them, which has the pressure.
        unified: Option<PathBuf>,
    },
}

impl Group {
    /// Whether the process is still in it.
    pub(super) fn contains(&self, pid: i32) -> bool {
        self.directory().is_some_and(|path| lists(path, pid))
    }

    pub(super) fn exists(&self) -> bool {
        self.directory().is_some_and(|path| path.is_dir())
    }

    fn directory(&self) -> Option<&PathBuf> {
        match self {
            Self::V2 { directory, .. } => Some(directory),
            Self::V1 { memory, cpu, .. } => {
                let (_root, directory) = memory.as_ref().or(cpu.as_ref())?;
                Some(directory)
            }
        }
    }
}

/// `text` is `/proc/PID/cgroup`, see cgroups(7): lines of `hierarchy:controllers:path`.
pub(super) fn group(mounts: &[PathBuf], text: &str, pid: i32) -> Result<Group, HostError> {
    let mut is_root = false;
    for mount in mounts.iter().filter(|mount| mount.is_dir()) {
        match in_tree(mount, text, pid) {
            Some(group) if has_limits(&group) => return Ok(group),
            Some(_) => is_root = true,
            None => {}
        }
    }
    if is_root {
        return Err(HostError::RootGroup);
    }
    let trees: Vec<_> = mounts.iter().map(|it| it.display().to_string()).collect();
    Err(HostError::NoGroup {
        trees: trees.join(", "),
    })
}

fn in_tree(mount: &Path, text: &str, pid: i32) -> Option<Group> {
    let path = |controller: &str| {
        let mut lines = text.lines().filter_map(|line| {
            let (_hierarchy, rest) = line.split_once(':')?;
            rest.split_once(':')
        });
        let is_named = |names: &str| names.split(',').any(|name| name == controller);
        let (_, path) = lines.find(|(names, _)| is_named(names))?;
        Some(path)
    };
    if mount.join("cgroup.controllers").exists() {
        let directory = resolve(mount, path("")?, pid)?;
        let root = mount.to_owned();
        return Some(Group::V2 { root, directory });
    }
    let controller = |name: &str| {
        let root = tree_of(mount, name)?;
        let directory = resolve(&root, path(name)?, pid)?;
        Some((root, directory))
    };
    let (memory, cpu) = (controller("memory"), controller("cpu"));
    if memory.is_none() && cpu.is_none() {
        return None;
    }
    let unified = mount.join("unified");
    let unified =
        path("").and_then(|path| resolve(&unified, path, pid).filter(|it| *it != unified));
    Some(Group::V1 {
        memory,
        cpu,
        unified,
    })
}

/// A tree may have several controllers, as in `cpu,cpuacct`; usually there are links with the single names.
fn tree_of(mount: &Path, controller: &str) -> Option<PathBuf> {
    let single = mount.join(controller);
    if single.is_dir() {
        return Some(single);
    }
    let entries = std::fs::read_dir(mount).ok()?.filter_map(Result::ok);
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let name = names.find(|name| name.split(',').any(|part| part == controller))?;
    Some(mount.join(name))
}

/// The directory in `root` whose path ends with `path` and that has the process.
fn resolve(root: &Path, path: &str, pid: i32) -> Option<PathBuf> {
    let mut rest = path;
    while let Some(shorter) = rest.strip_prefix("/..") {
        rest = shorter;
    }
    let rest = Path::new(rest.trim_start_matches('/'));
    let direct = root.join(rest);
    if lists(&direct, pid) {
        return Some(direct);
    }
    let is_searched = path.starts_with("/..") && !rest.as_os_str().is_empty();
    if is_searched {
        search(root, rest, pid)
    } else {
        None
    }
}

fn search(root: &Path, rest: &Path, pid: i32) -> Option<PathBuf> {
    let mut level = vec![root.to_owned()];
    let mut seen = 0;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for directory in level {
            let candidate = directory.join(rest);
            if lists(&candidate, pid) {
                return Some(candidate);
            }
            let entries = std::fs::read_dir(&directory).into_iter().flatten();
            let entries = entries.filter_map(Result::ok);
            // Symbolic links are no groups.
            let below = entries.filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir()));
            next.extend(below.map(|entry| entry.path()));
            seen += 1;
            if seen + next.len() > MOST_DIRECTORIES {
                return None;
            }
        }
        level = next;
    }
    None
}

/// The kernel writes PIDs of the reader's namespace, and 0 for processes outside it.
fn lists(directory: &Path, pid: i32) -> bool {
    let pids = text(directory, "cgroup.procs");
    pids.is_some_and(|pids| pids.lines().any(|line| line.parse() == Ok(pid)))
}

/// The root group of a machine has no limits, and what it counts is of the whole machine. In version 2 it alone lacks
/// `cgroup.events`, and in version 1 it alone has `release_agent`.
fn has_limits(group: &Group) -> bool {
    match group {
        Group::V2 { directory, .. } => directory.join("cgroup.events").exists(),
        Group::V1 { memory, cpu, .. } => {
            let mut trees = memory.iter().chain(cpu);
            trees.any(|(_, directory)| !directory.join("release_agent").exists())
        }
    }
}
