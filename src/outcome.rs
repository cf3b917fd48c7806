//! The outcomes of polls and of attempts to connect: closed sets of labels.

use std::error::Error;

/// The outcome of one poll of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    /// No answer within the deadline, or the server cancelled the statement (`statement_timeout`, `lock_timeout`).
    Timeout,
    /// The server answered with an error, or the agent cannot decode the answer.
    Error,
    /// SQLSTATE 42501: the role may not call a function; a managed service may refuse it to every role.
    Denied,
    /// SQLSTATE 53200: the lock table is full, or the server has no memory. The primary poll may still have counted sessions.
    OutOfMemory,
    /// The connection broke.
    Lost,
}

impl Outcome {
    pub(crate) const ALL: [Self; 6] = [
        Self::Ok,
        Self::Timeout,
        Self::Error,
        Self::Denied,
        Self::OutOfMemory,
        Self::Lost,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::Denied => "denied",
            Self::OutOfMemory => "out_of_memory",
            Self::Lost => "lost",
        }
    }
}

/// Why an attempt to connect failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectFailure {
    /// The password file, or the certificate files, could not be read.
    Credentials,
    Dns,
    /// No process listens at the address, or the network refused the connection.
    Refused,
    Timeout,
    Tls,
    /// Wrong password, no such role, rejected by `pg_hba.conf`, no CONNECT privilege.
    Auth,
    /// SQLSTATE 53300: the server, the database or the role is at its limit.
    TooManyConnections,
    /// SQLSTATE 53200: the lock table is full, or the server has no memory.
    OutOfMemory,
    /// SQLSTATE 57P03: the server is starting up, shutting down, or in recovery without hot standby.
    StartingUp,
    /// The database to connect to does not exist or is invalid.
    Database,
    /// A connection pooler is in between and drops the session settings that the agent needs.
    Pooler,
    Other,
}

impl ConnectFailure {
    pub(crate) const ALL: [Self; 12] = [
        Self::Credentials,
        Self::Dns,
        Self::Refused,
        Self::Timeout,
        Self::Tls,
        Self::Auth,
        Self::TooManyConnections,
        Self::OutOfMemory,
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
            Self::OutOfMemory => "out_of_memory",
            Self::StartingUp => "starting_up",
            Self::Database => "database",
            Self::Pooler => "pooler",
            Self::Other => "other",
        }
    }
}

/// Why a notification was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotificationFailure {
    /// A file with a secret cannot be used.
    Credentials,
    /// No connection: the name cannot be resolved, or no process answers.
    Connect,
    Tls,
    Timeout,
    /// The answer is not HTTP, or too large.
    Protocol,
    /// Status 429.
    RateLimit,
    /// Another status below 500 that is no success.
    ClientError,
    ServerError,
}

impl NotificationFailure {
    pub(crate) const ALL: [Self; 8] = [
        Self::Credentials,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Protocol,
        Self::RateLimit,
        Self::ClientError,
        Self::ServerError,
    ];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::RateLimit => "rate_limit",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
        }
    }
}

/// A failure: its label for metrics, and the error for the log.
#[derive(Debug)]
pub(crate) struct Failed<Label> {
    pub(crate) why: Label,
    pub(crate) error: Box<dyn Error + Send + Sync>,
}
