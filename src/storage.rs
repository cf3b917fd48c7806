//! Measures a volume with `statvfs(3)`, on another thread: a file system on the network may hang. Reads no file, and needs
//! only search permission on the parents of the directory.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FileType, StatVfs, stat, statfs, statvfs};
use tokio::time::timeout;

use crate::blocking::OneAtATime;
use crate::sample::{Inodes, Space};

#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasureError {
    #[error("cannot measure {}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot measure {}: {}", .path.display(), .why.text())]
    Unsuitable { path: PathBuf, why: Unsuitable },
    #[error("cannot measure {}: no answer within {}", .path.display(), humantime::format_duration(*.limit))]
    Timeout { path: PathBuf, limit: Duration },
}

/// Why the figures of a path would not be those of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsuitable {
    /// It is usually a mistake: the operator meant the directory that the file was in.
    NotDirectory,
    /// The path is in the agent's own image, so the figures would be those of the disk of the images.
    OwnImage,
    /// Not a file system on a disk or in memory, such as /proc.
    NoBlocks,
}

impl Unsuitable {
    fn text(self) -> &'static str {
        match self {
            Self::NotDirectory => "not a directory",
            Self::OwnImage => {
                "in the agent's own image, not on a volume: mount a directory of the volume there"
            }
            Self::NoBlocks => "its file system has no size",
        }
    }
}

impl MeasureError {
    /// The reason without the path.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Unreadable { source, .. } => source.to_string(),
            Self::Unsuitable { why, .. } => why.text().to_owned(),
            Self::Timeout { .. } => "no answer".to_owned(),
        }
    }
}

/// Measures one volume. A measurement that hangs occupies one thread, however often it is asked for.
#[derive(Debug, Default)]
pub(crate) struct VolumeMeter(OneAtATime<Result<Space, MeasureError>>);

impl VolumeMeter {
    /// Cancel-safe. After a timeout the next call waits for the measurement that hangs, drops its result and measures again.
    pub(crate) async fn measure(
        &mut self,
        path: &Path,
        limit: Duration,
    ) -> Result<Space, MeasureError> {
        let read = path.to_owned();
        let measured = timeout(limit, self.0.run(move || measure(&read))).await;
        measured.unwrap_or_else(|_| {
            let path = path.to_owned();
            Err(MeasureError::Timeout { path, limit })
        })
    }
}

/// Blocks while the file system hangs.
pub(crate) fn measure(path: &Path) -> Result<Space, MeasureError> {
    let unreadable = |error: rustix::io::Errno| MeasureError::Unreadable {
        path: path.to_owned(),
        source: error.into(),
    };
    let unsuitable = |why| MeasureError::Unsuitable {
        path: path.to_owned(),
        why,
    };
    let volume = stat(path).map_err(unreadable)?;
    if !FileType::from_raw_mode(volume.st_mode).is_dir() {
        return Err(unsuitable(Unsuitable::NotDirectory));
    }
    let (root, root_type) = (stat("/").map_err(unreadable)?, statfs("/"));
    let root_type = root_type.map_err(unreadable)?.f_type;
    if is_own_image(volume.st_dev, root.st_dev, root_type) {
        return Err(unsuitable(Unsuitable::OwnImage));
    }
    let space = space(&statvfs(path).map_err(unreadable)?);
    space.ok_or_else(|| unsuitable(Unsuitable::NoBlocks))
}

/// `OVERLAYFS_SUPER_MAGIC` of linux/magic.h.
const OVERLAYFS: i64 = 0x794c_7630;

/// In a container `/` is an overlay, and a directory with its device is in the image. On a host the data directory may well
/// be on the file system of `/`.
fn is_own_image(device: u64, root_device: u64, root_type: impl Into<i64>) -> bool {
    device == root_device && root_type.into() == OVERLAYFS
}

/// None: the file system has no blocks.
fn space(fs: &StatVfs) -> Option<Space> {
    let bytes = |blocks: u64| blocks.saturating_mul(fs.f_frsize);
    (fs.f_blocks > 0).then(|| Space {
        capacity: bytes(fs.f_blocks),
        available: bytes(fs.f_bavail),
        used: bytes(fs.f_blocks.saturating_sub(fs.f_bfree)),
        inodes: (fs.f_files > 0).then_some(Inodes {
            capacity: fs.f_files,
            available: fs.f_favail,
        }),
    })
}

#[cfg(test)]
mod tests;
