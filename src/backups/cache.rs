//! What earlier scans found, so that every version of a file is read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::file::Identity;
use super::inspect::{Inspection, Proof};

/// Sizes that are kept of the earlier contents of a path.
pub(super) const KEPT_SIZES: usize = 5;

/// Only files of the last scan are remembered.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    files: HashMap<(PathBuf, Vec<u8>), Known>,
    scan: u64,
}

#[derive(Debug)]
struct Known {
    identity: Identity,
    inspection: Option<Inspection>,
    /// Of the earlier complete contents, newest first: for a job that overwrites its file.
    sizes: Vec<u64>,
    scan: u64,
}

impl Cache {
    pub(super) fn begin(&mut self) {
        self.scan += 1;
    }

    /// Forgets the files that this scan has not seen.
    pub(super) fn end(&mut self) {
        let scan = self.scan;
        self.files.retain(|_, known| known.scan == scan);
    }

    /// Notes that a file exists. Returns whether it was the same at the last scan.
    pub(super) fn see(&mut self, directory: &Path, path: &[u8], identity: Identity) -> bool {
        let scan = self.scan;
        let key = (directory.to_owned(), path.to_vec());
        let Some(known) = self.files.get_mut(&key) else {
            let known = Known {
                identity,
                inspection: None,
                sizes: Vec::new(),
                scan,
            };
            self.files.insert(key, known);
            return false;
        };
        known.scan = scan;
        if known.identity == identity {
            return true;
        }
        let inspection = known.inspection.take();
        if inspection.is_some_and(|earlier| earlier.proof == Proof::Complete) {
            known.sizes.insert(0, known.identity.size);
            known.sizes.truncate(KEPT_SIZES);
        }
        known.identity = identity;
        false
    }

    /// The result for a file that this scan has seen.
    pub(super) fn inspection(&self, directory: &Path, path: &[u8]) -> Option<&Inspection> {
        self.known(directory, path)?.inspection.as_ref()
    }

    pub(super) fn sizes(&self, directory: &Path, path: &[u8]) -> &[u64] {
        self.known(directory, path)
            .map_or(&[], |known| &known.sizes)
    }

    pub(super) fn store(&mut self, directory: &Path, path: &[u8], inspection: Inspection) {
        let key = (directory.to_owned(), path.to_vec());
        if let Some(known) = self.files.get_mut(&key) {
            known.inspection = Some(inspection);
        }
    }

    fn known(&self, directory: &Path, path: &[u8]) -> Option<&Known> {
        self.files.get(&(directory.to_owned(), path.to_vec()))
    }
}
