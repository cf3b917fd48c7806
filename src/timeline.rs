//! What the last 24 hours had, one row for each minute: of each database the most connections, the time without a free one and
//! the load, every ten minutes its size, and of each resource how much of it was used. The number of databases is bounded, so
//! the memory is too. A reader of the published state: pollers know nothing of it.

mod chunk;
mod day;
mod file;
mod recorder;
mod store;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

pub(crate) use chunk::Minute;
use chunk::{Chunk, Row};
pub(crate) use day::{Day, DaySummary};
pub(crate) use recorder::run;
pub(crate) use store::{Store, read_history, save_at_end};

/// How many minutes are shown.
pub(crate) const MINUTES: u32 = 24 * 60;
/// A size is kept every this many minutes: it is seldom measured more often.
pub(crate) const SIZE_STEP: u32 = 10;

/// What is recorded, and where it survives a restart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Retention {
    /// `history.databases`: how many databases of each server have a history. 0: nothing is recorded.
    pub(crate) databases: usize,
    /// `state.dir`. None: the history ends with the process.
    pub(crate) directory: Option<PathBuf>,
}

/// The history of every server, by its name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Timelines(BTreeMap<String, Arc<Timeline>>);

pub(crate) type PublishedTimelines = watch::Receiver<Arc<Timelines>>;

impl Timelines {
    pub(crate) fn server(&self, name: &str) -> Option<&Timeline> {
        self.0.get(name).map(|timeline| &**timeline)
    }

    /// The names of the servers.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The history of one server. What is complete is shared with the versions that were published before.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Timeline {
    /// By time. No two have rows of the same minute.
    chunks: VecDeque<Arc<Chunk>>,
}

impl Timeline {
    /// Adds the row of a minute that has ended. Rows of the same minute or later are from before the clock was set back, and go.
    fn push(&mut self, row: &Row) {
        while let Some(last) = self.chunks.back_mut() {
            if last.last() < row.minute {
                break;
            }
            if last.first() < row.minute {
                Arc::make_mut(last).truncate(row.minute);
                break;
            }
            self.chunks.pop_back();
        }
        let oldest = row.minute.saturating_sub(MINUTES);
        while self.chunks.front().is_some_and(|it| it.last() <= oldest) {
            self.chunks.pop_front();
        }
        if let Some(open) = self.chunks.back_mut().filter(|it| it.accepts(row)) {
            return Arc::make_mut(open).push(row);
        }
        let before = self.chunks.back().map(|chunk| &**chunk);
        let chunk = Chunk::of(row, before);
        self.chunks.push_back(Arc::new(chunk));
    }

    /// The databases that had a history when the server was last up.
    fn current(&self) -> &[String] {
        let databases = self.chunks.iter().rev().map(|chunk| chunk.databases());
        databases
            .into_iter()
            .find(|names| !names.is_empty())
            .unwrap_or_default()
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter().map(|chunk| &**chunk)
    }

    /// Everything that is kept: the minute since the epoch, the database, and its figures; not sorted.
    pub(crate) fn minutes(&self) -> impl Iterator<Item = (u32, &str, Minute)> {
        self.chunks().flat_map(|chunk| {
            let names = chunk.databases().iter().enumerate();
            names.flat_map(move |(index, name)| {
                let minutes = chunk.database(index);
                minutes.map(move |(minute, figures)| (minute, &**name, figures))
            })
        })
    }

    /// The 24 hours before `now`, in seconds since the epoch. None: there is no row of this database.
    pub(crate) fn database(&self, name: &str, now: f64) -> Option<Day<'_>> {
        Day::of(self.chunks(), name, minute(now))
    }

    /// Divides the 24 hours before `now` into `parts` of equal length, and returns the largest share of a resource in each. Its name is that of
    /// [`resource_name`].
    pub(crate) fn resource(&self, name: &str, now: f64, parts: u32) -> Option<Vec<Option<f64>>> {
        day::shares(self.chunks(), name, minute(now), parts)
    }
}

/// The minute of a time in seconds since the epoch.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time outside of the range becomes its end"
)]
fn minute(time: f64) -> u32 {
    (time / 60.0) as u32
}

/// The name of a resource in the history: its label, and for a volume also the volume.
pub(crate) fn resource_name(resource: &str, volume: Option<&str>) -> String {
    match volume {
        Some(volume) => format!("{resource} {volume}"),
        None => resource.to_owned(),
    }
}
