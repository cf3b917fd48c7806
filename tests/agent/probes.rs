//! Probes of the databases of tenants: workspaces without a scan, what is open inside, and their faults.

mod command;
mod faults;
mod grants;
mod hostile;
mod inside;
mod workspaces;

use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Scrape, create_agent_role, create_tenant, trusting,
};

/// The database of the tenant, by its tables `lightrag_*`.
const SHARED: &str =
    "shared: {interval: 1s, workspaces: {column: workspace, tables: 'lightrag_*'}}";

/// A table with rows of two workspaces, one to three.
const TWO: &str = "CREATE TABLE lightrag_doc (id int, workspace text, content text);
INSERT INTO lightrag_doc SELECT n, CASE WHEN n % 4 = 0 THEN 'acme' ELSE 'globex' END, 'x' FROM generate_series(1, 8000) AS n;
ANALYZE lightrag_doc;";

const GRANT: &str = "GRANT SELECT (workspace) ON ALL TABLES IN SCHEMA public TO agent;";

/// A server with a tenant `shared`, in whose database this was run.
async fn shared(statements: &str) -> Cluster {
    let cluster = trusting(&[("track_counts", "on")]).await;
    create_agent_role(&cluster).await;
    create_tenant(&cluster, "shared", -1).await;
    cluster.sql_in("shared", statements).await;
    cluster
}

/// An agent with these probes that polls ten times a second.
async fn watch(cluster: &Cluster, probes: &str) -> Agent {
    let config = config(cluster, probes);
    Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await
}

fn config(cluster: &Cluster, probes: &str) -> String {
    let dsn = cluster.url(AGENT, "", "postgres");
    format!(
        "poll: {{interval: 100ms, timeout: 1s, max_time_fraction: 0.5}}\nservers: {{a: {{dsn: '{dsn}', probes: {{{probes}}}}}}}\n"
    )
}

fn up(page: &Scrape, datname: &str) -> Option<f64> {
    page.value("pgcommons_probe_up", &[("datname", datname)])
}

fn probes(page: &Scrape, datname: &str, outcome: &str) -> f64 {
    let labels = [
        ("poll", "probe"),
        ("datname", datname),
        ("outcome", outcome),
    ];
    page.sum("pgcommons_polls_total", &labels)
}

fn rows(page: &Scrape, workspace: &str) -> Option<f64> {
    page.value(
        "pgcommons_workspace_rows",
        &[("datname", "shared"), ("workspace", workspace)],
    )
}

fn tables(page: &Scrape, state: &str) -> Option<f64> {
    let labels = [("datname", "shared"), ("state", state)];
    page.value("pgcommons_workspace_tables", &labels)
}

/// A page of a probe of this database that began after this call, and succeeded.
async fn fresh_probe(agent: &Agent) -> Scrape {
    let before = probes(&agent.scrape().await, "shared", "ok");
    // The next one may have begun before this call.
    agent
        .scrape_until("another probe", |page| {
            probes(page, "shared", "ok") >= before + 2.0
        })
        .await
}
