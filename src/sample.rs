//! Plain rows as a source returned them in one poll; nothing is computed from them. A value that may be unknown is an
//! `Option`, never 0. No driver types, no limits, no labels.

pub(crate) mod access;
mod activity;
pub(crate) mod archive;
mod catalogue;
mod host;
pub(crate) mod pooler;
pub(crate) mod probe;
pub(crate) mod readings;
pub(crate) mod replication;
mod server;
pub(crate) mod server_stats;
pub(crate) mod sessions;
pub(crate) mod settings;
mod sizes;
pub(crate) mod statements;
mod statistics;
mod storage;

pub(crate) use activity::{Activity, Sessions, WaitClass};
pub(crate) use catalogue::{Catalogue, Database, Fingerprint, Role};
pub(crate) use host::{
    Container, ContainerMemory, ListedProcess, PageCounts, PressureKind, PressureResource,
    ProcessId, ProcessTable, ProcessUsage, ServerProcesses, Throttling,
};
pub(crate) use readings::Readings;
pub(crate) use server::{Backend, ServerInfo, Support};
pub(crate) use sizes::{Size, SizeMeasurement};
pub(crate) use statistics::{DatabaseStats, SessionCounts, Stats};
pub(crate) use storage::{Inodes, Space, Volume};

/// An object identifier of the server's catalogue. A database that is dropped and created again gets a new one.
pub(crate) type Oid = u32;
