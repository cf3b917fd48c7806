//! The one integration-test binary: the agent against real PostgreSQL servers.

mod counts;
mod harness;
mod headroom;
mod names;
mod privileges;
mod sizes;
mod support;
