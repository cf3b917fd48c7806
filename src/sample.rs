//! What a source said: plain rows of one poll, nothing computed from them. `Option` is for what may be unknown; a value
//! that is not there is never written as 0. No driver types, no limits, no labels.

mod activity;
mod catalogue;
pub(crate) mod readings;
mod server;
mod sizes;
mod statistics;

pub(crate) use activity::{Activity, Sessions};
pub(crate) use catalogue::{Catalogue, Database, Fingerprint, Role};
pub(crate) use readings::Readings;
pub(crate) use server::{Backend, ServerInfo, Support};
pub(crate) use sizes::{Size, SizeMeasurement};
pub(crate) use statistics::{DatabaseStats, Locks, SessionCounts, Stats};

/// An object identifier of the server's catalogue. A database that is dropped and created again gets a new one.
pub(crate) type Oid = u32;
