//! The space of one file system, as `statvfs(3)` returns it.

/// Bytes and inodes of the file system that a directory is on. Two volumes may be on one file system, so spaces must not be
/// added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    /// `f_blocks` × `f_frsize`.
    pub(crate) capacity: u64,
    /// `f_bavail` × `f_frsize`: what processes without privileges can still write, as `df` shows it. The blocks that ext4
    /// reserves for root are not in it: PostgreSQL does not run as root.
    pub(crate) available: u64,
    /// (`f_blocks` - `f_bfree`) × `f_frsize`: in use, by PostgreSQL and by everything else on the file system.
    pub(crate) used: u64,
    /// None: the file system has no fixed number of inodes (btrfs).
    pub(crate) inodes: Option<Inodes>,
}

impl Space {
    /// In use, or reserved for root.
    pub(crate) fn unavailable(&self) -> u64 {
        self.capacity.saturating_sub(self.available)
    }
}

/// PostgreSQL needs an inode for every file that it creates: without one, it stops as if the disk was full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inodes {
    /// `f_files`. XFS changes it as the free space changes.
    pub(crate) capacity: u64,
    /// `f_favail`.
    pub(crate) available: u64,
}

/// A volume by its configured name: its space, or in one line why that is unknown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Volume {
    pub(crate) name: String,
    pub(crate) space: Result<Space, String>,
}
