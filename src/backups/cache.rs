//! What earlier scans found, so that every version of a file is read once; and which files are still to be read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::file::{Identity, open_root};
use super::inspect::{Inspection, Proof, inspect};
use super::listing::Candidate;
use super::pace::Pace;
use super::subjects::CompleteBackup;

/// Sizes that are kept of the earlier contents of a path.
pub(super) const KEPT_SIZES: usize = 5;
/// A file that could not be read is tried again after this.
const RETRY_SECONDS: i64 = 300;

/// Only files of the last scan are remembered.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    files: HashMap<(PathBuf, Vec<u8>), Known>,
    unread: Vec<Unread>,
    scan: u64,
}

/// A file whose content the last scan needed and did not have.
#[derive(Debug)]
pub(crate) struct Unread {
    directory: PathBuf,
    candidate: Candidate,
}

/// A file after an attempt to read it.
#[derive(Debug)]
pub(crate) struct ReadFile {
    file: Unread,
    inspection: Option<Inspection>,
}

impl Unread {
    /// Bytes.
    pub(crate) fn size(&self) -> u64 {
        self.candidate.identity.size
    }

    /// Blocks as long as reading takes.
    pub(crate) fn read(self, pace: &Pace) -> ReadFile {
        let root = open_root(&self.directory).ok();
        let inspection = root.and_then(|root| inspect(&root, &self.candidate, pace));
        ReadFile {
            file: self,
            inspection,
        }
    }
}

#[derive(Debug)]
struct Known {
    identity: Identity,
    inspection: Option<Inspection>,
    /// The earlier complete contents, newest first: for a job that overwrites its file.
    sizes: Vec<u64>,
    /// The last content that was complete, also after it was overwritten.
    complete: Option<CompleteBackup>,
    /// When its content was last asked for, in seconds since 1970.
    wanted: i64,
    scan: u64,
}

impl Cache {
    pub(super) fn begin(&mut self) {
        self.scan += 1;
        self.unread.clear();
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
                complete: None,
                wanted: i64::MIN,
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

    /// Keeps a complete backup until its path has another one, or no file.
    pub(super) fn remember(&mut self, directory: &Path, path: &[u8], complete: CompleteBackup) {
        let key = (directory.to_owned(), path.to_vec());
        if let Some(known) = self.files.get_mut(&key) {
            known.complete = Some(complete);
        }
    }

    /// The last complete content of a path whose content is not complete now.
    pub(super) fn overwritten(&self, directory: &Path, path: &[u8]) -> Option<&CompleteBackup> {
        self.known(directory, path)?.complete.as_ref()
    }

    pub(super) fn want(&mut self, directory: &Path, candidate: &Candidate, now: i64) {
        let key = (directory.to_owned(), candidate.path.clone());
        if let Some(known) = self.files.get_mut(&key) {
            known.wanted = now;
        }
        self.unread.push(Unread {
            directory: directory.to_owned(),
            candidate: candidate.clone(),
        });
    }

    /// Whether a file that could not be read is to be tried again: a change of its permissions changes nothing that identifies it.
    pub(super) fn is_due_again(&self, directory: &Path, path: &[u8], now: i64) -> bool {
        self.known(directory, path).is_some_and(|known| {
            let is_unreadable =
                |inspection: &Inspection| matches!(inspection.proof, Proof::Unreadable(_));
            known.inspection.as_ref().is_some_and(is_unreadable)
                && now.saturating_sub(known.wanted) >= RETRY_SECONDS
        })
    }

    /// The files whose content the last scan needed.
    pub(crate) fn take_unread(&mut self) -> Vec<Unread> {
        std::mem::take(&mut self.unread)
    }

    /// Stores the content of a file, unless the file has changed since.
    pub(crate) fn add(&mut self, read: ReadFile) {
        let Unread {
            directory,
            candidate,
        } = read.file;
        let known = self.files.get_mut(&(directory, candidate.path));
        if let Some(known) = known.filter(|known| known.identity == candidate.identity) {
            known.inspection = read.inspection;
        }
    }

    fn known(&self, directory: &Path, path: &[u8]) -> Option<&Known> {
        self.files.get(&(directory.to_owned(), path.to_vec()))
    }
}
