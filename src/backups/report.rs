//! The result of a scan: the newest backup of each database, and which databases have none.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use wildmatch::WildMatch;

use super::inspect::{Compression, Format};

/// What the newest file means for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Complete,
    Incomplete,
    /// Complete, but below half of the median size of the last five.
    Shrunk,
    /// The agent may not read the file, or reading it failed.
    Unreadable,
    /// Its completeness cannot be decided, as of an encrypted file.
    Unproven,
}

impl State {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Shrunk => "shrunk",
            Self::Unreadable => "unreadable",
            Self::Unproven => "unproven",
        }
    }
}

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Database(String),
    /// All databases, by `pg_dumpall`.
    Cluster,
    /// Roles and tablespaces.
    Globals,
    /// Neither the name nor the content of the file names a database.
    Unnamed,
}

/// A complete backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Backup {
    /// Seconds since 1970. None: the file has a time in the future.
    pub(crate) time: Option<i64>,
    pub(crate) size_bytes: u64,
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    /// Below its directory.
    pub(crate) path: String,
}

/// The newest file, complete or not. A file that is still being written does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NewestFile {
    #[serde(flatten)]
    pub(crate) file: Backup,
    pub(crate) state: State,
    /// Why it is not complete: `it is cut off`.
    pub(crate) why: Option<String>,
}

/// The backups of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubjectReport {
    pub(crate) subject: Subject,
    pub(crate) newest: Option<NewestFile>,
    pub(crate) newest_complete: Option<Backup>,
    /// The newest complete backup that a file had before it was overwritten by one that is not complete. It is gone.
    pub(crate) overwritten: Option<Backup>,
    /// A newer file is still being written.
    pub(crate) is_growing: bool,
    /// A newer file is still to be read.
    pub(crate) is_unread: bool,
    /// The age at which the newest complete one is stale.
    pub(crate) max_age: Duration,
}

/// Why the files of a directory are not all known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DirectoryProblem {
    /// It does not exist or cannot be read.
    Unreadable(String),
    /// The number of folders below it that cannot be read, or are more than eight levels deep.
    Folders(usize),
    /// It has too many files to list, or files of too many names.
    TooLarge,
    /// The scan was stopped before it ended.
    Stopped,
}

/// A directory that was scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectoryReport {
    pub(crate) path: PathBuf,
    pub(crate) problem: Option<DirectoryProblem>,
    /// Files whose names match.
    pub(crate) files: usize,
    /// Symbolic links to other folders, which are not followed.
    pub(crate) links: usize,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    pub(crate) directories: Vec<DirectoryReport>,
    /// Sorted by subject. A database that only `pg_dumpall` backs up is listed too.
    pub(crate) subjects: Vec<SubjectReport>,
    /// Files whose content is still to be read.
    pub(crate) unread: usize,
    /// Databases that need no backup.
    pub(crate) excluded: Vec<WildMatch>,
}

impl DirectoryReport {
    /// None: all its files are known.
    pub(crate) fn problem_text(&self) -> Option<String> {
        Some(match self.problem.as_ref()? {
            DirectoryProblem::Unreadable(why) => format!("cannot be read: {why}"),
            DirectoryProblem::Folders(count) => format!("{count} of its folders cannot be read"),
            DirectoryProblem::TooLarge => "has too many files to list".to_owned(),
            DirectoryProblem::Stopped => "took too long to read".to_owned(),
        })
    }
}

impl Report {
    /// The backups of a database.
    pub(crate) fn database(&self, name: &str) -> Option<&SubjectReport> {
        let of = |report: &SubjectReport| match &report.subject {
            Subject::Database(own) => own.as_str().cmp(name),
            Subject::Cluster | Subject::Globals | Subject::Unnamed => Ordering::Greater,
        };
        let at = self.subjects.binary_search_by(of).ok()?;
        self.subjects.get(at)
    }

    /// Directories whose files are not all known.
    pub(crate) fn unreadable_directories(&self) -> usize {
        let directories = self.directories.iter();
        directories.filter(|it| it.problem.is_some()).count()
    }
}

/// Databases compared with backups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Coverage {
    /// Databases without a backup that may be complete.
    pub(crate) databases_without_backup: Vec<String>,
    /// Databases that have backups and do not exist, because they were dropped or renamed.
    pub(crate) backups_without_database: Vec<String>,
}

impl SubjectReport {
    pub(super) fn new(subject: Subject, max_age: Duration) -> Self {
        Self {
            subject,
            newest: None,
            newest_complete: None,
            overwritten: None,
            is_growing: false,
            is_unread: false,
            max_age,
        }
    }

    pub(crate) fn state(&self) -> Option<State> {
        self.newest.as_ref().map(|newest| newest.state)
    }

    /// The newest backup that is complete, or may be, because its completeness cannot be decided; also if it was overwritten since.
    /// A file that cannot be read does not count.
    pub(crate) fn last_good(&self) -> Option<&Backup> {
        let newest = self.newest.as_ref();
        let unproven = newest.filter(|newest| newest.state == State::Unproven);
        let unproven = unproven.map(|newest| &newest.file);
        let all = [&self.newest_complete, &self.overwritten].into_iter();
        let all = all.filter_map(Option::as_ref).chain(unproven);
        all.max_by_key(|backup| backup.time)
    }

    /// Whether there is a backup that is complete, or may be: the agent cannot decrypt a file to find out, and one that is being
    /// written is judged later.
    fn may_restore(&self) -> bool {
        let state = self.state();
        let may = matches!(state, Some(State::Unproven | State::Unreadable));
        self.newest_complete.is_some() || self.is_growing || may
    }

    /// Whether it is not known if there is a backup.
    fn is_unknown(&self) -> bool {
        self.is_unread && !self.may_restore()
    }

    /// Adds the backups of another subject that includes this one.
    fn include(&mut self, other: &Self) {
        let file_time = |newest: &NewestFile| newest.file.time;
        if other.newest.as_ref().map(file_time) > self.newest.as_ref().map(file_time) {
            self.newest.clone_from(&other.newest);
            self.is_growing |= other.is_growing;
            self.is_unread |= other.is_unread;
        }
        let time = |backup: &Backup| backup.time;
        if other.newest_complete.as_ref().map(time) > self.newest_complete.as_ref().map(time) {
            self.newest_complete.clone_from(&other.newest_complete);
        }
        if other.overwritten.as_ref().map(time) > self.overwritten.as_ref().map(time) {
            self.overwritten.clone_from(&other.overwritten);
        }
        self.max_age = self.max_age.min(other.max_age);
    }
}

impl Report {
    /// Adds the databases of `pg_dumpall` to the subjects, and leaves out those that need no backup.
    pub(super) fn assemble(&mut self, subjects: Vec<SubjectReport>, covered: &[String]) {
        let mut by_subject: BTreeMap<_, _> = subjects
            .into_iter()
            .map(|report| (report.subject.clone(), report))
            .collect();
        if let Some(cluster) = by_subject.get(&Subject::Cluster).cloned() {
            for name in covered {
                let subject = Subject::Database(name.clone());
                let own = by_subject
                    .entry(subject.clone())
                    .or_insert_with(|| SubjectReport::new(subject, cluster.max_age));
                own.include(&cluster);
            }
        }
        by_subject.retain(
            |subject, _| !matches!(subject, Subject::Database(name) if self.excludes(name)),
        );
        self.subjects = by_subject.into_values().collect();
    }

    fn excludes(&self, name: &str) -> bool {
        self.excluded.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether all files of all directories are known.
    pub(crate) fn is_whole(&self) -> bool {
        self.directories
            .iter()
            .all(|directory| directory.problem.is_none())
    }

    /// Compares the backups with the databases of the server. `existing` is every database; `watched` those that should have a
    /// backup. None: it is not known, because a directory cannot be read, or because of a file that is still to be read or whose
    /// databases are not known.
    pub(crate) fn coverage<'a>(
        &self,
        existing: impl IntoIterator<Item = &'a str>,
        watched: impl Fn(&str) -> bool,
    ) -> Option<Coverage> {
        let is_opaque = |report: &SubjectReport| match report.subject {
            Subject::Cluster => report.newest_complete.is_none() && report.may_restore(),
            Subject::Unnamed => report.may_restore(),
            Subject::Database(_) | Subject::Globals => false,
        };
        let is_unknown = |report: &SubjectReport| is_opaque(report) || report.is_unknown();
        if !self.is_whole() || self.subjects.iter().any(is_unknown) {
            return None;
        }
        let existing: BTreeSet<&str> = existing.into_iter().collect();
        let mut backed_up = BTreeSet::new();
        for report in &self.subjects {
            if let (Subject::Database(name), true) = (&report.subject, report.may_restore()) {
                backed_up.insert(name.as_str());
            }
        }
        let owned = |name: &&str| (*name).to_owned();
        let missing = existing
            .difference(&backed_up)
            .filter(|name| watched(name) && !self.excludes(name));
        Some(Coverage {
            databases_without_backup: missing.map(owned).collect(),
            backups_without_database: backed_up.difference(&existing).map(owned).collect(),
        })
    }
}
