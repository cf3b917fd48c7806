//! How a poll or an attempt to connect ended: closed sets of labels.

use std::error::Error;

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

/// What failed: a label for metrics, and the error for the log.
#[derive(Debug)]
pub(crate) struct Failed<Label> {
    pub(crate) why: Label,
    pub(crate) error: Box<dyn Error + Send + Sync>,
}
