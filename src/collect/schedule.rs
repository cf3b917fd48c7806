//! When each job that is not the primary one is asked, and how long it may take. Pure: `now` is the time since the poller
//! began.

use std::time::Duration;

/// What a job may take at first: for so long the primary job waits for it.
const FIRST_LIMIT: Duration = Duration::from_secs(1);
/// A job that was late rests so many times as long as it had.
const REST: u32 = 10;
const LONGEST_REST: Duration = Duration::from_secs(10);

/// One job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct JobSchedule {
    due: Duration,
    limit: Duration,
}

impl Default for JobSchedule {
    /// Due at once.
    fn default() -> Self {
        Self {
            due: Duration::ZERO,
            limit: FIRST_LIMIT,
        }
    }
}

impl JobSchedule {
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.due <= now
    }

    /// The job that is due for the longest time comes first.
    pub(super) fn due(&self) -> Duration {
        self.due
    }

    pub(super) fn make_due(&mut self, now: Duration) {
        self.due = self.due.min(now);
    }

    /// After this the source gives up: at most 0.8 of the deadline, so that it does so before the agent does.
    pub(super) fn limit(&self, timeout: Duration) -> Duration {
        self.limit.min(timeout * 4 / 5)
    }

    /// The job was asked at `now`.
    pub(super) fn asked(&mut self, now: Duration, interval: Option<Duration>) {
        self.due = now + interval.unwrap_or_default();
    }

    /// The job was answered.
    pub(super) fn answered(&mut self, took: Duration) {
        self.limit = FIRST_LIMIT.max(took * 2);
    }

    /// The job was late: it gets twice the time, after a rest.
    pub(super) fn late(&mut self, now: Duration, timeout: Duration) {
        let limit = self.limit(timeout);
        self.due = self.due.max(now + (limit * REST).min(LONGEST_REST));
        self.limit = limit * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TIMEOUT: Duration = Duration::from_secs(3);

    #[test]
    fn a_job_rests_for_its_interval() {
        let mut job = JobSchedule::default();
        assert!(job.is_due(Duration::ZERO));
        job.asked(SECOND, Some(15 * SECOND));
        job.answered(SECOND / 100);
        assert!(!job.is_due(15 * SECOND) && job.is_due(16 * SECOND));
        job.make_due(5 * SECOND);
        assert!(job.is_due(5 * SECOND));
    }

    #[test]
    fn a_late_job_gets_twice_the_time_after_a_rest() {
        let mut job = JobSchedule::default();
        let mut limits = Vec::new();
        for _ in 0..4 {
            limits.push(job.limit(TIMEOUT).as_millis());
            job.asked(SECOND, Some(SECOND));
            job.late(SECOND * 2, TIMEOUT);
        }
        assert_eq!(limits, [1000, 2000, 2400, 2400]);
        assert!(!job.is_due(SECOND * 11) && job.is_due(SECOND * 12));
        job.answered(SECOND * 3 / 2);
        assert_eq!(job.limit(TIMEOUT), TIMEOUT * 4 / 5);
        job.answered(SECOND / 10);
        assert_eq!(job.limit(TIMEOUT), SECOND);
    }

    #[test]
    fn a_rest_is_never_shorter_than_the_interval() {
        let mut job = JobSchedule::default();
        job.asked(SECOND, Some(SECOND * 60));
        job.late(SECOND * 2, TIMEOUT);
        assert!(!job.is_due(SECOND * 60));
    }
}
