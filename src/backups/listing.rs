//! Lists the files of a directory that match its patterns. Keeps nothing in memory: each file is passed on at once.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Dir, FileType, readlinkat};

use super::file::{Identity, kind, open_folder, stat_in};
use super::pace::Pace;
use super::pattern::{Named, Pattern};

/// Entries of one directory with all its folders. A listing with more is cut off, and says so.
const MAX_ENTRIES: usize = 1_000_000;
/// Folders below the directory.
const MAX_DEPTH: usize = 8;

/// A file, or a folder with a dump in directory format.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Relative to the directory.
    pub(super) path: Vec<u8>,
    pub(super) identity: Identity,
    pub(super) is_folder: bool,
    pub(super) named: Named,
    /// The index of the pattern that matched.
    pub(super) pattern: usize,
}

/// What a listing left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) entries: usize,
    /// Links that would match, and lead to another folder.
    pub(super) links: usize,
    /// Folders that cannot be read, or are too deep.
    pub(super) unreadable: usize,
    pub(super) is_cut_off: bool,
}

pub(super) struct Lister<'a, F> {
    pub(super) patterns: &'a [Pattern],
    pub(super) pace: &'a Pace,
    pub(super) listing: Listing,
    pub(super) each: F,
}

impl<F: FnMut(Candidate)> Lister<'_, F> {
    /// Lists a folder. An error is only that of the folder itself.
    pub(super) fn list(&mut self, folder: &OwnedFd, prefix: &[u8], depth: usize) -> io::Result<()> {
        let mut entries = Dir::read_from(folder)?;
        for entry in &mut entries {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            self.listing.entries += 1;
            self.pace.step();
            if self.listing.entries > MAX_ENTRIES || self.pace.is_stopped() {
                self.listing.is_cut_off = true;
                return Ok(());
            }
            let path = [prefix, name].concat();
            match entry.file_type() {
                // ext4 makes it on every volume, for root only, and no tool writes backups there.
                FileType::Directory if depth == 0 && name == b"lost+found" => {}
                FileType::Directory => self.folder(folder, path, name, depth),
                FileType::RegularFile | FileType::Symlink | FileType::Unknown => {
                    self.file(folder, path, name, depth);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn named(&self, path: &[u8]) -> Option<(usize, Named)> {
        let patterns = self.patterns.iter().enumerate();
        let mut patterns = patterns;
        patterns.find_map(|(n, pattern)| Some((n, pattern.matches(path)?)))
    }

    fn file(&mut self, folder: &OwnedFd, path: Vec<u8>, name: &[u8], depth: usize) {
        let Ok(stat) = stat_in(folder, name) else {
            return; // deleted since
        };
        match kind(&stat) {
            FileType::Directory => self.folder(folder, path, name, depth),
            FileType::Symlink => {
                let counts = self.named(&path).is_some() && leads_elsewhere(folder, name);
                self.listing.links += usize::from(counts);
            }
            FileType::RegularFile => {
                if let Some((pattern, named)) = self.named(&path) {
                    let identity = Identity::of(&stat);
                    (self.each)(Candidate {
                        path,
                        identity,
                        is_folder: false,
                        named,
                        pattern,
                    });
                }
            }
            _ => {}
        }
    }

    /// A folder whose name matches is a dump in directory format, unless it holds other files.
    fn folder(&mut self, parent: &OwnedFd, path: Vec<u8>, name: &[u8], depth: usize) {
        if depth >= MAX_DEPTH {
            self.listing.unreadable += 1;
            return;
        }
        let Ok(folder) = open_folder(parent, name) else {
            self.listing.unreadable += 1;
            return;
        };
        let named = self.named(&path);
        let has_contents = stat_in(&folder, b"toc.dat").is_ok();
        match named {
            Some((pattern, named)) if has_contents || is_part_of_dump(&folder) => {
                match folder_identity(&folder) {
                    Ok(identity) => {
                        (self.each)(Candidate {
                            path,
                            identity,
                            is_folder: true,
                            named,
                            pattern,
                        });
                    }
                    Err(_) => self.listing.unreadable += 1,
                }
            }
            None if has_contents => {}
            _ => {
                let prefix = [&path, b"/".as_slice()].concat();
                if self.list(&folder, &prefix, depth + 1).is_err() {
                    self.listing.unreadable += 1;
                }
            }
        }
    }
}

/// A link to a file in the same folder, such as `shop-latest.sql`, is left out silently: that file is listed.
fn leads_elsewhere(folder: impl AsFd, name: &[u8]) -> bool {
    let target = readlinkat(folder, name, Vec::new());
    target.is_ok_and(|target| target.to_bytes().contains(&b'/'))
}

/// Whether a folder without a table of contents is empty, or has the data of a table: then the dump was interrupted or damaged.
fn is_part_of_dump(folder: &OwnedFd) -> bool {
    let Ok(mut entries) = Dir::read_from(folder) else {
        return false;
    };
    let mut is_empty = true;
    for entry in entries.by_ref().flatten() {
        let name = entry.file_name().to_bytes();
        if name.ends_with(b".dat") || name.ends_with(b".dat.gz") || name.ends_with(b".dat.zst") {
            return true;
        }
        is_empty &= matches!(name, b"." | b"..");
    }
    is_empty
}

/// The sum of the sizes and the latest time of the files of a dump in directory format.
pub(super) fn folder_identity(folder: &OwnedFd) -> io::Result<Identity> {
    let own = rustix::fs::fstat(folder)?;
    let mut whole = Identity {
        size: 0,
        ..Identity::of(&own)
    };
    for entry in (&mut Dir::read_from(folder)?).take(MAX_ENTRIES) {
        let entry = entry?;
        let Ok(stat) = stat_in(folder, entry.file_name().to_bytes()) else {
            continue;
        };
        if kind(&stat) == FileType::RegularFile {
            let file = Identity::of(&stat);
            whole.size += file.size;
            whole.modified = whole.modified.max(file.modified);
        }
    }
    Ok(whole)
}
