//! The file of `--web.config.file` and those that it names: read at the start, and again when they change. What cannot be
//! used later changes nothing: the guard stays as it was.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

use super::guard::Guard;
use crate::config::{ConfigError, WebConfig};
use crate::logging::chain;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A file that was different so long ago may still be being written. Half of one may lack what protects.
const SETTLE: Duration = Duration::from_millis(250);

#[derive(Clone)]
pub(crate) struct WebFile {
    path: PathBuf,
    /// The files that the last one that could be parsed named.
    named: Vec<PathBuf>,
    seen: Vec<Stamp>,
}

/// Tells a file from what it was before, without reading it. None: it is not there.
type Stamp = Option<[i64; 7]>;

impl WebFile {
    pub(crate) fn open(path: &Path) -> Result<(Self, Guard), ConfigError> {
        let mut file = Self {
            path: path.to_owned(),
            named: Vec::new(),
            seen: Vec::new(),
        };
        let guard = file.read()?;
        Ok((file, guard))
    }

    /// Publishes a new guard whenever there is one.
    pub(crate) async fn follow(mut self, publisher: watch::Sender<Arc<Guard>>) -> Infallible {
        loop {
            sleep(LOOK).await;
            if let Some(read) = self.changed().await {
                take_over(read, &publisher);
            }
        }
    }

    /// The new guard, or what is wrong; None: nothing has changed, or it changes right now.
    async fn changed(&mut self) -> Option<Result<Guard, ConfigError>> {
        let stamps = self.stamps().await?;
        if stamps == self.seen {
            return None;
        }
        sleep(SETTLE).await;
        if self.stamps().await? != stamps {
            return None;
        }
        let mut file = self.clone();
        let reading = tokio::task::spawn_blocking(move || (file.read(), file));
        let (read, file) = reading.await.ok()?;
        *self = file;
        Some(read)
    }

    /// Stamps come before what they stand for: a file that changes meanwhile is read again.
    fn read(&mut self) -> Result<Guard, ConfigError> {
        let own = stamp(&self.path);
        let config = WebConfig::load(&self.path);
        if let Ok(config) = &config {
            self.named = config.files();
        }
        let named = self.named.iter().map(|path| stamp(path));
        self.seen = std::iter::once(own).chain(named).collect();
        Guard::new(config?)
    }

    /// Beside the polls: a file system may hang.
    async fn stamps(&self) -> Option<Vec<Stamp>> {
        let files: Vec<_> = std::iter::once(&self.path)
            .chain(&self.named)
            .cloned()
            .collect();
        let looking = move || files.iter().map(|path| stamp(path)).collect();
        tokio::task::spawn_blocking(looking).await.ok()
    }
}

fn take_over(read: Result<Guard, ConfigError>, publisher: &watch::Sender<Arc<Guard>>) {
    let guard = match read {
        Ok(guard) => guard,
        Err(error) => {
            let error = chain(&error);
            warn!(error, "web configuration not reloaded, the old one stays");
            return;
        }
    };
    if let Some(key) = publisher.borrow().lost_in(&guard) {
        warn!(
            key,
            "web configuration not reloaded, the old one stays: to serve without this needs a restart"
        );
        return;
    }
    publisher.send_replace(Arc::new(guard));
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
    async fn a_file_that_is_being_written_is_left_alone() {
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
                sleep(SETTLE / 5).await;
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
