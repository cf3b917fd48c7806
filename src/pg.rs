//! The one session with a server, and everything that is ever asked on it. The only room that knows the driver.

mod activity;
mod connect;
mod error;
mod info;
pub mod role;
mod session;
mod sizes;
mod stats;
mod tls;

pub use error::{ConnectError, QueryError};
pub use session::Session;
