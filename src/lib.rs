//! A monitoring agent for a PostgreSQL server that many applications share.
//!
//! One value flows one way. `config` says what to watch. `collect` polls each *source* (a server, by `postgres`) by its
//! *jobs*: questions that have a cadence each. The first job of a source decides whether it is up. The rows are `sample`s.
//! `tracker` judges a poll by the pure rooms `policy`, `limits`, `history`, `series` and `size_schedule`.
//! `state` is what is published, an immutable value; `snapshot` is one poll in it. `metrics` and `http` read it.
//! `findings` say what is wrong, and `command` has what the command line does.
//!
//! * A *connection slot* is one of `max_connections`.
//! * *Headroom* is the number of connections that PostgreSQL would still admit.
//! * A *tenant* is a database of an application, or a login role.
//! * *Series limits* bound how many names of tenants have series of their own.
//! * A *finding* is one thing that is wrong, for whom, and what to do about it.

mod blocking;
mod build_info;
mod clock;
mod collect;
mod command;
mod config;
mod findings;
mod health;
mod history;
mod http;
mod limits;
mod logging;
mod metrics;
mod names;
mod outcome;
mod policy;
mod postgres;
mod process;
mod sample;
mod series;
mod size_schedule;
mod snapshot;
mod state;
mod systemd;
mod tracker;

pub use command::{cli, run, stdout_is_open};
pub use config::Environment;
