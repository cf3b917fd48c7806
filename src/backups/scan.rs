//! One scan: lists the directories, looks at the files that decide, and reports the newest backup of each subject.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;

use super::BackupDirectory;
use super::cache::Cache;
use super::file::open_root;
use super::group::{Dated, Group, earlier_sizes};
use super::inspect::{Inspection, Proof, inspect};
use super::listing::{Candidate, Lister, Listing};
use super::pace::Pace;
use super::report::{DirectoryProblem, DirectoryReport, Report, Subject};
use super::subjects::{Content, Judged, Subjects};
use crate::names::readable;

/// Names with files of their own in one directory: each takes about 2 kB. If a directory has more, none of its files is judged.
const MAX_NAMES: usize = 5000;
/// In seconds. `pg_dump` may still write a file that is not complete and changed less than this ago: it may wait for a lock.
const SETTLED: i64 = 600;
/// In seconds. A file that changed less than this ago is read at the next scan.
const QUIET: i64 = 60;
/// Complete files of another database than the name says, after which older ones are not read.
const FOREIGN_FILES: usize = 3;

/// How often the caller scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A single scan: it reads files itself, also those that changed just now.
    Once,
    /// One of many scans: it reads no file, and leaves the names of those to read in the cache. A file is to be read once it has
    /// not changed since the last scan, or for a minute.
    Repeated,
}

/// Scans the directories of one server.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    pub(crate) directories: &'a [BackupDirectory],
    pub(crate) pace: &'a Pace,
    pub(crate) look: Look,
}

impl Scanner<'_> {
    /// `now` is in seconds since 1970. Blocks as long as a file system hangs.
    pub(crate) fn scan(&self, known: &mut Cache, now: i64) -> Report {
        known.begin();
        let (mut report, mut subjects) = (Report::default(), Subjects::default());
        for directory in self.directories {
            report.excluded.extend(directory.exclude.iter().cloned());
            let scan = DirectoryScan {
                pace: self.pace,
                look: self.look,
                directory,
                now,
            };
            report.directories.push(scan.run(known, &mut subjects));
        }
        known.end();
        let (reports, covered) = subjects.reports();
        report.assemble(reports, &covered);
        report
    }
}

struct DirectoryScan<'a> {
    pace: &'a Pace,
    look: Look,
    directory: &'a BackupDirectory,
    now: i64,
}

/// The files of a directory by the database in their names.
struct Listed {
    root: OwnedFd,
    groups: HashMap<Option<Vec<u8>>, Group>,
    listing: Listing,
}

impl DirectoryScan<'_> {
    fn run(&self, known: &mut Cache, subjects: &mut Subjects) -> DirectoryReport {
        let path = self.directory.path.clone();
        let mut report = DirectoryReport {
            path,
            problem: None,
            files: 0,
            links: 0,
        };
        let Listed {
            root,
            groups,
            listing,
        } = match self.list() {
            Ok(listed) => listed,
            Err(error) => {
                report.problem = Some(DirectoryProblem::Unreadable(error.kind().to_string()));
                return report;
            }
        };
        report.links = listing.links;
        for (name, group) in groups {
            report.files += group.len();
            let name = name.as_deref().map(readable);
            subjects.add(
                name.as_deref(),
                self.group(&root, name.as_deref(), group, known),
            );
        }
        report.problem = if self.pace.is_stopped() {
            Some(DirectoryProblem::Stopped)
        } else if listing.is_cut_off {
            Some(DirectoryProblem::TooLarge)
        } else {
            (listing.unreadable > 0).then_some(DirectoryProblem::Folders(listing.unreadable))
        };
        report
    }

    fn list(&self) -> io::Result<Listed> {
        let root = open_root(&self.directory.path)?;
        let mut groups: HashMap<Option<Vec<u8>>, Group> = HashMap::new();
        let mut has_too_many = false;
        let mut lister = Lister {
            patterns: &self.directory.patterns,
            pace: self.pace,
            listing: Listing::default(),
            each: |candidate: Candidate| {
                let name = &candidate.named.database;
                has_too_many |= groups.len() >= MAX_NAMES && !groups.contains_key(name);
                if has_too_many {
                    groups = HashMap::new();
                } else {
                    groups
                        .entry(name.clone())
                        .or_default()
                        .add(candidate, self.now);
                }
            },
        };
        lister.list(&root, b"", 0)?;
        let mut listing = lister.listing;
        listing.is_cut_off |= has_too_many;
        if listing.is_cut_off {
            groups = HashMap::new(); // the newest of a name may not be among them
        }
        Ok(Listed {
            root,
            groups,
            listing,
        })
    }

    /// Reads the files of one name, newest first, until one is complete.
    fn group(
        &self,
        root: &OwnedFd,
        name: Option<&str>,
        group: Group,
        known: &mut Cache,
    ) -> Vec<Judged> {
        let (directory, files) = (&self.directory.path, group.unique());
        let own = name.map(|name| Subject::Database(name.to_owned()));
        let see =
            |dated: &Dated| known.see(directory, &dated.candidate.path, dated.candidate.identity);
        let unchanged: Vec<bool> = files.iter().map(see).collect();
        let (mut judged, mut foreign) = (Vec::new(), 0);
        let mut has_unread = false;
        for (n, dated) in files.iter().enumerate() {
            // An older file is read only if the newer one turns out not to be complete.
            if has_unread && known.inspection(directory, &dated.candidate.path).is_none() {
                break;
            }
            let content = self.content(root, &dated.candidate, unchanged[n], known);
            has_unread |= matches!(content, Content::Unread);
            let earlier = earlier_sizes(directory, &files[n..], known);
            let max_age = self.directory.max_age;
            let mut file = Judged::new(dated, &content, &earlier, max_age, self.now);
            let path = &dated.candidate.path;
            if let Some(complete) = file.complete() {
                known.remember(directory, path, complete);
            } else {
                file.overwritten = known.overwritten(directory, path).cloned();
            }
            let is_complete = file.is_complete();
            let is_own = own.is_none() || file.subject.is_none() || file.subject == own;
            judged.push(file);
            foreign += usize::from(is_complete && !is_own);
            if is_complete && (is_own || foreign >= FOREIGN_FILES) {
                break;
            }
        }
        judged
    }

    fn content(
        &self,
        root: &OwnedFd,
        candidate: &Candidate,
        is_unchanged: bool,
        known: &mut Cache,
    ) -> Content {
        // Negative if the clocks differ.
        let modified = candidate.identity.modified_seconds();
        let age = self.now.saturating_sub(modified);
        let path = &self.directory.path;
        if known.is_due_again(path, &candidate.path, self.now) {
            known.want(path, candidate, self.now);
        }
        let inspection = match known.inspection(path, &candidate.path) {
            Some(inspection) => inspection.clone(),
            None if self.look == Look::Repeated && !is_unchanged && age < QUIET => {
                return Content::Growing;
            }
            None if self.look == Look::Repeated => {
                known.want(path, candidate, self.now);
                return Content::Unread;
            }
            None if !self.pace.affords(candidate.identity.size) => Inspection::not_read(),
            None => {
                let Some(inspection) = inspect(root, candidate, self.pace) else {
                    return Content::Unread;
                };
                known.store(path, &candidate.path, inspection.clone());
                inspection
            }
        };
        let is_growing =
            matches!(inspection.proof, Proof::Incomplete(_)) && (-QUIET..SETTLED).contains(&age);
        if is_growing {
            Content::Growing
        } else {
            Content::Read(inspection)
        }
    }
}
