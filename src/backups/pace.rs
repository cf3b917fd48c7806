//! Limits how fast backups are read, and stops reading on request.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{Advice, fadvise};
use tokio::time::Instant;

/// The limit of one thread. `stop` ends its work at the next read.
#[derive(Debug)]
pub(crate) struct Pace {
    bytes_per_second: u64,
    stop: Arc<AtomicBool>,
    /// Entries listed and reads done. A thread that does not count for long hangs.
    steps: AtomicU64,
    /// The total size of the files that may still be read.
    budget: AtomicU64,
}

/// The cause of an error if the scan was stopped.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub(super) struct Stopped;

impl Pace {
    pub(crate) fn new(bytes_per_second: u64, stop: Arc<AtomicBool>) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            stop,
            steps: AtomicU64::new(0),
            budget: AtomicU64::new(u64::MAX),
        }
    }

    /// Larger files are not read, and none after files of this size in total.
    pub(crate) fn with_budget(self, bytes: u64) -> Self {
        Self {
            budget: AtomicU64::new(bytes),
            ..self
        }
    }

    /// Takes a file of this size out of the budget, if it fits.
    pub(super) fn affords(&self, size: u64) -> bool {
        let left = self.budget.load(Ordering::Relaxed).checked_sub(size);
        if let Some(left) = left {
            self.budget.store(left, Ordering::Relaxed);
        }
        left.is_some()
    }

    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// How long reading this number of bytes should take.
    fn time_for(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// A file that is read at this pace. What was read is dropped from the page cache, which belongs to PostgreSQL's data.
pub(super) struct PacedFile<'a> {
    file: File,
    pace: &'a Pace,
    since: Instant,
    /// Bytes since `since`.
    read: u64,
}

/// Bytes after which the reader compares its time with its pace.
const STEP: u64 = 1 << 20;

impl<'a> PacedFile<'a> {
    pub(super) fn new(file: File, pace: &'a Pace) -> Self {
        Self {
            file,
            pace,
            since: Instant::now(),
            read: 0,
        }
    }

    fn wait(&mut self) -> io::Result<()> {
        let ahead = self
            .pace
            .time_for(self.read)
            .saturating_sub(self.since.elapsed());
        let end = Instant::now() + ahead.min(Duration::from_hours(1));
        while let Some(left) = end
            .checked_duration_since(Instant::now())
            .filter(|it| !it.is_zero())
        {
            if self.pace.is_stopped() {
                return Err(io::Error::other(Stopped));
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
        (self.since, self.read) = (Instant::now(), 0);
        let position = self.file.stream_position()?;
        let _ = fadvise(
            &self.file,
            0,
            std::num::NonZeroU64::new(position),
            Advice::DontNeed,
        );
        Ok(())
    }
}

impl Read for PacedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.pace.is_stopped() {
            return Err(io::Error::other(Stopped));
        }
        let read = self.file.read(buffer)?;
        self.pace.step();
        self.read += read as u64;
        if self.read >= STEP.min(self.pace.bytes_per_second) {
            self.wait()?;
        }
        Ok(read)
    }
}

impl Seek for PacedFile<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
