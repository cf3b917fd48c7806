//! Follows the file of `--web.config.file` and the files that it names: reads them at the start, and again when they change.
//! Files that cannot be used change nothing: the current protection is kept.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

use super::protection::Protection;
use crate::blocking::OneAtATime;
use crate::config::{ConfigError, WebConfig};
use crate::logging::chain;

/// How often the files are checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The files must be unchanged for this long before they are read: a half-written file may lack users or TLS.
const SETTLE_TIME: Duration = Duration::from_millis(250);

pub(crate) struct WebFile {
    path: PathBuf,
    /// The files that the last parsable web file named.
    named: Vec<PathBuf>,
    /// The stamps of `path` and `named` when they were last read.
    stamps: Vec<Stamp>,
    stamping: OneAtATime<Vec<Stamp>>,
    reading: OneAtATime<Reading>,
}

/// Changes when the file changes, and needs no read of it. None: there is no such file.
type Stamp = Option<[i64; 7]>;

struct Reading {
    protection: Result<Protection, ConfigError>,
    named: Vec<PathBuf>,
    stamps: Vec<Stamp>,
}

impl WebFile {
    pub(crate) fn open(path: &Path) -> Result<(Self, Protection), ConfigError> {
        let reading = read(path, Vec::new());
        let file = Self {
            path: path.to_owned(),
            named: reading.named,
            stamps: reading.stamps,
            stamping: OneAtATime::default(),
            reading: OneAtATime::default(),
        };
        Ok((file, reading.protection?))
    }

    /// Publishes a new protection after each change.
    pub(crate) async fn follow(mut self, publisher: watch::Sender<Arc<Protection>>) -> Infallible {
        loop {
            sleep(CHECK_INTERVAL).await;
            if let Some(read) = self.changed().await {
                apply(read, &publisher);
            }
        }
    }

    /// The new protection, or why the files cannot be used. None: nothing has changed, or a file is being written.
    async fn changed(&mut self) -> Option<Result<Protection, ConfigError>> {
        let stamps = self.current_stamps().await;
        if stamps == self.stamps {
            return None;
        }
        sleep(SETTLE_TIME).await;
        if self.current_stamps().await != stamps {
            return None;
        }
        let (path, named) = (self.path.clone(), self.named.clone());
        let reading = self.reading.run(move || read(&path, named)).await;
        self.named = reading.named;
        self.stamps = reading.stamps;
        Some(reading.protection)
    }

    async fn current_stamps(&mut self) -> Vec<Stamp> {
        let (path, named) = (self.path.clone(), self.named.clone());
        let stamping = self.stamping.run(move || {
            let paths = std::iter::once(&path).chain(&named);
            paths.map(|path| stamp(path)).collect()
        });
        stamping.await
    }
}

/// Takes each stamp before it reads the file, so that a change during the read is noticed by the next check.
fn read(path: &Path, named: Vec<PathBuf>) -> Reading {
    let own = stamp(path);
    let config = WebConfig::load(path);
    let named = config.as_ref().map_or(named, WebConfig::files);
    let stamps = std::iter::once(own).chain(named.iter().map(|path| stamp(path)));
    Reading {
        stamps: stamps.collect(),
        protection: config.and_then(Protection::new),
        named,
    }
}

fn apply(read: Result<Protection, ConfigError>, publisher: &watch::Sender<Arc<Protection>>) {
    let protection = match read {
        Ok(protection) => protection,
        Err(error) => {
            let error = chain(&error);
            warn!(
                error,
                "web configuration not reloaded, the current one is kept"
            );
            return;
        }
    };
    if let Some(key) = publisher.borrow().lost_in(&protection) {
        warn!(
            key,
            "web configuration not reloaded, the current one is kept: less protection needs a restart"
        );
        return;
    }
    publisher.send_replace(Arc::new(protection));
    info!("web configuration reloaded");
}

fn stamp(path: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt as _;
    let file = std::fs::metadata(path).ok()?;
    Some([
        file.dev().cast_signed(),
        file.ino().cast_signed(),
        file.size().cast_signed(),
        file.mtime(),
        file.mtime_nsec(),
        file.ctime(),
        file.ctime_nsec(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_being_written_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("web.yml");
        let write = |n: u32| std::fs::write(&path, format!("# {n}\n")).expect("written");
        write(0);
        let (mut file, _) = WebFile::open(&path).expect("an empty one");
        assert!(file.changed().await.is_none());
        write(1);
        let writing = async {
            for n in 2.. {
                write(n);
                sleep(SETTLE_TIME / 5).await;
            }
        };
        let changed = tokio::select! {
            changed = file.changed() => changed,
            () = writing => None,
        };
        assert!(changed.is_none(), "half of it would have been read");
        assert!(file.changed().await.is_some_and(|read| read.is_ok()));
        assert!(file.changed().await.is_none());
    }
}
