//! Storage: what is known of it from PostgreSQL, from the volumes, and from the configuration.

use crate::sample::Space;

/// Bytes on the server's volumes, by what they are for. None: unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StorageParts {
    /// All databases, with those that have no series.
    pub(crate) databases: Option<u64>,
    pub(crate) wal: Option<u64>,
    /// Without the files of parallel queries, which no function of PostgreSQL shows.
    pub(crate) temporary: Option<u64>,
}

impl StorageParts {
    /// None: a part is unknown.
    pub(crate) fn total(&self) -> Option<u64> {
        Some(self.databases? + self.wal? + self.temporary?)
    }
}

/// All that is known about the storage of a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Storage<'a> {
    pub(crate) parts: StorageParts,
    /// The configured capacity in bytes.
    pub(crate) size: Option<u64>,
    /// The volumes that are configured, and their space if it was measured.
    pub(crate) volumes: Vec<(&'a str, Option<&'a Space>)>,
}

impl Storage<'_> {
    /// What is left of the configured capacity.
    pub(crate) fn configured_available(&self) -> Option<u64> {
        Some(self.size?.saturating_sub(self.parts.total()?))
    }

    /// Used space of the volume that is none of the parts. Only if there is one volume: with several, the parts are on unknown
    /// ones.
    pub(crate) fn other(&self) -> Option<u64> {
        let [(_, space)] = self.volumes.as_slice() else {
            return None;
        };
        Some((*space)?.used.saturating_sub(self.parts.total()?))
    }

    /// Used and capacity of the fullest volume: measured, or else configured.
    pub(crate) fn fullest(&self) -> Option<(u64, u64)> {
        let measured = self.volumes.iter().filter_map(|(_, space)| *space);
        let measured = measured.map(|space| (space.unavailable(), space.capacity));
        let measured = measured.filter(|(_, capacity)| *capacity > 0);
        let share = |(used, capacity): &(u64, u64)| *used as f64 / *capacity as f64;
        let fullest = measured.max_by(|a, b| share(a).total_cmp(&share(b)));
        fullest.or_else(|| Some((self.parts.total()?, self.size?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: StorageParts = StorageParts {
        databases: Some(50),
        wal: Some(20),
        temporary: Some(5),
    };

    fn space(used: u64, available: u64) -> Space {
        Space {
            capacity: 200,
            available,
            used,
            inodes: None,
        }
    }

    #[test]
    fn the_configured_capacity_less_the_parts_is_available() {
        let mut storage = Storage {
            parts: PARTS,
            size: Some(100),
            volumes: Vec::new(),
        };
        assert_eq!(storage.configured_available(), Some(25));
        assert_eq!(storage.fullest(), Some((75, 100)));
        storage.size = Some(60);
        assert_eq!(storage.configured_available(), Some(0));
        storage.parts.wal = None;
        assert_eq!(storage.configured_available(), None, "a part is unknown");
        assert_eq!(storage.fullest(), None);
    }

    #[test]
    fn what_is_none_of_the_parts_is_other() {
        let (full, empty) = (space(90, 100), space(10, 180));
        let mut storage = Storage {
            parts: PARTS,
            size: Some(1000),
            volumes: vec![("data", Some(&full))],
        };
        assert_eq!(storage.other(), Some(15));
        // Ten blocks are reserved for root: they are neither used nor available.
        assert_eq!(storage.fullest(), Some((100, 200)));
        storage.volumes.push(("wal", Some(&empty)));
        assert_eq!(storage.other(), None, "which part is on which is unknown");
        assert_eq!(storage.fullest(), Some((100, 200)));
        storage.volumes = vec![("data", None)];
        assert_eq!(storage.other(), None);
    }
}
