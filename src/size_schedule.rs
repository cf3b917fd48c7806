//! Which databases to measure next, and which sizes are known. Pure: `now` is the time since the poller began.
//!
//! `pg_database_size` calls `stat` on every file (about 1.5 µs each when cached), so measuring takes at most a configured
//! fraction of the time: after a batch that cost the server d, nothing is measured for d / `max_time_fraction`.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::sample::{Oid, Size, SizeMeasurement};

/// The server time that a batch should cost. A poll waits no longer for it, unless a single database takes longer.
const BATCH_COST: Duration = Duration::from_millis(50);
const BATCH_LENGTH: usize = 32;
/// The assumed cost of a database that was never measured: more than the 300 files of a new database cost.
const FIRST_GUESS: Duration = Duration::from_millis(2);
/// A database whose size changes is measured this many times as often.
const CHANGING_FACTOR: u32 = 5;
const MAX_RETRY_INTERVAL: Duration = Duration::from_hours(1);

/// How often sizes are measured, and the maximum cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SizeTiming {
    /// The time between two measurements of one database; shorter while its size changes.
    pub(crate) interval: Duration,
    /// The share of the time that measuring may take, as in 0.01.
    pub(crate) max_time_fraction: f64,
}

/// Why a size is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownSize {
    /// Not measured yet.
    Pending,
    Forbidden,
    /// PostgreSQL cannot read the files of the database.
    Unreadable,
    Timeout,
    Error,
    /// An invalid database; it is not measured.
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
    /// The time of the last measurement or attempt.
    at: Duration,
    due: Duration,
    cost: Duration,
    /// A batch with this database failed: it is measured in a batch of its own, so that it cannot fail others.
    alone: bool,
    failures: u32,
}

/// The sizes of one server's databases, and when each is due.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SizeSchedule {
    entries: HashMap<Oid, Entry>,
    paused_until: Duration,
}

impl SizeSchedule {
    /// The interval has become shorter: makes every database due by `latest`.
    pub(crate) fn limit_due(&mut self, latest: Duration) {
        for entry in self
            .entries
            .values_mut()
            .filter(|entry| entry.failures == 0)
        {
            entry.due = entry.due.min(latest);
        }
    }

    /// Makes a database due, because much was written to it, but not within `rest` of its last measurement.
    pub(crate) fn written(&mut self, oid: Oid, rest: Duration) {
        let entries = self.entries.get_mut(&oid);
        if let Some(entry) = entries.filter(|entry| entry.failures == 0) {
            entry.due = entry.due.min(entry.at + rest);
        }
    }

    /// Takes the databases that exist now: new ones are due at once, those that are gone are dropped.
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

    /// What to measure now: the most overdue databases, among equals the cheapest, as many as fit into one batch.
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

    /// A batch was answered. Databases that are not in the answer have been dropped.
    pub(crate) fn measured(
        &mut self,
        now: Duration,
        batch: &[Oid],
        answer: &[SizeMeasurement],
        took: Duration,
        timing: SizeTiming,
    ) {
        let seconds = answer.iter().map(|measured| measured.seconds.max(0.0));
        self.pause(now, cost(seconds.sum(), took), timing);
        for oid in batch {
            match answer.iter().find(|measured| measured.oid == *oid) {
                Some(measured) => self.record(now, measured, took, timing),
                None => {
                    self.entries.remove(oid);
                }
            }
        }
    }

    fn record(
        &mut self,
        now: Duration,
        measured: &SizeMeasurement,
        took: Duration,
        timing: SizeTiming,
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
        let is_changing = entry.bytes.is_ok() && entry.bytes != bytes;
        let interval = if is_changing {
            timing.interval / CHANGING_FACTOR
        } else {
            timing.interval
        };
        *entry = Entry {
            bytes,
            at: now,
            due: now + interval,
            cost: cost(measured.seconds, took),
            alone: false,
            failures: 0,
        };
    }

    /// A batch got no answer. If it had several databases, each is measured alone next. A database that fails alone becomes
    /// unknown and is retried at increasing intervals.
    pub(crate) fn failed(
        &mut self,
        now: Duration,
        batch: &[Oid],
        took: Duration,
        why: UnknownSize,
        timing: SizeTiming,
    ) {
        self.pause(now, took, timing);
        for oid in batch {
            let Some(entry) = self.entries.get_mut(oid) else {
                continue;
            };
            entry.alone = true;
            if batch.len() == 1 {
                let wait = timing
                    .interval
                    .saturating_mul(2_u32.saturating_pow(entry.failures))
                    .min(MAX_RETRY_INTERVAL);
                entry.bytes = Err(why);
                entry.at = now;
                entry.due = now + wait.max(timing.interval);
                entry.failures = entry.failures.saturating_add(1);
            }
        }
    }

    fn pause(&mut self, now: Duration, cost: Duration, timing: SizeTiming) {
        self.paused_until = now + cost.div_f64(timing.max_time_fraction);
    }

    /// The size in bytes, or why it is unknown.
    pub(crate) fn of(&self, oid: Oid) -> Result<u64, UnknownSize> {
        self.entries
            .get(&oid)
            .map_or(Err(UnknownSize::Pending), |entry| entry.bytes)
    }

    /// The sum of all sizes; None while one of them is unknown.
    pub(crate) fn total(&self) -> Option<u64> {
        let sizes = self.entries.values().map(|entry| entry.bytes.ok());
        sizes.sum()
    }

    /// Databases whose files PostgreSQL cannot read, ordered by OID.
    pub(crate) fn unreadable(&self) -> Vec<Oid> {
        let unreadable = self.entries.iter();
        let unreadable =
            unreadable.filter(|(_, entry)| entry.bytes == Err(UnknownSize::Unreadable));
        let mut unreadable: Vec<_> = unreadable.map(|(oid, _)| *oid).collect();
        unreadable.sort_unstable();
        unreadable
    }

    /// The age of the oldest known size.
    pub(crate) fn oldest(&self, now: Duration) -> Option<Duration> {
        let known = self.entries.values().filter(|entry| entry.bytes.is_ok());
        known.map(|entry| now.saturating_sub(entry.at)).max()
    }
}

/// The cost by the server's clock, which may have been set in between: at most the time that the whole question took.
pub(crate) fn cost(seconds: f64, took: Duration) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).map_or(took, |cost| cost.min(took))
}

#[cfg(test)]
mod tests;
