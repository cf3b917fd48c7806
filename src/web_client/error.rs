//! Why a request got no answer.

use std::io;

/// `origin` is the scheme, the host and the port of the address. The rest of it may be a secret and is in no message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebError {
    /// A file with a secret cannot be read, or the secret cannot be sent.
    #[error("{problem}")]
    Credentials { problem: String },
    #[error("cannot connect to {origin}")]
    Connect {
        origin: String,
        #[source]
        source: io::Error,
    },
    /// The certificates of the CAs cannot be used.
    #[error("{problem}")]
    Certificates { problem: String },
    #[error("TLS with {origin} fails")]
    Tls {
        origin: String,
        #[source]
        source: io::Error,
    },
    #[error("no HTTP answer from {origin}")]
    Http {
        origin: String,
        #[source]
        source: hyper::Error,
    },
    #[error("the answer of {origin} is larger than {limit} bytes")]
    TooLarge { origin: String, limit: usize },
    #[error("no answer from {origin} within {deadline}")]
    Timeout {
        origin: String,
        deadline: humantime::FormattedDuration,
    },
}
