//! The newest files of one name, newest first. Bounded, because a directory may hold years of backups.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::path::Path;

use super::cache::{Cache, KEPT_SIZES};
use super::inspect::Proof;
use super::judge::backup_time;
use super::listing::Candidate;

/// Files of one name that are remembered. A job that fails every hour fills it in a day and a half.
const FILES: usize = 36;

/// A file with the time of its backup, as far as its name and modification time tell.
pub(super) struct Dated {
    pub(super) candidate: Candidate,
    pub(super) time: Option<i64>,
}

#[derive(Default)]
pub(super) struct Group(Vec<Dated>);

impl Dated {
    /// Newest first. A file with a time in the future comes last, because its age is not known. Equal times go by name.
    fn order(&self, other: &Self) -> Ordering {
        let key = |dated: &Self| (dated.time, dated.candidate.identity.modified);
        let by_name = || self.candidate.path.cmp(&other.candidate.path);
        key(other).cmp(&key(self)).then_with(by_name)
    }

    fn suffix(&self) -> Option<&[u8]> {
        let path = &self.candidate.path;
        let dot = path.iter().rposition(|byte| *byte == b'.');
        dot.map(|at| &path[at..])
    }
}

impl Group {
    pub(super) fn add(&mut self, candidate: Candidate, now: i64) {
        let modified = candidate.identity.modified_seconds();
        let time = backup_time(candidate.named.time, modified, now);
        let added = Dated { candidate, time };
        let at = self.0.partition_point(|dated| dated.order(&added).is_lt());
        if at < FILES {
            self.0.insert(at, added);
            self.0.truncate(FILES);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Without hard links to a file that is there already.
    pub(super) fn unique(self) -> Vec<Dated> {
        let mut seen = HashSet::new();
        let mut files = self.0;
        files.retain(|dated| {
            let identity = dated.candidate.identity;
            seen.insert((identity.device, identity.inode))
        });
        files
    }
}

/// The sizes of up to five backups before the first one of `files`: older files with the same pattern and suffix, or else earlier
/// contents of the same path.
pub(super) fn earlier_sizes(directory: &Path, files: &[Dated], known: &Cache) -> Vec<u64> {
    let Some((newest, older)) = files.split_first() else {
        return Vec::new();
    };
    let is_comparable = |dated: &&Dated| {
        let inspection = known.inspection(directory, &dated.candidate.path);
        let is_bad = inspection.is_some_and(|it| matches!(it.proof, Proof::Incomplete(_)));
        let is_alike = dated.candidate.pattern == newest.candidate.pattern
            && dated.suffix() == newest.suffix();
        is_alike && !is_bad && dated.candidate.identity.size > 0
    };
    let sizes = older
        .iter()
        .filter(is_comparable)
        .map(|dated| dated.candidate.identity.size);
    let sizes: Vec<_> = sizes.take(KEPT_SIZES).collect();
    if sizes.is_empty() {
        return known.sizes(directory, &newest.candidate.path).to_vec();
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backups::file::Identity;
    use crate::backups::pattern::Named;

    fn candidate(modified: i64, inode: u64) -> Candidate {
        Candidate {
            path: format!("shop-{modified}").into_bytes(),
            identity: Identity {
                size: 1,
                modified: i128::from(modified) * 1_000_000_000,
                inode,
                device: 1,
            },
            is_folder: false,
            named: Named::default(),
            pattern: 0,
        }
    }

    #[test]
    fn only_the_newest_files_are_kept_in_any_order() {
        let (mut rising, mut falling) = (Group::default(), Group::default());
        for n in 0..1000 {
            rising.add(candidate(n, 0), 5000);
            falling.add(candidate(999 - n, n.unsigned_abs()), 5000);
        }
        assert_eq!((rising.len(), falling.len()), (FILES, FILES));
        let newest = |group: Group| group.unique().first().map(|dated| dated.time);
        assert_eq!(
            (newest(rising), newest(falling)),
            (Some(Some(999)), Some(Some(999)))
        );
    }

    #[test]
    fn hard_links_are_one_file_and_the_future_comes_last() {
        let mut group = Group::default();
        for (modified, inode) in [(9000, 1), (10, 2), (20, 3), (15, 3)] {
            group.add(candidate(modified, inode), 100);
        }
        let times: Vec<_> = group.unique().iter().map(|dated| dated.time).collect();
        assert_eq!(times, [Some(20), Some(10), None]);
    }
}
