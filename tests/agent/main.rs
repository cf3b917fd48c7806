//! The one integration-test binary: the agent against real PostgreSQL servers.

mod advise;
mod backups;
mod budgets;
mod cli;
mod config;
mod counts;
mod deploy;
mod dropin;
mod faults;
mod harness;
mod headroom;
mod healthcheck;
mod hostile;
mod http;
mod isolation;
mod load;
mod locks;
mod machine;
mod names;
mod notify;
mod page;
mod pooler;
mod privileges;
mod probes;
mod resources;
mod runbooks;
mod scrapers;
mod secrets;
mod sizes;
mod soak;
mod storage;
#[expect(unused_imports, reason = "the tests of the stack need more of it")]
#[path = "../support/mod.rs"]
mod support;
mod survival;
mod systemd;
mod tls;
mod versions;
mod web;
