//! What the kernel says about the processes of a server, and about the control group that they are in.

use super::Oid;

/// A process. PIDs are used again, start times together with them are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ProcessId {
    pub(crate) pid: i32,
    /// Clock ticks between the boot of the machine and the start of the process (`starttime` in `/proc/PID/stat`).
    pub(crate) start: u64,
}

/// The agent's own backend and its parent, once it is known that both are PostgreSQL's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerProcesses {
    pub(crate) backend: ProcessId,
    pub(crate) postmaster: ProcessId,
}

/// A process as PostgreSQL lists it (`pg_stat_activity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListedProcess {
    pub(crate) pid: i32,
    /// None: a process of the server as a whole, such as the checkpointer.
    pub(crate) database: Option<Oid>,
}

/// While these two are the same, the private memory of a process is, too: it grows by page faults, and what is freed is no longer
/// resident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageCounts {
    /// Page faults since its start.
    pub(crate) faults: u64,
    pub(crate) resident: u64,
}

/// A process as the kernel shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ProcessUsage {
    pub(crate) id: ProcessId,
    pub(crate) database: Option<Oid>,
    /// CPU seconds since its start, user and system, with those of its children that ended.
    pub(crate) cpu_seconds: f64,
    pub(crate) pages: PageCounts,
    /// Resident bytes without pages of files and shared memory. None: not readable.
    pub(crate) private_bytes: Option<u64>,
}

/// All processes of a server that PostgreSQL lists, at one time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProcessTable {
    pub(crate) postmaster: ProcessId,
    /// CPU seconds of the postmaster itself since its start.
    pub(crate) postmaster_seconds: f64,
    /// CPU seconds of all its children that have ended.
    pub(crate) ended_seconds: f64,
    /// In the order of their PIDs.
    pub(crate) processes: Vec<ProcessUsage>,
}

/// The control group of a server. None: the kernel does not tell, or there is no such limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Container {
    pub(crate) memory: ContainerMemory,
    /// The CPU time that it may use per second.
    pub(crate) cpu_limit: Option<f64>,
    pub(crate) throttling: Option<Throttling>,
    /// By [`PressureResource`], then by [`PressureKind`]: seconds.
    pub(crate) pressure: [[Option<f64>; 2]; 3],
}

/// Bytes, of the group with the least limit: that of PostgreSQL or one above it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ContainerMemory {
    pub(crate) limit: Option<u64>,
    /// Everything but the cache of files.
    pub(crate) used: Option<u64>,
    /// Without the part of the cache of files that was not used lately. Memory counts, as `docker stats` shows it.
    pub(crate) working_set: Option<u64>,
    pub(crate) anonymous: Option<u64>,
    /// Shared memory, with the shared buffers.
    pub(crate) shared: Option<u64>,
    pub(crate) oom_kills: Option<u64>,
}

/// The periods of the CPU limit since the group was created.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Throttling {
    /// In which a process of the group could run.
    pub(crate) periods: u64,
    /// In which the limit was reached.
    pub(crate) throttled_periods: u64,
    pub(crate) throttled_seconds: f64,
}

/// What processes wait for (pressure stall information).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PressureResource {
    Cpu,
    Memory,
    Io,
}

impl PressureResource {
    pub(crate) const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Io];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Io => "io",
        }
    }
}

/// How many of the processes wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PressureKind {
    /// At least one.
    Some,
    /// All that are not idle.
    Full,
}

impl PressureKind {
    pub(crate) const ALL: [Self; 2] = [Self::Some, Self::Full];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Some => "some",
            Self::Full => "full",
        }
    }
}
