//! What a poll becomes for those who look.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Poller;
use crate::clock::wall_clock;
use crate::memory::Moment;
use crate::pg::Session;
use crate::sample::Activity;
use crate::sizes::spent;
use crate::snapshot::{Slower, Snapshot};
use crate::state::{Down, Server, Shown};

impl Poller {
    pub(super) fn publish(&mut self, session: &Session, activity: Activity) {
        let now = self.began.elapsed();
        self.paid(spent(activity.seconds, self.took()));
        self.left_behind = self.left_behind.filter(|_| activity.left_behind);
        let moment = Moment {
            info: session.info(),
            policy: &self.settings.policy,
            now,
            window: self.settings.cadence.window,
        };
        let seen = self.memory.observe(activity, moment);
        let tracked = self.seen.as_ref().map(|before| &before.roster);
        if tracked.is_none_or(|roster| !Arc::ptr_eq(roster, &seen.roster)) {
            let databases = seen.roster.databases.iter().map(|tenant| &tenant.row);
            let measurable = databases.filter(|row| !row.is_invalid());
            Arc::make_mut(&mut self.sizes).track(now, measurable.map(|row| row.oid));
        }
        self.journal.up(&seen);
        self.seen = Some(Arc::new(seen));
        let next = self.interval() + self.settings.cadence.grace();
        self.current_until.send_replace(Instant::now() + next);
        self.show();
    }

    /// The last poll, with what the slower ones have brought so far.
    pub(super) fn show(&self) {
        // None: it was late with an answer, and is down until the next poll.
        let Some(seen) = self.seen.clone() else {
            return;
        };
        let slower = Slower {
            stats: self.stats.clone(),
            sizes: Arc::clone(&self.sizes),
            now: self.began.elapsed(),
            wall_clock: wall_clock(),
        };
        let shown = Shown::new(Box::new(move || Snapshot::of(&seen, &slower)));
        self.send(Ok(Box::new(shown)));
    }

    /// What is published stays current for so much longer, unless it has expired: a poll that begins late makes nothing fresh.
    pub(super) fn keep_current(&self, span: Duration) {
        let now = Instant::now();
        self.current_until.send_if_modified(|until| {
            if now <= *until {
                *until = (*until).max(now + span);
            }
            false // nothing waits for it
        });
    }

    pub(super) fn publish_down(&mut self, down: Down) {
        self.memory.gap();
        self.seen = None;
        self.send(Err(down));
    }

    fn send(&self, status: Result<Box<Shown>, Down>) {
        let server = Server::new(self.settings.name.clone(), status, self.health.clone())
            .current_until(self.current_until.subscribe());
        self.publisher
            .send_modify(|state| *state = Arc::new(state.with(server)));
    }
}
