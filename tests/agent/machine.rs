//! What the agent reads of the machine: the processes of PostgreSQL in `/proc`, and its control group.

use crate::support::{AGENT, Agent, AgentSpec, Cluster, create_agent_role};

mod container;
mod processes;

/// `machine` is the key's value. `through` is a command that the agent is started with.
async fn watch(cluster: &Cluster, machine: &str, through: &[&str]) -> Agent {
    create_agent_role(cluster).await;
    let config = configuration(cluster, machine);
    Agent::start(AgentSpec {
        config: Some(&config),
        through,
        ..AgentSpec::default()
    })
    .await
}

fn configuration(cluster: &Cluster, machine: &str) -> String {
    let url = cluster.url(AGENT, AGENT, "postgres");
    format!(
        "poll: {{interval: 200ms, max_time_fraction: 0.5}}\nstats: {{interval: 1s}}\n\
         servers: {{main: {{dsn: \"{url}\", machine: {machine}}}}}\n"
    )
}
