//! The one session with a server, and everything that is ever asked on it. The only room that knows the driver.

mod activity;
mod catalogue;
mod connect;
mod error;
mod info;
pub(crate) mod role;
mod session;
mod sizes;
mod stats;
mod tls;

pub(crate) use connect::Files;
pub(crate) use error::{ConnectError, QueryError};
pub(crate) use session::Session;
