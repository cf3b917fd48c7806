//! Support for the tests: temporary `PostgreSQL` servers, the agent as a process, its pages.

mod agent;
mod binaries;
mod cgroup;
mod cluster;
mod exposition;
mod http;
mod https;
mod pgbouncer;
mod process;
mod reaper;
mod receiver;
mod relay;
mod session;
mod template;
mod tenancy;
mod tls;
mod wait;

pub(crate) use agent::{Agent, AgentSpec, run};
pub(crate) use cgroup::ControlGroup;
pub(crate) use cluster::{Cluster, StopMode, free_port};
pub(crate) use exposition::Scrape;
pub(crate) use http::{HttpReply, exchange, exchange_async};
pub(crate) use https::{Client, WebFolder};
pub(crate) use pgbouncer::{ConsoleRow, PgBouncer, PoolerClients};
pub(crate) use process::{give_to_server, must_run, server_command};
pub(crate) use receiver::{Notice, Post, Receiver};
pub(crate) use relay::Relay;
pub(crate) use session::{SUPERUSER, SUPERUSER_PASSWORD, TestSession};
pub(crate) use tenancy::{
    AGENT, create_agent_role, create_tenant, failed_polls, fresh, quoted, sessions, trusting,
    watch, watch_as,
};
pub(crate) use tls::CLIENT_ROLE;
pub(crate) use wait::{eventually, poll_blocking};
