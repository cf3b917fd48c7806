//! `backups` and `servers.NAME.backups`: the directories of backups, and the names of their files.

use std::path::PathBuf;

use config::{Value, ValueKind};
use serde::Deserialize as _;
use wildmatch::WildMatch;

use super::BackupCadence;
use super::keys::Shape;
use super::raw::{Block, Leaf, RawBackup, RawBackups};
use super::redact::{kind, quoted};
use super::values::Reader;
use crate::backups::{BackupDirectory, Pattern, Preset};

/// What a path of `backups` must be.
pub(super) const DIRECTORY: &str = "the absolute path of a directory";

/// What a pattern may contain.
pub(crate) const PATTERN_RULES: &str = "a relative pattern of up to 255 bytes with *, one {database}, one {timestamp} or \
     {unixtime}, {compression}, {extension}";

/// `backups`
pub(super) fn cadence(reader: &mut Reader, block: Block<RawBackups>) -> BackupCadence {
    let raw = reader.table("backups", block);
    let rate = RawBackups::max_bytes_per_second();
    BackupCadence {
        interval: reader.value("backups", raw.interval, &RawBackups::interval()),
        bytes_per_second: reader.value("backups", raw.max_bytes_per_second, &rate),
    }
}

/// A list of directories with backups.
pub(super) struct Directories();

impl Shape for Directories {
    type Value = Vec<BackupDirectory>;

    fn want(&self) -> String {
        "a list of directories, as in [{path: /backups, preset: plain}]".to_owned()
    }

    #[cfg(test)]
    fn has_variable(&self) -> bool {
        false
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Vec<BackupDirectory>> {
        let got = kind(&value);
        let ValueKind::Array(items) = value.kind else {
            reader.problem(key, got, self.want());
            return None;
        };
        let mut directories = Vec::new();
        for (n, item) in items.into_iter().enumerate() {
            let key = format!("{key}[{n}]");
            let got = kind(&item);
            match item.kind {
                ValueKind::Table(_) => directories.extend(directory(reader, &key, item)),
                _ => reader.problem(&key, got, "a table, as in {path: /backups, preset: plain}"),
            }
        }
        Some(directories)
    }
}

/// The pattern of the names of files.
pub(super) struct FilePattern();

impl Shape for FilePattern {
    type Value = Pattern;

    fn want(&self) -> String {
        "a pattern such as {database}-{timestamp}.sql.gz".to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Pattern> {
        let text = reader.text_like(key, value, &self.want())?;
        let pattern = Pattern::parse(&text);
        if pattern.is_none() {
            reader.problem(key, quoted(&text), PATTERN_RULES);
        }
        pattern
    }
}

fn directory(reader: &mut Reader, table: &str, item: Value) -> Option<BackupDirectory> {
    let raw = RawBackup::deserialize(item).ok()?; // a table of any values
    reader.unknown(table, &raw);
    let path = path(reader, table, raw.path);
    let patterns = patterns(reader, table, raw.pattern, raw.preset);
    let max_age = reader.value(table, raw.max_age, &RawBackup::max_age());
    let exclude = reader.optional(table, raw.exclude, &RawBackup::exclude());
    let exclude = exclude.unwrap_or_default();
    Some(BackupDirectory {
        path: path?,
        patterns,
        max_age,
        exclude: exclude.iter().map(|text| WildMatch::new(text)).collect(),
    })
}

fn path(reader: &mut Reader, table: &str, leaf: Leaf) -> Option<PathBuf> {
    let key = format!("{table}.path");
    if leaf.is_none() {
        reader.problem(&key, "nothing", DIRECTORY);
    }
    let path = PathBuf::from(reader.optional(table, leaf, &RawBackup::path())?);
    if !path.is_absolute() {
        reader.problem(&key, "a relative path", DIRECTORY);
        return None;
    }
    Some(path)
}

/// The patterns of the preset, after one of the operator's own.
fn patterns(reader: &mut Reader, table: &str, pattern: Leaf, preset: Leaf) -> Vec<Pattern> {
    if pattern.is_none() && preset.is_none() {
        let want = format!("pattern, or preset: {}", RawBackup::preset().want());
        reader.problem(table, "neither pattern nor preset", want);
    }
    let pattern = reader.optional(table, pattern, &RawBackup::pattern());
    let preset = reader.optional(table, preset, &RawBackup::preset());
    let preset = preset.map(Preset::patterns);
    pattern
        .into_iter()
        .chain(preset.into_iter().flatten())
        .collect()
}
