//! `servers.NAME.machine`: what is read of the machine that PostgreSQL runs on. No code here looks at the file system.

use std::path::PathBuf;

use config::{Value, ValueKind};
use serde::Deserialize as _;

use super::HostConfig;
use super::keys::{Shape as _, Table as _, path};
use super::raw::{Block, RawMachine, RawServer};
use super::redact::quoted;
use super::values::Reader;
use crate::host::CgroupTree;

/// What `cgroup` must be.
pub(super) const CGROUP: &str =
    "auto, or the absolute path of a mount of the tree of control groups, as in /host/cgroup";

pub(super) fn read(reader: &mut Reader, server: &str, raw: &mut RawServer) -> HostConfig {
    let (key, block) = match given_as_host(raw) {
        Some(block) => ("host", block),
        None => ("machine", std::mem::take(&mut raw.machine)),
    };
    let prefix = &path(server, key);
    let raw = reader.table(prefix, block);
    let key = RawMachine::cgroup();
    let text = raw
        .cgroup
        .and_then(|leaf| key.shape.read(reader, &format!("{prefix}.cgroup"), leaf));
    HostConfig {
        processes: reader.value(prefix, raw.processes, &RawMachine::processes()),
        cgroup: text.and_then(|text| tree(reader, prefix, &text)),
    }
}

/// `host` is the name of the server, or, if `machine` is not there, this table.
fn given_as_host(raw: &mut RawServer) -> Option<Block<RawMachine>> {
    let is_free = match &raw.machine {
        Block::Given(it) => {
            it.processes.is_none() && it.cgroup.is_none() && it.unknown().is_empty()
        }
        Block::Wrong(_) => false,
    };
    let is_table = |value: &mut Value| is_free && matches!(value.kind, ValueKind::Table(_));
    let value = raw.host.take_if(is_table)?;
    RawMachine::deserialize(value).ok().map(Block::Given)
}

fn tree(reader: &mut Reader, prefix: &str, text: &str) -> Option<CgroupTree> {
    let path = PathBuf::from(text);
    if text == "auto" {
        Some(CgroupTree::Auto)
    } else if path.is_relative() || text.contains('\0') {
        reader.problem(&format!("{prefix}.cgroup"), quoted(text), CGROUP);
        None
    } else {
        Some(CgroupTree::At(path))
    }
}
