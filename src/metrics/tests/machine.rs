//! What the kernel says about the server of the fixture: its processes, and its control group.

use std::sync::Arc;
use std::time::Duration;

use crate::health::Health;
use crate::history::ProcessTotals;
use crate::outcome::Outcome;
use crate::sample::{
    Container, ContainerMemory, PageCounts, ProcessId, ProcessTable, ProcessUsage, Throttling,
};
use crate::state::Attachment;
use crate::tracker::PollTracker;

/// The first database computes, and another process has ended unseen.
pub(super) fn processes(tracker: &mut PollTracker) -> Arc<ProcessTotals> {
    let table = |seconds: f64| ProcessTable {
        postmaster: ProcessId { pid: 1, start: 1 },
        postmaster_seconds: 1.0,
        ended_seconds: seconds / 2.0,
        processes: vec![ProcessUsage {
            id: ProcessId { pid: 7, start: 9 },
            database: Some(1),
            cpu_seconds: seconds,
            pages: PageCounts {
                faults: 0,
                resident: 0,
            },
            private_bytes: Some(3 << 20),
        }],
    };
    tracker.processes(&table(10.0));
    tracker.processes(&table(12.5))
}

pub(super) fn attachment() -> Attachment<Container> {
    let mut health = Health::of(&["container"]);
    health.polled(0, Outcome::Ok, Duration::from_micros(200), 1_700_000_095.0);
    let memory = ContainerMemory {
        limit: Some(268_435_456),
        used: Some(150_000_000),
        working_set: Some(170_000_000),
        anonymous: Some(50_000_000),
        shared: Some(90_000_000),
        oom_kills: Some(1),
    };
    let container = Container {
        memory,
        cpu_limit: Some(1.5),
        throttling: Some(Throttling {
            periods: 400,
            throttled_periods: 100,
            throttled_seconds: 2.5,
        }),
        pressure: [
            [Some(7.5), Some(0.25)],
            [Some(0.0), Some(0.0)],
            [Some(1.0), Some(0.5)],
        ],
    };
    Attachment::new(Ok(container), health)
}
