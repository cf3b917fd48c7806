//! The one integration-test binary: the agent against real PostgreSQL servers.

mod harness;
mod support;
