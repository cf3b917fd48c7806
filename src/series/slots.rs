//! Series slots: which names have series of their own. Tenants choose the names of applications and, with the privilege to
//! create them, of databases and roles. Each new name makes new series, which Prometheus keeps long after the name is gone.
//! So the number of names is limited: a name has series only while it holds a slot. An application that is gone keeps its
//! slot for an hour. A database or role that is gone gives its slot to one that exists, at a limited rate, because databases
//! and roles that exist must be visible. Pure: `now` is the time since the poller began.

use std::collections::HashMap;
use std::time::Duration;

/// How long a slot is kept after the last poll that saw its name. Prometheus drops stale series from memory after two or
/// three hours, so it holds at most a few times as many names as there are slots, whatever a tenant does.
pub(crate) const RETENTION: Duration = Duration::from_hours(1);

/// How many databases or roles may replace others at once, if there are not more slots than that.
const BURST: u32 = 60;
/// After the burst, one replacement per this interval.
const REPLACEMENT_INTERVAL: Duration = Duration::from_secs(10);

/// The names that hold a slot, and when a poll last saw each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SeriesSlots {
    last_seen: HashMap<String, Duration>,
}

impl SeriesSlots {
    /// Gives free slots to the names in `present`, in this order. A name that is present, or was within [`RETENTION`], never
    /// loses its slot to another name. If `capacity` has become smaller than the number of slots in use, all are assigned anew.
    pub(crate) fn assign(&mut self, now: Duration, capacity: usize, present: &[&str]) {
        if self.last_seen.len() > capacity {
            self.last_seen.clear();
        }
        for name in present {
            if let Some(last_seen) = self.last_seen.get_mut(*name) {
                *last_seen = now;
            }
        }
        self.last_seen
            .retain(|_, last_seen| now.saturating_sub(*last_seen) < RETENTION);
        for name in present {
            if self.last_seen.len() == capacity {
                break;
            }
            if !self.last_seen.contains_key(*name) {
                self.last_seen.insert((*name).to_owned(), now);
            }
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.last_seen.contains_key(name)
    }
}

/// The slots of databases or of roles. Names that exist take precedence over names that are gone.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LiveSlots {
    slots: SeriesSlots,
    replacements: TokenBucket,
}

impl LiveSlots {
    /// As [`SeriesSlots::assign`]. Then names in `present` without a slot replace names that are gone, the least recently seen
    /// first.
    pub(crate) fn assign(&mut self, now: Duration, capacity: usize, present: &[&str]) {
        self.slots.assign(now, capacity, present);
        let without = present.iter().filter(|name| !self.slots.has(name));
        let without: Vec<&str> = without.copied().collect();
        if without.is_empty() {
            return;
        }
        for (name, old) in without.into_iter().zip(self.gone(now)) {
            if !self.replacements.take(now, capacity) {
                break;
            }
            self.slots.last_seen.remove(&old);
            self.slots.last_seen.insert(name.to_owned(), now);
        }
    }

    /// Names that hold a slot and were not seen at `now`, the least recently seen first.
    fn gone(&self, now: Duration) -> impl Iterator<Item = String> + use<> {
        let held = self.slots.last_seen.iter();
        let gone = held.filter(|(_, last_seen)| **last_seen < now);
        let mut gone: Vec<_> = gone.map(|(name, at)| (*at, name.clone())).collect();
        gone.sort_unstable();
        gone.into_iter().map(|(_, name)| name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.slots.has(name)
    }
}

/// Limits how many slots change their name: a burst, then one per [`REPLACEMENT_INTERVAL`].
#[derive(Debug, Clone, Default, PartialEq)]
struct TokenBucket {
    used: u32,
    refilled_at: Duration,
}

impl TokenBucket {
    fn take(&mut self, now: Duration, capacity: usize) -> bool {
        self.refill(now);
        let burst = u32::try_from(capacity).unwrap_or(u32::MAX).max(BURST);
        let is_left = self.used < burst;
        self.used += u32::from(is_left);
        is_left
    }

    fn refill(&mut self, now: Duration) {
        let tokens =
            now.saturating_sub(self.refilled_at).as_secs() / REPLACEMENT_INTERVAL.as_secs();
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        self.used = self.used.saturating_sub(tokens);
        self.refilled_at = if self.used == 0 {
            now
        } else {
            self.refilled_at + REPLACEMENT_INTERVAL * tokens
        };
    }
}

/// All series slots of one server. Slots go by name, as series do: a database that is dropped and created again gets no
/// additional ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SeriesNames {
    pub(crate) databases: LiveSlots,
    pub(crate) roles: LiveSlots,
    applications: HashMap<String, SeriesSlots>,
}

impl SeriesNames {
    /// The slots for the applications of one database.
    pub(crate) fn applications(&mut self, datname: &str) -> &mut SeriesSlots {
        self.applications.entry(datname.to_owned()).or_default()
    }

    pub(crate) fn has_application(&self, datname: &str, name: &str) -> bool {
        let slots = self.applications.get(datname);
        slots.is_some_and(|slots| slots.has(name))
    }

    /// True when the application has no slot and a slot is free.
    pub(crate) fn has_room_for(&self, datname: &str, name: &str, capacity: usize) -> bool {
        let slots = self.applications.get(datname);
        slots.is_none_or(|slots| !slots.has(name) && slots.last_seen.len() < capacity)
    }

    /// Drops the applications of databases that hold no slot and are not `shown` either.
    pub(crate) fn retain_applications(&mut self, shown: impl Fn(&str) -> bool) {
        let Self {
            databases,
            applications,
            ..
        } = self;
        applications.retain(|datname, _| databases.has(datname) || shown(datname));
    }
}

#[cfg(test)]
mod tests;
