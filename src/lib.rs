//! A monitoring agent for a PostgreSQL server that many applications share.
//!
//! Data flows in one direction. `config` defines what to poll. `collect` polls each *source* (a server, over `postgres`)
//! with its *jobs*: questions, each with its own interval. The first job of a source decides whether it is up. The answers are
//! `sample`s. `tracker` evaluates a poll with the pure rooms `policy`, `limits`, `history`, `series` and
//! `size_schedule`. `state` is the immutable value that is published; a `snapshot` is one poll in it. `metrics` and
//! `http` read it. `findings` describe problems, `notify` sends them, and `command` implements the command line.
//!
//! * A *connection slot* is one of `max_connections`. A *series slot* lets a name have series of its own.
//! * *Headroom* is the number of connections that can still be opened.
//! * A *tenant* is a database of an application, or a login role.
//! * *Series limits* are the numbers of series slots.
//! * A *finding* is one problem: its severity, which database, role or server has it, and the remedy.

mod advice;
mod backups;
mod blocking;
mod build_info;
mod clock;
mod collect;
mod command;
mod config;
mod crashes;
mod findings;
mod health;
mod history;
mod host;
mod http;
mod isolation;
mod limits;
mod logging;
mod metrics;
mod names;
mod notify;
mod outcome;
mod page;
mod plan;
mod policy;
mod pooler;
mod postgres;
mod probe;
mod process;
mod prometheus_api;
mod resources;
mod sample;
mod scrapes;
mod series;
mod size_schedule;
mod snapshot;
mod state;
mod status;
mod storage;
mod systemd;
mod timeline;
mod tracker;
mod web_client;

pub use command::{cli, run, stdout_is_open};
pub use config::Environment;
