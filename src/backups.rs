//! Backup files: which there are, of which database, how old they are, and whether each is complete. The files are read, never
//! written, and nothing here knows servers or the agent's loop: a thread of the caller runs [`Scanner::scan`].
//!
//! A *subject* is what a backup is of: a database or, with `pg_dumpall`, the whole cluster. A *proof* is what the content of a
//! file says about its completeness. A *state* is what a subject's newest file means for the operator.

mod archive;
mod cache;
mod custom;
mod directory;
mod file;
mod group;
mod inspect;
mod judge;
mod listing;
mod magic;
mod pace;
mod pattern;
mod plain;
mod preset;
mod report;
mod scan;
mod stream;
mod subjects;
mod tar;
mod timestamp;
mod zstd;

use std::path::PathBuf;
use std::time::Duration;

use wildmatch::WildMatch;

pub(crate) use cache::{Cache, ReadFile, Unread};
pub(crate) use inspect::Compression;
#[cfg(test)]
pub(crate) use inspect::Format;
pub(crate) use pace::Pace;
pub(crate) use pattern::Pattern;
pub(crate) use preset::Preset;
pub(crate) use report::{
    Backup, Coverage, DirectoryReport, NewestFile, Report, State, Subject, SubjectReport,
};
pub(crate) use scan::{Look, Scanner};

/// One directory of backups, with the names of its files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BackupDirectory {
    pub(crate) path: PathBuf,
    /// The first pattern that matches a file names its database.
    pub(crate) patterns: Vec<Pattern>,
    /// The age at which the newest complete backup of a database is stale.
    pub(crate) max_age: Duration,
    /// Databases that need no backup; patterns with `*` and `?`.
    pub(crate) exclude: Vec<WildMatch>,
}

/// `backups.max_bytes_per_second` unless configured. A disk of a small server reads several times as much.
pub(crate) const DEFAULT_BYTES_PER_SECOND: u64 = 50 << 20;

#[cfg(test)]
mod tests;
