//! Properties of the room: hostile content never panics, memory is constant, and scans remember what they read.

mod fuzz;
mod memory;
mod scans;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::{BackupDirectory, Pace, Pattern};

fn pace() -> Pace {
    Pace::new(u64::MAX, Arc::new(AtomicBool::new(false)))
}

fn directory(path: &std::path::Path, pattern: &str) -> BackupDirectory {
    BackupDirectory {
        path: path.to_owned(),
        patterns: vec![Pattern::parse(pattern).expect("a good pattern")],
        max_age: Duration::from_hours(26),
        exclude: Vec::new(),
    }
}
