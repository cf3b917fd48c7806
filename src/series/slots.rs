//! Which names have series of their own. Tenants choose the names of applications, and with the right to create them those
//! of databases and roles; each new one would be new series in Prometheus, which keeps them long after they are gone. So
//! the number of names is limited. An application that is gone keeps its place for an hour. A database or role that is gone
//! gives its place to one that exists, which must not be hidden, as often as an allowance permits. Pure: `now` is the time
//! since the poller began.

use std::collections::HashMap;
use std::time::Duration;

/// How long a seat outlives the last poll that saw its name. Prometheus drops series from memory after some two or three
/// hours, so at most a few times the number of seats is in it, whatever a tenant does.
pub(crate) const KEPT: Duration = Duration::from_hours(1);

/// How many databases or roles may take the places of others at once, if there are not more places than that.
const BURST: u32 = 60;
/// After that, one for each such time.
const REPLACED: Duration = Duration::from_secs(10);

/// Names that have a seat, and when each was seen last.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seats {
    seen: HashMap<String, Duration>,
}

impl Seats {
    /// `present` in the order in which free seats are taken. Nobody who is present, or was of late, loses a seat
    /// to somebody else; with fewer seats than before all are given out anew.
    pub(crate) fn fill(&mut self, now: Duration, seats: usize, present: &[&str]) {
        if self.seen.len() > seats {
            self.seen.clear();
        }
        for name in present {
            if let Some(seen) = self.seen.get_mut(*name) {
                *seen = now;
            }
        }
        self.seen.retain(|_, seen| now.saturating_sub(*seen) < KEPT);
        for name in present {
            if self.seen.len() == seats {
                break;
            }
            if !self.seen.contains_key(*name) {
                self.seen.insert((*name).to_owned(), now);
            }
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.seen.contains_key(name)
    }
}

/// The names of databases or of roles. Those that exist come before those that are gone.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LiveNames {
    seats: Seats,
    allowance: Allowance,
}

impl LiveNames {
    /// As [`Seats::fill`]. Then names of `present` without a seat take the seats of names that are gone, of those first that
    /// were seen least recently.
    pub(crate) fn fill(&mut self, now: Duration, seats: usize, present: &[&str]) {
        self.seats.fill(now, seats, present);
        let without = present.iter().filter(|name| !self.seats.has(name));
        let without: Vec<&str> = without.copied().collect();
        if without.is_empty() {
            return;
        }
        let gone = self.seats.seen.iter().filter(|(_, seen)| **seen < now);
        let mut gone: Vec<_> = gone.map(|(name, seen)| (*seen, name.clone())).collect();
        gone.sort_unstable();
        for (name, (_, old)) in without.into_iter().zip(gone) {
            if !self.allowance.take(now, seats) {
                break;
            }
            self.seats.seen.remove(&old);
            self.seats.seen.insert(name.to_owned(), now);
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.seats.has(name)
    }
}

/// How many seats may change hands. Used up by a burst, and given back one by one.
#[derive(Debug, Clone, Default, PartialEq)]
struct Allowance {
    used: u32,
    /// When one was given back last.
    since: Duration,
}

impl Allowance {
    fn take(&mut self, now: Duration, seats: usize) -> bool {
        let returned = now.saturating_sub(self.since).as_secs() / REPLACED.as_secs();
        let returned = u32::try_from(returned).unwrap_or(u32::MAX);
        self.used = self.used.saturating_sub(returned);
        self.since = if self.used == 0 {
            now
        } else {
            self.since + REPLACED * returned
        };
        let burst = u32::try_from(seats).unwrap_or(u32::MAX).max(BURST);
        let is_left = self.used < burst;
        self.used += u32::from(is_left);
        is_left
    }
}

/// The seats of one server. They go by name, as series do: a database that is dropped and created again is given no new ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Names {
    pub(crate) databases: LiveNames,
    pub(crate) roles: LiveNames,
    applications: HashMap<String, Seats>,
}

impl Names {
    /// The seats of the applications of one database.
    pub(crate) fn applications(&mut self, datname: &str) -> &mut Seats {
        self.applications.entry(datname.to_owned()).or_default()
    }

    pub(crate) fn has_application(&self, datname: &str, name: &str) -> bool {
        let seats = self.applications.get(datname);
        seats.is_some_and(|seats| seats.has(name))
    }

    /// It has no seat, and there may be one for it.
    pub(crate) fn could_seat(&self, datname: &str, name: &str, seats: usize) -> bool {
        let taken = self.applications.get(datname);
        taken.is_none_or(|taken| !taken.has(name) && taken.seen.len() < seats)
    }

    /// Forgets the applications of databases that are not shown any more.
    pub(crate) fn keep_applications(&mut self, shown: impl Fn(&str) -> bool) {
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
