//! Counters of the agent itself: of its work with one source (the polls of each job, their outcomes, failed connects), and of
//! the clients of its listener, and of the receivers of its notifications. It only counts; it decides nothing.

use std::time::Duration;

use crate::outcome::{ConnectFailure, NotificationFailure, Outcome};

/// The polls of one job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct JobHealth {
    /// The label `poll`.
    pub(crate) name: &'static str,
    polls: [u64; Outcome::ALL.len()],
    /// How the last poll ended; None: no poll has ended yet.
    pub(crate) last: Option<Outcome>,
    /// How long the last poll took, whatever its outcome.
    pub(crate) duration: Option<Duration>,
    /// Seconds since the epoch; None: no poll has succeeded yet.
    pub(crate) last_success: Option<f64>,
}

impl JobHealth {
    fn of(name: &'static str) -> Self {
        Self {
            name,
            polls: [0; Outcome::ALL.len()],
            last: None,
            duration: None,
            last_success: None,
        }
    }

    pub(crate) fn polls(&self, outcome: Outcome) -> u64 {
        self.polls[outcome as usize]
    }
}

/// Counters and last values of one source's polls. They are kept across reconnects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Health {
    /// In the order of the source's jobs.
    jobs: Vec<JobHealth>,
    connect_failures: [u64; ConnectFailure::ALL.len()],
    interval: Option<Duration>,
}

impl Health {
    pub(crate) fn of(jobs: &[&'static str]) -> Self {
        Self {
            jobs: jobs.iter().map(|name| JobHealth::of(name)).collect(),
            connect_failures: [0; ConnectFailure::ALL.len()],
            interval: None,
        }
    }

    /// One poll has ended. `at` is the wall clock in seconds since the epoch.
    pub(crate) fn polled(&mut self, job: usize, outcome: Outcome, took: Duration, at: f64) {
        let job = &mut self.jobs[job];
        job.polls[outcome as usize] += 1;
        job.last = Some(outcome);
        job.duration = Some(took);
        if outcome == Outcome::Ok {
            job.last_success = Some(at);
        }
    }

    pub(crate) fn jobs(&self) -> &[JobHealth] {
        &self.jobs
    }

    /// The present interval of the primary job.
    pub(crate) fn set_interval(&mut self, interval: Duration) {
        self.interval = Some(interval);
    }

    /// None: no poll has ended yet.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.interval
    }

    pub(crate) fn connect_failed(&mut self, reason: ConnectFailure) {
        self.connect_failures[reason as usize] += 1;
    }

    pub(crate) fn connect_failures(&self, reason: ConnectFailure) -> u64 {
        self.connect_failures[reason as usize]
    }
}

/// Why the agent closed or reset the connection of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// No request within the time limit.
    NoRequest,
    /// The connection table was full, and a new connection replaced this one.
    ConnectionLimit,
    /// Unread answers used too much memory, and this client was the slowest reader.
    UnreadLimit,
}

impl CloseReason {
    pub(crate) const ALL: [Self; 3] = [Self::NoRequest, Self::ConnectionLimit, Self::UnreadLimit];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NoRequest => "no_request",
            Self::ConnectionLimit => "connection_limit",
            Self::UnreadLimit => "unread_limit",
        }
    }
}

/// The state of the listener when a page is written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ListenerHealth {
    pub(crate) unread_bytes: usize,
    /// The number of closed connections, indexed by [`CloseReason`].
    pub(crate) closed: [u64; CloseReason::ALL.len()],
}

/// The notifications of one receiver.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReceiverHealth {
    /// The label `receiver`.
    pub(crate) name: String,
    /// Such as `webhook`.
    pub(crate) kind: &'static str,
    pub(crate) delivered: u64,
    failures: [u64; NotificationFailure::ALL.len()],
    /// Alerts that were left out, because there were too many.
    pub(crate) dropped: u64,
    /// Seconds since the epoch; None: none was delivered yet.
    pub(crate) last_success: Option<f64>,
    /// Since when attempts fail, and why the last one did. None: the last attempt succeeded, or there was none.
    pub(crate) failing: Option<(f64, NotificationFailure)>,
}

impl ReceiverHealth {
    pub(crate) fn new(name: &str, kind: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            delivered: 0,
            failures: [0; NotificationFailure::ALL.len()],
            dropped: 0,
            last_success: None,
            failing: None,
        }
    }

    /// `at` is the wall clock in seconds since the epoch.
    pub(crate) fn delivered(&mut self, at: f64) {
        self.delivered += 1;
        self.last_success = Some(at);
        self.failing = None;
    }

    pub(crate) fn failed(&mut self, why: NotificationFailure, at: f64) {
        self.failures[why as usize] += 1;
        let since = self.failing.map_or(at, |(since, _)| since);
        self.failing = Some((since, why));
    }

    pub(crate) fn failures(&self, why: NotificationFailure) -> u64 {
        self.failures[why as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_has_its_own_counter() {
        let mut health = Health::of(&["activity", "sizes"]);
        for (n, reason) in ConnectFailure::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, n, "{}", reason.label());
            health.connect_failed(reason);
        }
        for job in 0..2 {
            for outcome in Outcome::ALL {
                health.polled(job, outcome, Duration::from_millis(1), 5.0);
            }
        }
        let failures = ConnectFailure::ALL.map(|reason| health.connect_failures(reason));
        assert_eq!(failures, [1; ConnectFailure::ALL.len()]);
        for job in health.jobs() {
            assert_eq!(
                Outcome::ALL.map(|outcome| job.polls(outcome)),
                [1; Outcome::ALL.len()]
            );
        }
    }

    #[test]
    fn a_failed_poll_is_no_success() {
        let mut health = Health::of(&["activity", "stats"]);
        health.polled(1, Outcome::Timeout, Duration::from_secs(1), 5.0);
        let [activity, stats] = health.jobs() else {
            panic!("two jobs");
        };
        assert_eq!((activity.duration, stats.last_success), (None, None));
        assert_eq!(stats.duration, Some(Duration::from_secs(1)));
    }
}
