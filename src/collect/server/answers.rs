//! What the source of a server keeps of an answer.

use std::sync::Arc;
use std::time::Duration;

use super::ServerSource;
use crate::clock::wall_clock;
use crate::postgres;
use crate::sample::Activity;
use crate::snapshot::{SlowReadings, Snapshot};
use crate::state::LazySnapshot;
use crate::tracker::{PollContext, PolledState};

impl ServerSource {
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

    /// Measures every database, also those without series: the sum of all is a part of the used storage.
    pub(super) fn track_sizes(&mut self, now: Duration) {
        let catalogue = self.tracker.catalogue().unwrap_or_default();
        let measurable = catalogue.databases.iter().filter(|row| !row.is_invalid());
        Arc::make_mut(&mut self.sizes).track(now, measurable.map(|row| row.oid));
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
            statements: self.statements.clone(),
            sizes: Arc::clone(&self.sizes),
            now,
            wall_clock: wall_clock(),
        };
        LazySnapshot::new(Box::new(move || Snapshot::of(&polled, &slow)))
    }
}
