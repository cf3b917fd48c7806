//! Which databases to measure next, and what is known of their sizes. Pure: `now` is the time since the poller began.
//!
//! `pg_database_size` reads every file's entry (about 1.5 µs each when warm), so sizes have a share of the time that they
//! never exceed: after a batch that cost the server d, nothing is measured for d / share.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::sample::{Oid, Size, SizeMeasurement};

/// Server time that one batch is meant to cost; no poll waits longer for it, unless one database alone takes longer.
const BATCH_COST: Duration = Duration::from_millis(50);
const BATCH_LENGTH: usize = 32;
/// What a database that was never measured is taken to cost: 300 files of a fresh one, with room to spare.
const FIRST_GUESS: Duration = Duration::from_millis(2);
/// How many times as often a database is measured that grows or shrinks.
const MOVING: u32 = 5;
const LONGEST_RETRY: Duration = Duration::from_hours(1);

/// How often, and at what cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SizeTiming {
    /// The time between two measurements of one database; of one that has changed from one to the next, a part of that.
    pub(crate) interval: Duration,
    /// The share of the time that measuring may take, as in 0.01.
    pub(crate) max_time_fraction: f64,
}

/// Why a size is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownSize {
    /// Not asked for yet.
    Pending,
    Forbidden,
    /// PostgreSQL may be asked, and can read no file of the database.
    Unreadable,
    Timeout,
    Error,
    /// An invalid database; it is not asked for.
    Invalid,
}

impl UnknownSize {
    pub(crate) const ALL: [Self; 6] = [
        Self::Pending,
        Self::Forbidden,
        Self::Unreadable,
        Self::Timeout,
        Self::Error,
        Self::Invalid,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Forbidden => "forbidden",
            Self::Unreadable => "unreadable",
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::Invalid => "invalid",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    bytes: Result<u64, UnknownSize>,
    /// When it was measured last, or tried.
    at: Duration,
    due: Duration,
    cost: Duration,
    /// A statement with others failed: this one is asked for by itself, so that it cannot cost them theirs.
    alone: bool,
    failures: u32,
}

/// The memory of the sizes of one server's databases.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SizeSchedule {
    entries: HashMap<Oid, Entry>,
    paused_until: Duration,
}

impl SizeSchedule {
    /// Nothing is due later than this: the interval has become shorter.
    pub(crate) fn hasten(&mut self, latest: Duration) {
        for entry in self
            .entries
            .values_mut()
            .filter(|entry| entry.failures == 0)
        {
            entry.due = entry.due.min(latest);
        }
    }

    /// The databases that exist now: new ones become due, those that are gone are forgotten.
    pub(crate) fn track(&mut self, now: Duration, databases: impl Iterator<Item = Oid>) {
        let present: HashSet<Oid> = databases.collect();
        self.entries.retain(|oid, _| present.contains(oid));
        for oid in present {
            self.entries.entry(oid).or_insert(Entry {
                bytes: Err(UnknownSize::Pending),
                at: now,
                due: now,
                cost: FIRST_GUESS,
                alone: false,
                failures: 0,
            });
        }
    }

    /// What to measure now: those waiting longest, the cheapest of these first, as many as fit into one batch.
    pub(crate) fn next_batch(&self, now: Duration) -> Vec<Oid> {
        if now < self.paused_until {
            return Vec::new();
        }
        let mut due: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.due <= now)
            .collect();
        due.sort_by_key(|(oid, entry)| (entry.due, entry.cost, **oid));
        let Some((&(&first, entry), rest)) = due.split_first() else {
            return Vec::new();
        };
        let mut batch = vec![first];
        if entry.alone {
            return batch;
        }
        let mut cost = entry.cost;
        for (oid, entry) in rest
            .iter()
            .take(BATCH_LENGTH - 1)
            .filter(|(_, entry)| !entry.alone)
        {
            cost = cost.saturating_add(entry.cost);
            if cost > BATCH_COST {
                break;
            }
            batch.push(**oid);
        }
        batch
    }

    /// A batch was answered. What it does not mention has been dropped meanwhile.
    pub(crate) fn measured(
        &mut self,
        now: Duration,
        batch: &[Oid],
        answer: &[SizeMeasurement],
        took: Duration,
        cadence: SizeTiming,
    ) {
        let seconds = answer.iter().map(|measured| measured.seconds.max(0.0));
        self.pause(now, spent(seconds.sum(), took), cadence);
        for oid in batch {
            match answer.iter().find(|measured| measured.oid == *oid) {
                Some(measured) => self.note(now, measured, took, cadence),
                None => {
                    self.entries.remove(oid);
                }
            }
        }
    }

    fn note(
        &mut self,
        now: Duration,
        measured: &SizeMeasurement,
        took: Duration,
        cadence: SizeTiming,
    ) {
        let bytes = match measured.size {
            Size::Bytes(bytes) => Ok(bytes),
            Size::Forbidden => Err(UnknownSize::Forbidden),
            Size::Unreadable => Err(UnknownSize::Unreadable),
            Size::Gone => {
                self.entries.remove(&measured.oid);
                return;
            }
        };
        let Some(entry) = self.entries.get_mut(&measured.oid) else {
            return;
        };
        let moves = entry.bytes.is_ok() && entry.bytes != bytes;
        let interval = if moves {
            cadence.interval / MOVING
        } else {
            cadence.interval
        };
        *entry = Entry {
            bytes,
            at: now,
            due: now + interval,
            cost: spent(measured.seconds, took),
            alone: false,
            failures: 0,
        };
    }

    /// A batch got no answer. Of several, each is tried by itself next; one alone is unknown from now on and tried
    /// less and less often.
    pub(crate) fn failed(
        &mut self,
        now: Duration,
        batch: &[Oid],
        took: Duration,
        why: UnknownSize,
        cadence: SizeTiming,
    ) {
        self.pause(now, took, cadence);
        for oid in batch {
            let Some(entry) = self.entries.get_mut(oid) else {
                continue;
            };
            entry.alone = true;
            if batch.len() == 1 {
                let wait = cadence
                    .interval
                    .saturating_mul(2_u32.saturating_pow(entry.failures))
                    .min(LONGEST_RETRY);
                entry.bytes = Err(why);
                entry.at = now;
                entry.due = now + wait.max(cadence.interval);
                entry.failures = entry.failures.saturating_add(1);
            }
        }
    }

    fn pause(&mut self, now: Duration, cost: Duration, cadence: SizeTiming) {
        self.paused_until = now + cost.div_f64(cadence.max_time_fraction);
    }

    /// Bytes, or why they are not known.
    pub(crate) fn of(&self, oid: Oid) -> Result<u64, UnknownSize> {
        self.entries
            .get(&oid)
            .map_or(Err(UnknownSize::Pending), |entry| entry.bytes)
    }

    /// Databases whose files PostgreSQL cannot read, in the order of their numbers.
    pub(crate) fn unreadable(&self) -> Vec<Oid> {
        let unreadable = self.entries.iter();
        let unreadable =
            unreadable.filter(|(_, entry)| entry.bytes == Err(UnknownSize::Unreadable));
        let mut unreadable: Vec<_> = unreadable.map(|(oid, _)| *oid).collect();
        unreadable.sort_unstable();
        unreadable
    }

    /// The age of the oldest size that is known.
    pub(crate) fn oldest(&self, now: Duration) -> Option<Duration> {
        let known = self.entries.values().filter(|entry| entry.bytes.is_ok());
        known.map(|entry| now.saturating_sub(entry.at)).max()
    }
}

/// What the server's clock says, which may have been set meanwhile: nothing can have cost more than all of it took.
pub(crate) fn spent(seconds: f64, took: Duration) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).map_or(took, |spent| spent.min(took))
}

#[cfg(test)]
mod tests;
