//! What the source of a server keeps of an answer.

use std::sync::Arc;
use std::time::Duration;

use super::super::source::Publication;
use super::ServerSource;
use crate::clock::wall_clock;
use crate::outcome::Outcome;
use crate::postgres;
use crate::sample::{Activity, DatabaseStats, Stats};
use crate::size_schedule::UnknownSize;
use crate::snapshot::{SlowReadings, Snapshot};
use crate::state::{Down, LazySnapshot, Server};
use crate::tracker::{PollContext, PolledState};

/// This many rows, written between two readings of the statistics, may change the size of a database by megabytes.
const MANY_ROWS: i64 = 20_000;
/// A database to which much is written is measured this many times as often as one that does not change.
const REST_WHEN_WRITTEN: u32 = 20;

impl ServerSource {
    /// The server as of the last poll.
    pub(super) fn published(&self, publication: Publication) -> Server {
        let status = match (publication.down, &self.polled) {
            (None, Some(polled)) => {
                let snapshot = self.lazy_snapshot(Arc::clone(polled), publication.now);
                Ok(Arc::new(snapshot))
            }
            (None, None) => Err(Down::Starting),
            (Some(down), _) => Err(down),
        };
        Server::new(self.config.name.clone(), status, publication.health)
            .with_crashes(self.crashes.crashes())
            .with_tenants(self.polled.as_ref().map(|it| Arc::clone(&it.tenants)))
            .with_postmaster(self.own_processes.map(|own| own.postmaster))
            .current_until(publication.current_until)
    }

    pub(super) fn sees_all_sessions(&self) -> bool {
        let polled = self.polled.as_ref();
        polled.is_some_and(|polled| polled.sees_all_sessions())
    }

    pub(super) fn some_session_waits(&self) -> bool {
        let polled = self.polled.as_ref();
        polled.is_some_and(|polled| polled.some_session_waits())
    }

    pub(super) fn activity(
        &mut self,
        session: &postgres::Session,
        activity: Activity,
        now: Duration,
    ) {
        self.log.reduced(activity.is_reduced);
        let orphan = self.orphaned_backend;
        self.orphaned_backend = orphan.filter(|_| activity.has_orphan);
        let context = PollContext {
            info: session.info(),
            policy: &self.config.policy,
            now,
            window: self.config.cadence.window,
        };
        let fingerprint = activity.catalogue.fingerprint;
        let known = self.tracker.catalogue();
        if known.is_none_or(|before| before.fingerprint != fingerprint) {
            self.access.changed(now);
        }
        let polled = self.tracker.observe(activity, context);
        let tracked = self.polled.as_ref().map(|before| &before.tenants);
        if tracked.is_none_or(|tenants| !Arc::ptr_eq(tenants, &polled.tenants)) {
            self.track_sizes(now);
        }
        self.log.polled(&polled);
        if !polled.some_session_waits() {
            self.readings.blocking = None; // it must not be shown when the next session waits
        }
        self.polled = Some(Arc::new(polled));
    }

    /// Measures databases to which much was written since the last statistics: one of them may be filling the disk.
    pub(super) fn measure_written(&mut self, before: Option<&Arc<Stats>>) {
        let (Some(before), Some(now)) = (before, &self.readings.statistics) else {
            return;
        };
        if Arc::ptr_eq(before, now) {
            return; // another view was read
        }
        let sizes = Arc::make_mut(&mut self.sizes);
        let rest = self.config.cadence.sizes.interval / REST_WHEN_WRITTEN;
        for (oid, row) in &**now {
            let rows = |row: &DatabaseStats| row.tup_inserted.saturating_add(row.tup_updated);
            let before = before.get(oid).map_or(0, |row| rows(row));
            if rows(row).saturating_sub(before) >= MANY_ROWS {
                sizes.written(*oid, rest);
            }
        }
    }

    /// Measures every database, also those without series: the sum of all is a part of the used storage.
    pub(super) fn track_sizes(&mut self, now: Duration) {
        let catalogue = self.tracker.catalogue().unwrap_or_default();
        let measurable = catalogue.databases.iter().filter(|row| !row.is_invalid());
        Arc::make_mut(&mut self.sizes).track(now, measurable.map(|row| row.oid));
    }

    pub(super) fn sizes_failed(&mut self, why: Outcome, took: Duration, now: Duration) {
        let why = match why {
            Outcome::Error | Outcome::Denied | Outcome::OutOfMemory => UnknownSize::Error,
            Outcome::Ok | Outcome::Timeout | Outcome::Lost => UnknownSize::Timeout,
        };
        let sizes = Arc::make_mut(&mut self.sizes);
        sizes.failed(now, &self.batch, took, why, self.config.cadence.sizes);
    }

    /// Called before the next batch, when databases that were dropped during the last one are no longer tracked.
    pub(super) fn log_unreadable(&mut self) {
        if let Some(polled) = &self.polled {
            let unreadable = self.sizes.unreadable().into_iter();
            let names = unreadable.filter_map(|oid| polled.tenants.datname(oid));
            self.log.unreadable(&names.collect::<Vec<_>>());
        }
    }

    pub(super) fn lazy_snapshot(&self, polled: Arc<PolledState>, now: Duration) -> LazySnapshot {
        let slow = SlowReadings {
            readings: self.readings.clone(),
            isolation: self.isolation.clone(),
            statements: self.statements.clone(),
            processes: self.processes.clone(),
            sizes: Arc::clone(&self.sizes),
            now,
            wall_clock: wall_clock(),
        };
        LazySnapshot::new(Box::new(move || Snapshot::of(&polled, &slow)))
    }
}
