//! Which names have series of their own. Tenants choose the names of applications, and with the right to create them those
//! of databases and roles; each new one would be new series in Prometheus, which keeps them long after they are gone. So
//! a name has a seat, seats are few, and one is given up only long after its name was seen last. Pure: `now` is the time
//! since the poller began.

use std::collections::HashMap;
use std::time::Duration;

/// How long a seat outlives the last poll that saw its name. Prometheus drops series from memory after some two or three
/// hours, so at most a few times the number of seats is in it, whatever a tenant does.
pub(crate) const KEPT: Duration = Duration::from_hours(1);

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

/// The seats of one server. They go by name, as series do: a database that is dropped and created again is given no new ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Names {
    pub(crate) databases: Seats,
    pub(crate) roles: Seats,
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
