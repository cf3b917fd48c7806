//! Until when the last primary poll is current.

use std::time::Duration;

use tokio::time::Instant;

use super::poller::Poller;
use super::source::Source;

impl<S: Source> Poller<S> {
    /// A question begins that may take `span`. Published data stays current until then, unless it has expired already: a poll
    /// that begins late does not make old data current again.
    pub(super) fn keep_current(&self, span: Duration) {
        let now = Instant::now();
        let until = self.current_until();
        if now <= until {
            self.current_until.send_replace(until.max(now + span));
        }
    }

    /// A tick has ended, and the next one is due within `span`.
    pub(super) fn set_current(&self, span: Duration) {
        let now = Instant::now();
        if now <= self.current_until() {
            self.current_until.send_replace(now + span);
        }
    }

    /// Undoes [`Self::keep_current`] after questions that say nothing about the primary job.
    pub(super) fn limit_current(&self, until: Instant) {
        if self.is_up {
            let next_poll = Instant::now() + self.source.timing().grace;
            self.current_until.send_replace(until.max(next_poll));
        }
    }

    /// Until when the last poll is current.
    pub(super) fn current_until(&self) -> Instant {
        *self.current_until.borrow()
    }
}
