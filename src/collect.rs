//! One loop for everything that is polled: schedule, deadlines, cost, back-off, health, the log of transitions, publication.
//! A source defines how it is opened, which jobs it has and what an answer means; see [`source`].

mod attached;
mod backoff;
mod backups;
mod container;
mod current;
mod freshness;
mod poller;
mod pollers;
mod pooler;
mod probe;
mod question;
mod schedule;
mod server;
mod server_log;
mod source;
mod supervisor;
mod throttle;
mod ticks;
mod transitions;
mod volume;

pub(crate) use server::JOBS;
pub(crate) use supervisor::Supervisor;
