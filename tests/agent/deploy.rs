//! The files for containers, as far as they can be tested without a container engine.

mod applications;
mod backup;
mod compose;
mod refusals;

use std::path::{Path, PathBuf};

/// A file or folder of the project.
fn project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
