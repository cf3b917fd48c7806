//! The one integration-test binary: the agent against real PostgreSQL servers.

mod cli;
mod config;
mod counts;
mod faults;
mod harness;
mod headroom;
mod http;
mod locks;
mod names;
mod privileges;
mod sizes;
#[path = "../support/mod.rs"]
mod support;
mod survival;
mod tls;
mod web;
