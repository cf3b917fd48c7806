//! The share of a database in the load of its server, while other databases waited.

use super::{HOUR, ServerFacts, TenantFacts};

/// Where the number of cores is unknown. As `pgcommons:threshold:server_cores`.
const CORES: f64 = 8.0;
/// Sessions. Less is no other tenant that works; as `pgcommons:threshold:load_of_others`.
const OTHERS: f64 = 0.05;
/// Sessions of others that wait for a disk or for a lock inside the server, on average.
const OTHERS_WAITING: f64 = 0.25;
/// The part of the time in which a process waits for a CPU; as `pgcommons:threshold:cpu_pressure`.
const PRESSURE: f64 = 0.4;
/// The part of the load; as `pgcommons:threshold:load_share`.
pub(super) const SHARE: f64 = 0.5;
/// The part of the known time in which others waited, from which on the database should move out.
pub(super) const TIME: f64 = 0.01;

/// The time in which others waited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Contention {
    /// The share of the database in the load of that time.
    pub(crate) share: f64,
    pub(crate) hours: f64,
    /// The hours whose load is known.
    pub(crate) of_hours: f64,
}

impl Contention {
    /// Whether the database takes most, for long enough.
    pub(super) fn is_reason(self) -> bool {
        self.share >= SHARE && self.hours >= TIME * self.of_hours
    }
}

/// None: no step has the load of both. A step in which the database has no load series is unknown.
///
/// Others waited if they worked, and the load was above the cores, or processes waited for a CPU, or most of what they did was to wait for a disk or for a lock inside the
/// server while at least half of the cores were used.
pub(super) fn contention(server: &ServerFacts, tenant: &TenantFacts) -> Option<Contention> {
    let hours = f64::from(server.load.seconds()) / f64::from(HOUR);
    let cores = server.settings.cores;
    let (mut known, mut contended, mut own_sum, mut sum) = (0.0, 0.0, 0.0, 0.0);
    for (step, own) in tenant.load.iter() {
        let Some(all) = server.load.at(step) else {
            continue;
        };
        known += hours;
        // A class of waits that was never seen has no series.
        let waiting = server.waiting.at(step).unwrap_or(0.0);
        let others_waiting = waiting - tenant.waiting.at(step).unwrap_or(0.0);
        let others = all - own;
        let is_pressed = server.pressure.at(step).is_some_and(|it| it > PRESSURE);
        let is_saturated = is_pressed || all > cores.unwrap_or(CORES);
        let is_half_used = cores.is_none_or(|cores| all >= cores / 2.0);
        let do_wait = others_waiting >= OTHERS_WAITING && others_waiting >= others / 2.0;
        if others >= OTHERS && (is_saturated || is_half_used && do_wait) {
            contended += hours;
            own_sum += own;
            sum += all;
        }
    }
    let share = if sum > 0.0 { own_sum / sum } else { 0.0 };
    (known > 0.0).then_some(Contention {
        share,
        hours: contended,
        of_hours: known,
    })
}
