//! `servers.NAME.backups`: the directories of backups, and the names of their files.

use std::path::PathBuf;
use std::time::Duration;

use config::{Value, ValueKind};
use serde::Deserialize;
use wildmatch::WildMatch;

use super::raw::{Block, Leaf, RawBackup, RawBackups};
use super::redact::{kind, quoted};
use super::values::{Reader, one_of};
use crate::backups::{BackupDirectory, DEFAULT_BYTES_PER_SECOND, DEFAULT_MAX_AGE, Pattern, Preset};

const MINUTE: Duration = Duration::from_mins(1);
/// A year of 365.25 days, as durations in the configuration count them.
const MAX_AGE: Duration = Duration::from_hours(24 * 365 + 6);
const PATTERN: &str = "a pattern such as {database}-{timestamp}.sql.gz";

/// `backups.max_bytes_per_second`
pub(super) fn bytes_per_second(reader: &mut Reader, block: Block<RawBackups>) -> u64 {
    let raw = reader.table("backups", block);
    reader.unknown("backups", &raw.unknown, RawBackups::KEYS);
    let key = "backups.max_bytes_per_second";
    reader
        .bytes(key, raw.max_bytes_per_second)
        .unwrap_or(DEFAULT_BYTES_PER_SECOND)
}

/// An age at which a backup is stale.
pub(super) fn age(reader: &mut Reader, key: &str, leaf: Leaf) -> Option<Duration> {
    let is_given = leaf.is_some();
    let age = reader.duration(key, leaf, DEFAULT_MAX_AGE, MINUTE..=MAX_AGE);
    is_given.then_some(age)
}

/// `servers.NAME.backups`, a list of tables.
pub(super) fn directories(reader: &mut Reader, key: &str, leaf: Leaf) -> Vec<BackupDirectory> {
    let want = "a list of directories, as in [{path: /backups, preset: plain}]";
    let items = match leaf.map(|value| value.kind) {
        None => return Vec::new(),
        Some(ValueKind::Array(items)) => items,
        Some(other) => {
            reader.problem(key, kind(&Value::new(None, other)), want);
            return Vec::new();
        }
    };
    let numbered = items.into_iter().enumerate();
    let directories =
        numbered.filter_map(|(n, item)| directory(reader, &format!("{key}[{n}]"), item));
    directories.collect()
}

fn directory(reader: &mut Reader, key: &str, item: Value) -> Option<BackupDirectory> {
    let got = kind(&item);
    let ValueKind::Table(_) = item.kind else {
        reader.problem(key, got, "a table, as in {path: /backups, preset: plain}");
        return None;
    };
    let raw = RawBackup::deserialize(item).ok()?;
    reader.unknown(key, &raw.unknown, RawBackup::KEYS);
    let path = path(reader, &format!("{key}.path"), raw.path);
    let patterns = patterns(reader, key, raw.pattern, raw.preset);
    let max_age = age(reader, &format!("{key}.max_age"), raw.max_age);
    let exclude = reader
        .list(&format!("{key}.exclude"), raw.exclude)
        .unwrap_or_default();
    Some(BackupDirectory {
        path: path?,
        patterns: patterns?,
        max_age: max_age.unwrap_or(DEFAULT_MAX_AGE),
        exclude: exclude
            .iter()
            .map(|pattern| WildMatch::new(pattern))
            .collect(),
    })
}

fn path(reader: &mut Reader, key: &str, leaf: Leaf) -> Option<PathBuf> {
    let want = "the absolute path of a directory";
    if leaf.is_none() {
        reader.problem(key, "nothing", want);
    }
    let path = PathBuf::from(reader.nonempty_text(key, leaf, want)?);
    if !path.is_absolute() {
        reader.problem(key, "a relative path", want);
        return None;
    }
    Some(path)
}

/// The patterns of the preset, after one of the operator's own.
fn patterns(reader: &mut Reader, key: &str, pattern: Leaf, preset: Leaf) -> Option<Vec<Pattern>> {
    if pattern.is_none() && preset.is_none() {
        let want = format!("pattern, or preset: {}", one_of(&Preset::ALL));
        reader.problem(key, "neither pattern nor preset", want);
        return None;
    }
    let (pattern_key, preset_key) = (format!("{key}.pattern"), format!("{key}.preset"));
    let mut patterns = Vec::new();
    if let Some(text) = reader.nonempty_text(&pattern_key, pattern, PATTERN) {
        match Pattern::parse(&text) {
            Some(pattern) => patterns.push(pattern),
            None => reader.problem(&pattern_key, quoted(&text), PATTERN_RULES),
        }
    }
    if let Some(name) = reader.text_like(&preset_key, preset, &one_of(&Preset::ALL)) {
        let preset = reader.choice(&preset_key, Some(name), &Preset::ALL, Preset::Plain);
        patterns.extend(preset.patterns());
    }
    Some(patterns)
}

/// What a pattern may contain.
pub(crate) const PATTERN_RULES: &str = "a relative pattern of up to 255 bytes with *, one {database}, one {timestamp} or \
     {unixtime}, {compression}, {extension}";
