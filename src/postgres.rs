//! The session with a server, and everything that is ever asked on it. The only room that knows the driver.

mod column;
mod connection;
mod error;
pub(crate) mod role;
mod session;
mod tls;
pub(crate) mod view;

pub(crate) use connection::{APPLICATION_NAME, CredentialFiles};
pub(crate) use error::{ConnectError, QueryError};
pub(crate) use session::Session;
