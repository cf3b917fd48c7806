//! How the agent itself fares with one server (polls, their outcomes, failed connects), and with its clients. Only counts what it is
//! told; the sets of labels are closed, here.

use std::time::Duration;

/// What is polled together, on a cadence of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    Activity,
    Stats,
    Sizes,
}

impl Job {
    pub(crate) const ALL: [Self; 3] = [Self::Activity, Self::Stats, Self::Sizes];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Stats => "stats",
            Self::Sizes => "sizes",
        }
    }
}

/// How one poll of a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    /// No answer within the deadline, or the server's own `statement_timeout` or `lock_timeout` ended the statement.
    Timeout,
    /// The server answered with an error, or with what cannot be decoded.
    Error,
    /// The connection broke.
    Lost,
}

impl Outcome {
    pub(crate) const ALL: [Self; 4] = [Self::Ok, Self::Timeout, Self::Error, Self::Lost];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::Lost => "lost",
        }
    }
}

/// Why no session could be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectFailure {
    /// The password file, or the certificate files, could not be read.
    Credentials,
    Dns,
    /// Nobody listens there, or the network says so.
    Refused,
    Timeout,
    Tls,
    /// Wrong password, no such role, rejected by `pg_hba.conf`, no CONNECT privilege.
    Auth,
    /// SQLSTATE 53300: the server, the database or the role is at its limit.
    TooManyConnections,
    /// SQLSTATE 57P03: starting up, shutting down, in recovery without hot standby.
    StartingUp,
    /// The database to connect to does not exist or is invalid.
    Database,
    /// A connection pooler stands in between and drops what keeps the session harmless.
    Pooler,
    Other,
}

impl ConnectFailure {
    pub(crate) const ALL: [Self; 11] = [
        Self::Credentials,
        Self::Dns,
        Self::Refused,
        Self::Timeout,
        Self::Tls,
        Self::Auth,
        Self::TooManyConnections,
        Self::StartingUp,
        Self::Database,
        Self::Pooler,
        Self::Other,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::TooManyConnections => "too_many_connections",
            Self::StartingUp => "starting_up",
            Self::Database => "database",
            Self::Pooler => "pooler",
            Self::Other => "other",
        }
    }
}

/// Why the agent closed the connection of a client, or reset it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// Made no request for too long.
    NoRequest,
    /// All places are taken, and a new connection got this one.
    ConnectionLimit,
    /// Unread answers hold too much memory, and this client was the slowest to read.
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

/// The listener, at the moment that a page is made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ListenerHealth {
    pub(crate) unread_bytes: usize,
    /// By [`CloseReason`].
    pub(crate) closed: [u64; CloseReason::ALL.len()],
}

/// Counters and last values of one server's polls. Lives as long as the poller, across reconnects.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Health {
    polls: [[u64; Outcome::ALL.len()]; Job::ALL.len()],
    durations: [Option<Duration>; Job::ALL.len()],
    last_success: [Option<f64>; Job::ALL.len()],
    connect_failures: [u64; ConnectFailure::ALL.len()],
    interval: Option<Duration>,
}

impl Health {
    /// One poll has ended. `at` is the wall clock in seconds since the epoch.
    pub(crate) fn polled(&mut self, job: Job, outcome: Outcome, took: Duration, at: f64) {
        self.polls[job as usize][outcome as usize] += 1;
        self.durations[job as usize] = Some(took);
        if outcome == Outcome::Ok {
            self.last_success[job as usize] = Some(at);
        }
    }

    /// The time from one fast poll to the next, as it is now.
    pub(crate) fn paced(&mut self, interval: Duration) {
        self.interval = Some(interval);
    }

    pub(crate) fn connect_failed(&mut self, reason: ConnectFailure) {
        self.connect_failures[reason as usize] += 1;
    }

    pub(crate) fn polls(&self, job: Job, outcome: Outcome) -> u64 {
        self.polls[job as usize][outcome as usize]
    }

    pub(crate) fn duration(&self, job: Job) -> Option<Duration> {
        self.durations[job as usize]
    }

    /// None: no poll has ended yet.
    pub(crate) fn interval(&self) -> Option<Duration> {
        self.interval
    }

    /// Seconds since the epoch; None: never yet.
    pub(crate) fn last_success(&self, job: Job) -> Option<f64> {
        self.last_success[job as usize]
    }

    pub(crate) fn connect_failures(&self, reason: ConnectFailure) -> u64 {
        self.connect_failures[reason as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_counted_under_its_own_index() {
        let mut health = Health::default();
        for (n, reason) in ConnectFailure::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, n, "{}", reason.label());
            health.connect_failed(reason);
        }
        for job in Job::ALL {
            for outcome in Outcome::ALL {
                health.polled(job, outcome, Duration::from_millis(1), 5.0);
            }
        }
        assert!(
            ConnectFailure::ALL
                .into_iter()
                .all(|reason| health.connect_failures(reason) == 1)
        );
        assert!(
            Job::ALL
                .into_iter()
                .all(|job| Outcome::ALL.into_iter().all(|o| health.polls(job, o) == 1))
        );
    }

    #[test]
    fn a_failed_poll_is_no_success() {
        let mut health = Health::default();
        health.polled(Job::Stats, Outcome::Timeout, Duration::from_secs(1), 5.0);
        assert_eq!(health.last_success(Job::Stats), None);
        assert_eq!(health.duration(Job::Stats), Some(Duration::from_secs(1)));
    }
}
