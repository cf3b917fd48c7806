//! `PgBouncer` beside the server: its console as series, and its pools joined with the limits of PostgreSQL.

mod bad_input;
mod console;
mod faults;
mod judgement;

use std::fmt::Write as _;
use std::time::Duration;

use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, PgBouncer, Scrape, create_agent_role, create_tenant, trusting,
};

/// Statistics may be read by the agent.
const STATS: &str = "stats_users = agent";

/// A server with these tenants: the name, and the limit of the database.
async fn tenants(tenants: &[(&str, i32)]) -> Cluster {
    let cluster = trusting(&[("max_connections", "60")]).await;
    create_agent_role(&cluster).await;
    for (name, limit) in tenants {
        create_tenant(&cluster, name, *limit).await;
    }
    cluster
}

/// Entries of `[databases]`: the alias, the database, and further parameters.
fn entries(cluster: &Cluster, entries: &[(&str, &str, &str)]) -> String {
    let mut text = String::new();
    for (alias, datname, more) in entries {
        let port = cluster.port();
        writeln!(
            text,
            "{alias} = host=127.0.0.1 port={port} dbname={datname} {more}"
        )
        .expect("writing to a string cannot fail");
    }
    text
}

/// An agent that polls the server `a` and its pooler `edge` ten times a second.
async fn watch(cluster: &Cluster, pooler: &PgBouncer, keys: &str) -> Agent {
    let config = config(cluster, pooler, keys);
    Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await
}

/// `keys`: further keys of the pooler.
fn config(cluster: &Cluster, pooler: &PgBouncer, keys: &str) -> String {
    let (dsn, port) = (cluster.url(AGENT, "", "postgres"), pooler.port());
    format!(
        "poll: {{interval: 100ms, timeout: 1s, max_time_fraction: 0.5}}\nservers: {{a: {{dsn: '{dsn}', poolers: {{edge: {{host: 127.0.0.1, \
         port: {port}, user: {AGENT}, interval: 100ms, {keys}}}}}}}}}\n"
    )
}

fn of(page: &Scrape, name: &str, datname: &str) -> Option<f64> {
    page.value(
        &format!("pgcommons_pooler_{name}"),
        &[("pooler", "edge"), ("datname", datname)],
    )
}

fn up(page: &Scrape) -> Option<f64> {
    page.value("pgcommons_pooler_up", &[("pooler", "edge")])
}

const SECOND: Duration = Duration::from_secs(1);
