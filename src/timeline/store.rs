//! The file of the history in `state.dir`. It is written to another name first and then renamed, so that the process may be killed
//! at any time. Writing happens on another thread, because a file system may hang.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::{info, warn};

use super::file::{self, Damage};
use super::{Retention, Timelines};
use crate::blocking::OneAtATime;

const FILE: &str = "history";
/// The file is written every this many minutes, and at the end.
const STEP: u32 = 5;
/// How long the last write may take.
const LAST_WRITE: Duration = Duration::from_secs(2);
/// A larger file is no history: this is that of 10,000 databases.
const MOST_BYTES: u64 = 100 << 20;

#[derive(Debug, Default)]
pub(crate) struct Store {
    path: Option<PathBuf>,
    /// How many minutes are not in the file.
    unsaved: u32,
    writing: OneAtATime<io::Result<()>>,
    is_failing: bool,
}

impl Store {
    /// Reads the history. What cannot be read is set aside, and the log says why.
    pub(crate) fn open(retention: &Retention) -> (Self, Timelines) {
        let directory = retention.directory.as_ref();
        let path = directory
            .filter(|_| retention.databases > 0)
            .map(|directory| directory.join(FILE));
        let timelines = path.as_deref().map(load).unwrap_or_default();
        let store = Self {
            path,
            ..Self::default()
        };
        (store, timelines)
    }

    /// One more minute is recorded. Begins to write if it is time.
    pub(super) fn minute_ended(&mut self, timelines: &Arc<Timelines>) {
        self.unsaved += 1;
        let Some(path) = self.path.clone() else {
            return;
        };
        if self.unsaved >= STEP && self.writing.is_idle() {
            self.unsaved = 0;
            let timelines = Arc::clone(timelines);
            self.writing.begin(move || save(&path, "new", &timelines));
        }
    }

    /// Waits for the end of the current write, and logs when writing begins to fail or succeeds again. Pending while there is none.
    pub(super) async fn written(&mut self) {
        let result = self.writing.ended().await;
        match &result {
            Err(error) if !self.is_failing => {
                warn!(%error, "the history cannot be written to state.dir");
            }
            Ok(()) if self.is_failing => info!("the history is written to state.dir again"),
            Ok(()) | Err(_) => {}
        }
        self.is_failing = result.is_err();
    }
}

/// Writes the history when the process ends.
pub(crate) async fn save_at_end(retention: &Retention, timelines: Arc<Timelines>) {
    let Some(directory) = retention.directory.as_ref() else {
        return;
    };
    if retention.databases == 0 {
        return;
    }
    let path = directory.join(FILE);
    // Another name than that of a write that may still run.
    let write = spawn_blocking(move || save(&path, "last", &timelines));
    match timeout(LAST_WRITE, write).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => warn!(%error, "the history cannot be written to state.dir"),
        Ok(Err(_)) | Err(_) => warn!("the history was not written to state.dir in time"),
    }
}

/// Replaces the file as a whole.
fn save(path: &Path, extension: &str, timelines: &Timelines) -> io::Result<()> {
    let new = path.with_extension(extension);
    let file = File::create(&new)?;
    file::write(timelines, BufWriter::new(&file))?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // Makes the rename durable.
    path.parent()
        .map_or(Ok(()), |it| File::open(it)?.sync_all())
}

fn load(path: &Path) -> Timelines {
    let shown = path.display();
    match read(path) {
        Ok(Ok(timelines)) => timelines,
        Ok(Err(damage)) => {
            let aside = path.with_extension("damaged");
            let moved = fs::rename(path, &aside);
            let moved =
                moved.map_or_else(|error| error.to_string(), |()| aside.display().to_string());
            warn!(file = %shown, %damage, set_aside = moved, "the history begins again");
            Timelines::default()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Timelines::default(),
        Err(error) => {
            warn!(file = %shown, %error, "the history cannot be read and begins again");
            Timelines::default()
        }
    }
}

/// Why the history of another process cannot be read.
#[derive(Debug, Error)]
pub(crate) enum HistoryError {
    #[error("reading the history {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the history {} cannot be used: {damage}", path.display())]
    Damaged { path: PathBuf, damage: String },
}

/// Reads the history that an agent keeps in this `state.dir`, and changes nothing there. Blocks.
pub(crate) fn read_history(directory: &Path) -> Result<Timelines, HistoryError> {
    let path = directory.join(FILE);
    match read(&path) {
        Ok(Ok(timelines)) => Ok(timelines),
        Ok(Err(damage)) => Err(HistoryError::Damaged {
            damage: damage.to_string(),
            path,
        }),
        Err(source) => Err(HistoryError::Read { path, source }),
    }
}

fn read(path: &Path) -> io::Result<Result<Timelines, Damage>> {
    if fs::metadata(path)?.len() > MOST_BYTES {
        return Ok(Err(Damage::Content));
    }
    Ok(file::read(&fs::read(path)?))
}

#[cfg(test)]
mod tests {
    use super::super::tests::recorded;
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join(FILE);
        (folder, path)
    }

    #[test]
    fn what_was_saved_is_read_again() {
        let (_folder, path) = folder();
        let timelines = recorded(200);
        save(&path, "new", &timelines).expect("it can be written");
        let read = load(&path);
        // Compares the bytes, because an unknown size is not equal to itself.
        assert_eq!(bytes(&read), bytes(&timelines));
        assert!(read.server("main").is_some());
    }

    fn bytes(timelines: &Timelines) -> Vec<u8> {
        let mut bytes = Vec::new();
        file::write(timelines, &mut bytes).expect("writing to memory cannot fail");
        bytes
    }

    /// As after a kill in the middle of a write: the new file is cut off, the old one is whole.
    #[test]
    fn a_write_that_was_interrupted_at_any_point_leaves_the_previous_history() {
        let (_folder, path) = folder();
        let old = recorded(10);
        save(&path, "new", &old).expect("it can be written");
        let new = bytes(&recorded(20));
        for cut in [0, 1, 19, 20, 100, new.len() - 33, new.len() - 1] {
            for extension in ["new", "last"] {
                fs::write(path.with_extension(extension), &new[..cut]).expect("it can be written");
            }
            assert_eq!(bytes(&load(&path)), bytes(&old), "{cut}");
        }
        save(&path, "new", &recorded(20)).expect("a rest is overwritten");
        assert_eq!(bytes(&load(&path)), new);
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_history_begins_again() {
        let (_folder, path) = folder();
        let whole = bytes(&recorded(10));
        let mut flipped = whole.clone();
        flipped[100] ^= 1;
        let cut = whole[..whole.len() / 2].to_vec();
        let other = b"pgcommons history 2\n".to_vec();
        for (damaged, damage) in [
            (flipped, Damage::Checksum),
            (cut, Damage::Checksum),
            (whole[..30].to_vec(), Damage::Checksum),
            (other, Damage::Version),
            (Vec::new(), Damage::Version),
        ] {
            fs::write(&path, &damaged).expect("it can be written");
            assert_eq!(file::read(&damaged), Err(damage));
            // A reader leaves the file where it is.
            let refused = read_history(path.parent().expect("a folder"));
            assert!(matches!(refused, Err(HistoryError::Damaged { .. })) && path.exists());
            assert_eq!(load(&path), Timelines::default());
            assert!(!path.exists());
            let aside = fs::read(path.with_extension("damaged"));
            assert_eq!(aside.expect("it was set aside"), damaged);
        }
    }

    /// A checksum proves that the file is as it was written, not that its content is right.
    #[test]
    fn lengths_that_contradict_each_other_are_no_panic() {
        let whole = bytes(&recorded(3));
        let content = whole.len() - 32;
        for at in 20..content {
            let mut wrong = whole[..content].to_vec();
            wrong[at] ^= 0xff;
            let checksum = ring::digest::digest(&ring::digest::SHA256, &wrong);
            wrong.extend(checksum.as_ref());
            drop(file::read(&wrong));
        }
    }
}
