//! Notifications without Alertmanager: the findings of the published state become alerts, and each configured receiver gets those that it
//! asks for. What is due is decided by pure functions of the alerts and the time (`tracker`, `delivery`); only `sender` waits for a network.
//! No code here asks PostgreSQL or delays a poll. Without receivers nothing runs.

mod alert;
mod alertmanager;
mod batch;
mod delivery;
mod heartbeat;
mod labels;
mod message;
mod notifier;
mod ntfy;
mod origin;
mod receiver;
mod request;
mod sender;
mod telegram;
#[cfg(test)]
mod tests;
mod tracker;
mod webhook;

pub(crate) use alert::Level;
pub(crate) use notifier::{Notifier, ReceiversHealth, send_test};
pub(crate) use origin::Origin;
pub(crate) use receiver::{Address, Destination, Login, Receiver};
