//! The session with a server, and every statement that the agent runs on it. The only room that uses the driver.

mod column;
mod connection;
mod console;
mod error;
mod password_command;
mod probe;
pub(crate) mod role;
mod session;
pub(crate) mod tenant;
mod tls;
pub(crate) mod view;

pub(crate) use connection::{APPLICATION_NAME, CredentialFiles};
pub(crate) use console::{Console, console_failure};
pub(crate) use error::{ConnectError, QueryError};
pub(crate) use probe::ProbeSession;
pub(crate) use session::{ActivityQuestion, Session};
