//! Connection slots against the memory.

use super::{Capacity, Finding, Kind, Plan};

/// A backend without a query, in bytes: its catalogue caches and stack. Measured, with tens of tables.
const BACKEND_BYTES: u64 = 5 << 20;

/// PostgreSQL's defaults, assumed where neither a flag nor a server says otherwise.
const MAX_CONNECTIONS: u32 = 100;
const SHARED_BUFFERS: u64 = 128 << 20;
const WORK_MEM: u64 = 4 << 20;

/// What PostgreSQL takes if each connection sorts once: `work_mem` applies to each sort or hash of a query.
pub(super) fn memory(capacity: &Capacity, plan: &mut Plan) {
    let Some(memory) = capacity.memory else {
        plan.unchecked
            .push("connections against the memory: servers.NAME.memory, or --memory");
        return;
    };
    let mib = |bytes: u64| bytes >> 20;
    let mut assumed = Vec::new();
    let connections = capacity.max_connections.or(capacity.slots);
    let connections = connections.unwrap_or_else(|| {
        assumed.push(format!("max_connections of {MAX_CONNECTIONS}"));
        MAX_CONNECTIONS
    });
    let mut bytes = |known: Option<u64>, name: &str, default: u64| {
        known.unwrap_or_else(|| {
            assumed.push(format!("{name} of {} MiB", mib(default)));
            default
        })
    };
    let buffers = bytes(capacity.shared_buffers, "shared_buffers", SHARED_BUFFERS);
    let work = bytes(capacity.work_mem, "work_mem", WORK_MEM);
    let worst = buffers + u64::from(connections) * (BACKEND_BYTES + work);
    if !assumed.is_empty() {
        plan.assumed = Some(format!("{}, PostgreSQL's defaults", assumed.join(", ")));
    }
    if worst > memory {
        let text = format!(
            "{connections} connections with work_mem of {} MiB and shared_buffers of {} MiB can take {} MiB of {} MiB of memory",
            mib(work),
            mib(buffers),
            mib(worst),
            mib(memory)
        );
        plan.findings
            .push(Finding::of(Kind::MemoryAboveLimit, None, text));
    }
}
