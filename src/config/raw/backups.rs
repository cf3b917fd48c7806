//! `backups` and `servers.NAME.backups` before validation. The doc comment of a key is its meaning in `docs/configuration.md`.

use std::collections::BTreeMap;

use config::Value;
use serde::Deserialize;

use super::super::backups::{DIRECTORY, FilePattern};
use super::super::keys::{Content, Key, Table, path, plain};
#[cfg(test)]
use super::super::reference::{Row, Section};
use super::super::shapes::{Choice, Durations, Filled, List, Size};
use super::{Leaf, MINUTE, SECOND, YEAR, table};
use crate::backups::Preset;

table!(
/// How backup files are read. See [backups.md](backups.md).
RawBackups {
    /// How often the agent lists the directories. If listing takes long, less often.
    interval: Durations(SECOND..=MINUTE) = "15s";
    /// How many bytes of backup files are read in a second, for each server. Each version of a file is read once.
    max_bytes_per_second: Size() = "50MiB";
});
table!(
/// One directory of backups.
RawBackup {
    /// The directory.
    path: Filled(DIRECTORY);
    /// The names of its files. Before the patterns of `preset`.
    pattern: FilePattern();
    /// The tool that names the files.
    preset: Choice<Preset>(&Preset::ALL);
    /// The age at which the newest complete backup of a database is stale. By default a day and two hours, because a nightly job does
    /// not always start at the same minute.
    max_age: Durations(MINUTE..=YEAR) = "26h";
    /// Databases that need no backup.
    exclude: List("[postgres, scratch_*]");
});
