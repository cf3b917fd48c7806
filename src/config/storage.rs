//! `servers.NAME.storage`: the capacity of the volume, and the directories whose volumes are measured. No code here looks at
//! the file system: a directory may be mounted later.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::Value;

use super::keys::Shape as _;
use super::raw::{Block, Leaf, RawStorage};
use super::redact::quoted;
use super::values::Reader;
use super::{DATA_VOLUME, StorageConfig};

/// What a path of `storage` must be.
pub(super) const VOLUME_PATH: &str =
    "the absolute path of a directory on the volume, as in /pgdata";

pub(super) fn read(reader: &mut Reader, prefix: &str, block: Block<RawStorage>) -> StorageConfig {
    let raw = reader.table(prefix, block);
    let path = directory(reader, &format!("{prefix}.path"), raw.path);
    let mut volumes = volumes(reader, prefix, raw.volumes);
    volumes.extend(path.map(|path| (DATA_VOLUME.to_owned(), path)));
    StorageConfig {
        size: reader.optional(prefix, raw.size, &RawStorage::size()),
        volumes,
        interval: reader.value(prefix, raw.interval, &RawStorage::interval()),
    }
}

/// Every volume besides [`DATA_VOLUME`].
fn volumes(
    reader: &mut Reader,
    prefix: &str,
    block: Block<BTreeMap<String, Value>>,
) -> BTreeMap<String, PathBuf> {
    let table = format!("{prefix}.volumes");
    let want = format!("a table of volumes, as in {table}.wal");
    let mut volumes = BTreeMap::new();
    for (name, path) in reader.table_like(&table, block, &want) {
        let key = format!("{table}.{name}");
        if name == DATA_VOLUME {
            let want = format!("another name: the volume data is {prefix}.path");
            reader.problem(&key, "the reserved name data", want);
        } else if name.is_empty() {
            let want = format!("the name of a volume, as in {table}.wal");
            reader.problem(&table, "an empty name", want);
        } else if let Some(path) = directory(reader, &key, Some(path)) {
            volumes.insert(name, path);
        }
    }
    volumes
}

fn directory(reader: &mut Reader, key: &str, leaf: Leaf) -> Option<PathBuf> {
    let text = RawStorage::path().shape.read(reader, key, leaf?)?;
    let path = PathBuf::from(&text);
    if path.is_relative() || text.contains('\0') {
        reader.problem(key, quoted(&text), VOLUME_PATH);
        return None;
    }
    reader.volume(key, &path);
    Some(path)
}
