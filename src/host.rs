//! Reads what the kernel says about the processes of a PostgreSQL server on the same machine: `/proc` and the tree of control
//! groups. The processes are visible only if the agent shares their PID namespace. A process counts as PostgreSQL's only after a
//! check: in another namespace the same PID is another process.

mod cgroup;
mod processes;
mod stat;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use cgroup::{CgroupTree, ContainerMeter};
pub(crate) use processes::{HostQuestion, HostReading, boot_clock, look};

/// What makes the processes visible.
const SHARE: &str = "let the agent share the PID namespace of PostgreSQL, in compose with `pid: \"service:postgres\"`";

#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    #[error("process {pid} of PostgreSQL is not in /proc: {SHARE}")]
    NotVisible { pid: i32 },
    #[error("process {pid} in /proc is not PostgreSQL's: {SHARE}")]
    OtherProcess { pid: i32 },
    #[error("cannot read {}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: not in the form of proc(5)", .path.display())]
    Malformed { path: PathBuf },
    #[error(
        "the control group of PostgreSQL is not in {trees}: mount the host's tree, in compose with `- /sys/fs/cgroup:/host/cgroup:ro`"
    )]
    NoGroup { trees: String },
    #[error("PostgreSQL is in the root control group, which has no limits")]
    RootGroup,
    #[error("the postmaster has ended, and its control group too")]
    Ended,
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
}
