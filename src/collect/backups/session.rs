//! The threads of one source of backups. The lister owns the cache while it runs; the reader sends what it has read, and the next
//! listing adds it. Nothing is shared but two counters and the request to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout};

use crate::backups::{Cache, Look, Pace, ReadFile, Report, Scanner, Unread};
use crate::blocking::OneAtATime;
use crate::clock::wall_clock;
use crate::collect::source::Session;
use crate::config::BackupConfig;
use crate::outcome::{Failed, Outcome};

/// Files that the reader gets at once, the smallest first. The next listing names the others again.
const BATCH: usize = 256;
/// After a listing that took this much time of a core, the agent lists nothing for this many times as long.
const REST: u32 = 50;
const MAX_REST: Duration = Duration::from_mins(15);
/// After a listing that waited for the file system, it rests as long as the listing took, at most.
const MAX_REST_AFTER_WAIT: Duration = Duration::from_mins(1);
/// A listing that takes longer has failed, although it makes progress: what it found first may have changed.
const MAX_LISTING: Duration = Duration::from_mins(10);

#[derive(Debug, thiserror::Error)]
enum ListingError {
    #[error("no answer from the file system within {}", humantime::format_duration(*.0))]
    Hangs(Duration),
    #[error(
        "listing takes longer than {}",
        humantime::format_duration(MAX_LISTING)
    )]
    TooLong,
    #[error("no thread for the backups")]
    NoThread(#[source] std::io::Error),
}

struct Listed {
    cache: Cache,
    report: Report,
    took: Duration,
    /// Time of a core.
    cost: Duration,
}

impl Listed {
    fn rest(&self) -> Duration {
        let waited = self.took.min(MAX_REST_AFTER_WAIT);
        (self.cost * REST).min(MAX_REST).max(waited)
    }
}

pub(in crate::collect) struct BackupSession {
    config: Arc<BackupConfig>,
    /// None while the lister has it.
    cache: Option<Cache>,
    lister: OneAtATime<Listed>,
    reader: OneAtATime<()>,
    /// Those of the lister, which is not limited, and of the reader.
    paces: [Arc<Pace>; 2],
    read: (UnboundedSender<ReadFile>, UnboundedReceiver<ReadFile>),
    stop: Arc<AtomicBool>,
    began: Instant,
    /// When the next listing is due.
    due: Instant,
}

impl BackupSession {
    pub(super) fn new(config: Arc<BackupConfig>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let pace = |rate| Arc::new(Pace::new(rate, Arc::clone(&stop)));
        let now = Instant::now();
        Self {
            paces: [pace(u64::MAX), pace(config.cadence.bytes_per_second)],
            config,
            cache: Some(Cache::default()),
            lister: OneAtATime::default(),
            reader: OneAtATime::default(),
            read: unbounded_channel(),
            stop,
            began: now,
            due: now,
        }
    }

    /// Starts a listing if none runs and one is due.
    fn list(&mut self) -> Result<(), ListingError> {
        let is_due = self.lister.is_idle() && Instant::now() >= self.due;
        let Some(mut cache) = self.cache.take_if(|_| is_due) else {
            return Ok(());
        };
        while let Ok(file) = self.read.1.try_recv() {
            cache.add(file);
        }
        self.began = Instant::now();
        let (config, pace) = (Arc::clone(&self.config), Arc::clone(&self.paces[0]));
        let list = move || list(&config, &pace, cache);
        let started = self.lister.begin_in_background("backup-lister", list);
        started.map_err(|error| {
            self.cache = Some(Cache::default()); // it was lost with the thread
            ListingError::NoThread(error)
        })
    }

    /// Takes the result of a listing, and gives the reader what is to be read.
    fn listed(&mut self, listed: Listed) -> Result<Report, ListingError> {
        self.due = Instant::now() + listed.rest();
        let Listed {
            mut cache,
            mut report,
            ..
        } = listed;
        let mut unread = cache.take_unread();
        self.cache = Some(cache);
        report.unread = unread.len();
        let is_idle = self.reader.is_idle() || self.reader.try_ended().is_some();
        if is_idle && !unread.is_empty() {
            unread.sort_by_key(Unread::size);
            unread.truncate(BATCH);
            let (pace, read) = (Arc::clone(&self.paces[1]), self.read.0.clone());
            let reader = move || read_all(unread, &pace, &read);
            let started = self.reader.begin_in_background("backup-reader", reader);
            started.map_err(ListingError::NoThread)?;
        }
        Ok(report)
    }

    async fn report(&mut self, limit: Duration) -> Result<Option<Report>, ListingError> {
        self.list()?;
        if self.lister.is_idle() {
            return Ok(None);
        }
        let before = self.paces[0].steps();
        match timeout(limit, self.lister.ended()).await {
            Ok(listed) => self.listed(listed).map(Some),
            Err(_) if self.paces[0].steps() == before => Err(ListingError::Hangs(limit)),
            Err(_) if self.began.elapsed() > MAX_LISTING => Err(ListingError::TooLong),
            Err(_) => Ok(None),
        }
    }
}

/// A thread that hangs ends when its file system answers.
impl Drop for BackupSession {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Session for BackupSession {
    type Question = ();
    /// None: there is nothing new, because a listing is in progress, or the last one took long.
    type Answer = Option<Report>;

    /// Gives up before the poller does: the poller would then close this session, and the next one would begin another listing
    /// beside the one that hangs.
    async fn ask(&mut self, (): &(), limit: Duration) -> Result<Option<Report>, Failed<Outcome>> {
        let report = self.report(limit * 4 / 5).await;
        report.map_err(|error| Failed {
            why: match error {
                ListingError::Hangs(_) | ListingError::TooLong => Outcome::Timeout,
                ListingError::NoThread(_) => Outcome::Error,
            },
            error: error.into(),
        })
    }
}

fn list(config: &BackupConfig, pace: &Pace, mut cache: Cache) -> Listed {
    let began = Instant::now();
    let scanner = Scanner {
        directories: &config.directories,
        pace,
        look: Look::Repeated,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seconds fit for billions of years"
    )]
    let report = scanner.scan(&mut cache, wall_clock() as i64);
    Listed {
        cache,
        report,
        took: began.elapsed(),
        cost: core_time(),
    }
}

/// The time of a core that this thread, which began with the listing, has used.
fn core_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn read_all(files: Vec<Unread>, pace: &Pace, read: &UnboundedSender<ReadFile>) {
    for file in files {
        if read.send(file.read(pace)).is_err() {
            return; // the session has ended
        }
    }
}
