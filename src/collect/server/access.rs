//! When the privileges are read. A sum over databases, roles and memberships is cheap, and is asked often; everything is read when it has
//! changed, and at times because the judgement is also about sessions. Pure: `now` is the time since the poller began.

use std::time::Duration;

/// Everything is read at least this often: sessions come and go without a change of the sum.
const WHOLE: Duration = Duration::from_mins(10);
/// After a read that took t, the agent asks nothing for this many times t: a tenant that creates roles all the time costs the server
/// at most half a percent of a core.
const REST: u32 = 200;
/// And not for this many times `stats.interval`: 30 s by default.
const REST_INTERVALS: u32 = 2;

/// What the server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessQuestion {
    /// Everything.
    All,
    /// Everything, if the sum is no longer this one.
    IfChanged(i64),
}

impl AccessQuestion {
    pub(super) fn known(self) -> Option<i64> {
        match self {
            Self::All => None,
            Self::IfChanged(sum) => Some(sum),
        }
    }
}

/// The default reads everything at once.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct AccessSchedule {
    due: Duration,
    /// Until then nothing is asked, whatever has changed.
    rests_until: Duration,
    whole_due: Duration,
    /// The sum at the last read. It is that of one session, whose hashes have a key of their own.
    sum: Option<i64>,
}

impl AccessSchedule {
    /// None: nothing is due.
    pub(super) fn question(&self, now: Duration) -> Option<AccessQuestion> {
        let known = self.sum.filter(|_| now < self.whole_due);
        let question = known.map_or(AccessQuestion::All, AccessQuestion::IfChanged);
        (now >= self.due).then_some(question)
    }

    /// Databases or roles have changed.
    pub(super) fn changed(&mut self, now: Duration) {
        self.due = self.due.min(now.max(self.rests_until));
    }

    /// `sum`: everything was read, and took so long; None: nothing has changed.
    pub(super) fn answered(
        &mut self,
        sum: Option<i64>,
        took: Duration,
        now: Duration,
        interval: Duration,
    ) {
        let mut wait = interval;
        if sum.is_some() {
            wait = (took * REST).clamp(
                interval * REST_INTERVALS,
                WHOLE.max(interval * REST_INTERVALS),
            );
            self.rests_until = now + wait;
            self.whole_due = now + WHOLE;
            self.sum = sum;
        }
        self.due = now + wait;
    }

    pub(super) fn failed(&mut self, now: Duration, interval: Duration) {
        self.sum = None;
        self.due = now + interval;
        self.rests_until = self.due;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const INTERVAL: Duration = Duration::from_secs(15);

    /// Read at 0 s, in this time.
    fn read(took: Duration) -> AccessSchedule {
        let mut access = AccessSchedule::default();
        assert_eq!(access.question(Duration::ZERO), Some(AccessQuestion::All));
        access.answered(Some(7), took, Duration::ZERO, INTERVAL);
        access
    }

    #[test]
    fn the_sum_is_asked_often_and_the_whole_rarely() {
        let mut access = read(SECOND / 100);
        assert_eq!(access.question(29 * SECOND), None);
        assert_eq!(
            access.question(30 * SECOND),
            Some(AccessQuestion::IfChanged(7))
        );
        access.answered(None, SECOND / 1000, 30 * SECOND, INTERVAL);
        assert_eq!(access.question(44 * SECOND), None);
        assert_eq!(
            access.question(45 * SECOND),
            Some(AccessQuestion::IfChanged(7))
        );
        assert_eq!(access.question(600 * SECOND), Some(AccessQuestion::All));
    }

    #[test]
    fn a_change_is_read_at_once_after_the_rest() {
        let mut access = read(SECOND / 100);
        access.changed(10 * SECOND);
        assert_eq!(access.question(29 * SECOND), None);
        access.answered(None, SECOND / 1000, 60 * SECOND, INTERVAL);
        access.changed(61 * SECOND);
        assert_eq!(
            access.question(61 * SECOND),
            Some(AccessQuestion::IfChanged(7))
        );
    }

    #[test]
    fn an_expensive_read_is_followed_by_a_longer_rest() {
        let mut access = read(SECOND / 2);
        access.changed(SECOND);
        assert_eq!(access.question(99 * SECOND), None);
        assert!(access.question(100 * SECOND).is_some());
        assert!(read(60 * SECOND).question(WHOLE).is_some());
    }

    #[test]
    fn after_a_failure_everything_is_read() {
        let mut access = read(SECOND / 100);
        access.failed(40 * SECOND, INTERVAL);
        access.changed(41 * SECOND);
        assert_eq!(access.question(54 * SECOND), None);
        assert_eq!(access.question(55 * SECOND), Some(AccessQuestion::All));
    }
}
