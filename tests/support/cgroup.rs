//! A control group with a memory limit for an agent, as in a container. Needs root and a writable hierarchy of either version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::wait::poll_blocking;

const REMOVE_LIMIT: Duration = Duration::from_secs(5);
/// Version 1 counts the memory of sockets separately, and only if a limit is set. This limit is never reached.
const SOCKETS_LIMIT: u64 = 1 << 30;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    One,
    Two,
}

/// Dropping it removes the group. All processes in it must have ended.
pub(crate) struct ControlGroup {
    path: PathBuf,
    version: Version,
}

impl ControlGroup {
    /// Creates a group that may use this many bytes. The error says why that is not possible.
    pub(crate) fn new(limit: u64) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (root, version) = hierarchy()?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("pgcommons-test-{}-{number}", id()));
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let group = Self { path, version };
        if version == Version::Two && !group.path.join("memory.max").exists() {
            let controllers = root.join("cgroup.subtree_control");
            fs::write(&controllers, "+memory")
                .map_err(|error| format!("{}: {error}", controllers.display()))?;
        }
        let (memory, sockets) = (limit.to_string(), SOCKETS_LIMIT.to_string());
        match version {
            Version::One => {
                group.set("memory.limit_in_bytes", &memory)?;
                group.set("memory.kmem.tcp.limit_in_bytes", &sockets)?;
            }
            Version::Two => {
                group.set("memory.max", &memory)?;
                // The file is absent on a kernel without swap.
                drop(group.set("memory.swap.max", "0"));
            }
        }
        Ok(group)
    }

    /// The command that runs a program in the group, for `AgentSpec::through`.
    pub(crate) fn entrance(&self) -> [String; 4] {
        let procs = self.path.join("cgroup.procs");
        let enter = format!("echo $$ >{} && exec \"$@\"", procs.display());
        ["sh".into(), "-c".into(), enter, "sh".into()]
    }

    /// Moves a process into the group. What it starts later follows.
    pub(crate) fn add(&self, pid: u32) {
        self.set("cgroup.procs", &pid.to_string())
            .expect("root may move processes");
    }

    /// Bytes that cannot be reclaimed: memory of processes, of the kernel, and of sockets, without the page cache.
    pub(crate) fn used(&self) -> u64 {
        match self.version {
            Version::One => {
                let memory = self.number("memory.usage_in_bytes");
                let memory = memory.saturating_sub(self.field("memory.stat", "cache"));
                memory + self.number("memory.kmem.tcp.usage_in_bytes")
            }
            Version::Two => self
                .number("memory.current")
                .saturating_sub(self.field("memory.stat", "file")),
        }
    }

    /// How many processes the OOM killer has ended.
    pub(crate) fn kills(&self) -> u64 {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        self.field(file, "oom_kill")
    }

    fn set(&self, file: &str, value: &str) -> Result<(), String> {
        let path = self.path.join(file);
        fs::write(&path, value).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn read(&self, file: &str) -> String {
        let path = self.path.join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn number(&self, file: &str) -> u64 {
        self.read(file).trim().parse().expect("a number")
    }

    fn field(&self, file: &str, name: &str) -> u64 {
        let text = self.read(file);
        let mut fields = text.lines().filter_map(|line| line.split_once(' '));
        let value = fields.find_map(|(field, value)| (field == name).then_some(value));
        let value = value.and_then(|value| value.trim().parse().ok());
        value.unwrap_or_else(|| panic!("{name} in {file}: {text}"))
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // A process that has just ended may still be in the group.
        poll_blocking(REMOVE_LIMIT, || fs::remove_dir(&self.path).ok());
    }
}

/// The mount point of the memory controller.
fn hierarchy() -> Result<(PathBuf, Version), String> {
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(|error| error.to_string())?;
    let mut found = None;
    for line in mounts.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let [_, path, kind, options, ..] = fields[..] else {
            continue;
        };
        let path = Path::new(path);
        match kind {
            "cgroup" if options.split(',').any(|option| option == "memory") => {
                return Ok((path.to_owned(), Version::One));
            }
            "cgroup2" if has_memory(path) => found = Some((path.to_owned(), Version::Two)),
            _ => {}
        }
    }
    found.ok_or_else(|| "no hierarchy with the memory controller is mounted".to_owned())
}

fn has_memory(root: &Path) -> bool {
    let controllers = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
    controllers.split_whitespace().any(|name| name == "memory")
}
