//! Errors of a session, and the label of each for metrics. The driver's `Display` leaves the cause in `source`, so print the
//! whole chain.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

use super::password_command::PasswordCommandError;
use crate::config::PasswordError;
use crate::outcome::{ConnectFailure, Outcome};

/// An attempt to open a session failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    PasswordCommand(#[from] PasswordCommandError),
    #[error("{path}: {message}")]
    Certificate { path: String, message: String },
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("no answer within {0}")]
    Timeout(humantime::FormattedDuration),
    #[error(transparent)]
    Driver(Error),
    #[error("the new session cannot be used: {0}")]
    Unusable(#[source] QueryError),
    /// The session settings that the agent needs did not reach the server.
    #[error("a connection pooler is in between; connect to PostgreSQL itself")]
    Pooler(#[source] Option<Error>),
}

impl ConnectError {
    pub(super) fn driver(error: Error) -> Self {
        match driver_reason(&error) {
            ConnectFailure::Pooler => Self::Pooler(Some(error)),
            _ => Self::Driver(error),
        }
    }

    /// A pooler gives the server connection to other clients between statements, and prepared statements stay on it.
    pub(super) fn unusable(error: QueryError) -> Self {
        let pooler_errors = [
            SqlState::DUPLICATE_PSTATEMENT,
            SqlState::INVALID_SQL_STATEMENT_NAME,
        ];
        match error {
            QueryError::Driver { source, .. }
                if source
                    .code()
                    .is_some_and(|code| pooler_errors.contains(code)) =>
            {
                Self::Pooler(Some(source))
            }
            error => Self::Unusable(error),
        }
    }

    pub(crate) fn reason(&self) -> ConnectFailure {
        match self {
            Self::Password(_) | Self::PasswordCommand(_) | Self::Certificate { .. } => {
                ConnectFailure::Credentials
            }
            Self::Tls(_) => ConnectFailure::Tls,
            Self::Timeout(_) => ConnectFailure::Timeout,
            Self::Driver(error) => driver_reason(error),
            Self::Unusable(error) if error.outcome() == Outcome::OutOfMemory => {
                ConnectFailure::OutOfMemory
            }
            Self::Unusable(_) => ConnectFailure::Other,
            Self::Pooler(_) => ConnectFailure::Pooler,
        }
    }

    /// The login failed at the `CONNECTION LIMIT` of the role. The message may be translated; the name of the C function that
    /// raised the error is not.
    pub(crate) fn is_role_limit(&self) -> bool {
        let Self::Driver(error) = self else {
            return false;
        };
        self.reason() == ConnectFailure::TooManyConnections
            && error.as_db_error().and_then(DbError::routine) == Some("InitializeSessionUserId")
    }

    /// No process listens at the address, or the server accepts no sessions now: applications are refused as well.
    pub(crate) fn refuses_all(&self) -> bool {
        let Self::Driver(error) = self else {
            return false;
        };
        match self.reason() {
            ConnectFailure::StartingUp | ConnectFailure::OutOfMemory => true,
            ConnectFailure::Refused => io_kind(error).is_some_and(|kind| {
                // NotFound: the file of a Unix socket is removed when the server stops.
                matches!(
                    kind,
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
                )
            }),
            _ => false,
        }
    }

    /// As libpq with `sslmode=prefer`: retry without TLS if the handshake fails or `pg_hba.conf` rejects the encrypted session.
    pub(super) fn may_retry_plaintext(&self) -> bool {
        match self {
            Self::Driver(error) => {
                driver_reason(error) == ConnectFailure::Tls
                    || error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
            }
            _ => false,
        }
    }
}

fn driver_reason(error: &Error) -> ConnectFailure {
    if let Some(db) = error.as_db_error() {
        return refusal(db);
    }
    // The kinds of the driver's errors are private; only the messages distinguish them.
    let text = error.to_string();
    if text.starts_with("error performing TLS handshake") {
        return ConnectFailure::Tls;
    }
    if text.starts_with("authentication error") || text.starts_with("invalid configuration") {
        return ConnectFailure::Auth;
    }
    error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .map_or(ConnectFailure::Other, network)
}

fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    let source = error.source()?.downcast_ref::<io::Error>()?;
    Some(source.kind())
}

fn refusal(db: &DbError) -> ConnectFailure {
    let code = db.code();
    if *code == SqlState::TOO_MANY_CONNECTIONS {
        ConnectFailure::TooManyConnections
    } else if *code == SqlState::OUT_OF_MEMORY {
        ConnectFailure::OutOfMemory
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        ConnectFailure::StartingUp
    } else if [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::INSUFFICIENT_PRIVILEGE,
    ]
    .contains(code)
    {
        ConnectFailure::Auth
    } else if [
        SqlState::INVALID_CATALOG_NAME,
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
    ]
    .contains(code)
    {
        ConnectFailure::Database
    } else if *code == SqlState::PROTOCOL_VIOLATION && db.message().contains("startup parameter") {
        ConnectFailure::Pooler
    } else {
        ConnectFailure::Other
    }
}

fn network(error: &io::Error) -> ConnectFailure {
    // With TLS 1.3 the server rejects a client certificate only after the handshake.
    if error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
    {
        return ConnectFailure::Tls;
    }
    match error.kind() {
        io::ErrorKind::TimedOut => ConnectFailure::Timeout,
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::UnexpectedEof => ConnectFailure::Refused,
        _ if error.to_string().contains("lookup address") => ConnectFailure::Dns,
        _ => ConnectFailure::Other,
    }
}

/// One statement failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("{context}")]
    Driver {
        context: &'static str,
        source: Error,
    },
    #[error("{context}: unexpected answer from the server: {what}")]
    Answer { context: &'static str, what: String },
    #[error("the role of the session has been dropped")]
    RoleDropped,
}

impl QueryError {
    pub(super) fn driver(context: &'static str) -> impl Fn(Error) -> Self + Copy {
        move |source| Self::Driver { context, source }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Driver { source, .. } if is_lost(source) => Outcome::Lost,
            Self::Driver { source, .. } if was_cancelled(source) => Outcome::Timeout,
            Self::Driver { source, .. } if source.code() == Some(&SqlState::OUT_OF_MEMORY) => {
                Outcome::OutOfMemory
            }
            Self::Driver { source, .. }
                if source.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) =>
            {
                Outcome::Denied
            }
            Self::Driver { .. } | Self::Answer { .. } => Outcome::Error,
            Self::RoleDropped => Outcome::Lost,
        }
    }
}

/// The session has ended: the socket is closed, or the server sent a fatal error.
fn is_lost(error: &Error) -> bool {
    match error.as_db_error() {
        Some(db) => matches!(
            db.parsed_severity(),
            Some(Severity::Fatal | Severity::Panic)
        ),
        None => {
            error.is_closed()
                || error
                    .source()
                    .is_some_and(<dyn std::error::Error>::is::<io::Error>)
        }
    }
}

/// The server cancelled the statement because of `statement_timeout` or `lock_timeout`.
fn was_cancelled(error: &Error) -> bool {
    error
        .code()
        .is_some_and(|code| [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE].contains(code))
}
