//! When each slow job is asked, and how long it may take. Pure: `now` is the time since the poller began.

use std::time::Duration;

/// The first limit of a job. The primary job waits for it this long.
const FIRST_LIMIT: Duration = Duration::from_secs(1);
/// After a timeout a job rests this many times its limit.
const REST: u32 = 10;
const MAX_REST: Duration = Duration::from_secs(10);
/// After a refusal. The server logs each one.
const REST_AFTER_DENIAL: Duration = Duration::from_mins(10);

/// One job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct JobSchedule {
    due: Duration,
    limit: Duration,
    /// Until then it rests after a failure.
    rests_until: Duration,
}

impl Default for JobSchedule {
    /// Due at once.
    fn default() -> Self {
        Self {
            due: Duration::ZERO,
            limit: FIRST_LIMIT,
            rests_until: Duration::ZERO,
        }
    }
}

impl JobSchedule {
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.due <= now
    }

    /// When the job is due.
    pub(super) fn due(&self) -> Duration {
        self.due
    }

    pub(super) fn make_due(&mut self, now: Duration) {
        self.due = self.due.min(now);
    }

    /// Makes the job due, unless it rests after a failure.
    pub(super) fn bring_forward(&mut self, now: Duration) {
        if self.rests_until <= now {
            self.make_due(now);
        }
    }

    /// The source gives up after this: at most 0.8 of the deadline, so that it gives up before the agent does.
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

    /// The job timed out: it gets twice the time, after a rest.
    pub(super) fn timed_out(&mut self, now: Duration, timeout: Duration) {
        let limit = self.limit(timeout);
        self.rest_until(now + (limit * REST).min(MAX_REST));
        self.limit = limit * 2;
    }

    /// The source refused the job. A new session, or a reload, asks again at once.
    pub(super) fn denied(&mut self, now: Duration) {
        self.rest_until(now + REST_AFTER_DENIAL);
    }

    fn rest_until(&mut self, end: Duration) {
        self.due = self.due.max(end);
        self.rests_until = end;
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
    fn a_job_that_timed_out_gets_twice_the_time_after_a_rest() {
        let mut job = JobSchedule::default();
        let mut limits = Vec::new();
        for _ in 0..4 {
            limits.push(job.limit(TIMEOUT).as_millis());
            job.asked(SECOND, Some(SECOND));
            job.timed_out(SECOND * 2, TIMEOUT);
        }
        assert_eq!(limits, [1000, 2000, 2400, 2400]);
        assert!(!job.is_due(SECOND * 11) && job.is_due(SECOND * 12));
        job.answered(SECOND * 3 / 2);
        assert_eq!(job.limit(TIMEOUT), TIMEOUT * 4 / 5);
        job.answered(SECOND / 10);
        assert_eq!(job.limit(TIMEOUT), SECOND);
    }

    #[test]
    fn a_job_is_brought_forward_unless_it_rests() {
        let mut job = JobSchedule::default();
        job.asked(SECOND, Some(15 * SECOND));
        job.bring_forward(5 * SECOND);
        assert!(job.is_due(5 * SECOND));
        job.asked(5 * SECOND, Some(15 * SECOND));
        job.timed_out(6 * SECOND, TIMEOUT);
        job.bring_forward(9 * SECOND);
        assert!(!job.is_due(19 * SECOND), "it rests for ten seconds");
        job.bring_forward(16 * SECOND);
        assert!(job.is_due(16 * SECOND));
        job.asked(16 * SECOND, Some(15 * SECOND));
        job.denied(16 * SECOND);
        job.bring_forward(60 * SECOND);
        assert!(!job.is_due(60 * SECOND));
    }

    #[test]
    fn a_rest_is_never_shorter_than_the_interval() {
        let mut job = JobSchedule::default();
        job.asked(SECOND, Some(SECOND * 60));
        job.timed_out(SECOND * 2, TIMEOUT);
        assert!(!job.is_due(SECOND * 60));
    }
}
