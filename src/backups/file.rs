//! Opens files below a directory, without following a symbolic link on the way: another user who can write there must not make
//! the agent read a file elsewhere. Devices and pipes are refused, because opening or reading one may block.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, statat};

/// A file as it was at one look. If any of these differs, its content may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// Bytes; of a dump in directory format the sum of its files.
    pub(super) size: u64,
    /// Nanoseconds since 1970; of a dump in directory format the latest of its files.
    pub(super) modified: i128,
    pub(super) inode: u64,
    pub(super) device: u64,
}

impl Identity {
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
            inode: stat.st_ino,
            device: stat.st_dev,
        }
    }

    /// Seconds since 1970.
    pub(super) fn modified_seconds(&self) -> i64 {
        i64::try_from(self.modified.div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
    }
}

pub(super) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

const COMMON: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY)
    .union(OFlags::NONBLOCK);

/// The configured directory. Its own path may contain links, because the operator wrote it.
pub(super) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(
        CWD,
        path,
        COMMON | OFlags::DIRECTORY,
        Mode::empty(),
    )?)
}

/// A folder in `parent`.
pub(super) fn open_folder(parent: impl AsFd, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = COMMON | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    Ok(openat(
        parent,
        OsStr::from_bytes(name),
        flags,
        Mode::empty(),
    )?)
}

/// A regular file in `parent`.
pub(super) fn open_in(parent: impl AsFd, name: &[u8]) -> io::Result<File> {
    let name = OsStr::from_bytes(name);
    let file = openat(parent, name, COMMON | OFlags::NOFOLLOW, Mode::empty())?;
    if kind(&fstat(&file)?) != FileType::RegularFile {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "not a regular file",
        ));
    }
    Ok(File::from(file))
}

/// The folder that contains the last component of `path`, and that component.
fn parent<'a>(root: &OwnedFd, path: &'a [u8]) -> io::Result<(OwnedFd, &'a [u8])> {
    let mut folder = root.try_clone()?;
    let mut rest = path;
    while let Some(at) = rest.iter().position(|byte| *byte == b'/') {
        folder = open_folder(&folder, &rest[..at])?;
        rest = &rest[at + 1..];
    }
    Ok((folder, rest))
}

/// A regular file at a path below the directory.
pub(super) fn open_file(root: &OwnedFd, path: &[u8]) -> io::Result<File> {
    let (folder, name) = parent(root, path)?;
    open_in(folder, name)
}

/// A folder at a path below the directory.
pub(super) fn open_path(root: &OwnedFd, path: &[u8]) -> io::Result<OwnedFd> {
    let (folder, name) = parent(root, path)?;
    open_folder(folder, name)
}

pub(super) fn stat_in(parent: impl AsFd, name: &[u8]) -> io::Result<Stat> {
    Ok(statat(
        parent,
        OsStr::from_bytes(name),
        AtFlags::SYMLINK_NOFOLLOW,
    )?)
}
