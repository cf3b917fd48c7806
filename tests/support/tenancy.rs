//! A shared server for tests: logins without password, tenants in one line, and an agent with short intervals.

use super::{Agent, AgentSpec, Cluster, Scrape, TestSession};

/// The shortest intervals that the configuration allows.
const QUICK: &str = "poll: {interval: 100ms}\n\
                     stats: {interval: 1s}\n\
                     sizes: {interval: 1s, max_time_fraction: 0.5}\n";

/// Starts a server with trust authentication, because checking a password is slow without optimisation.
pub(crate) async fn trusting(settings: &[(&str, &str)]) -> Cluster {
    let cluster = Cluster::start(settings);
    cluster.prepend_hba("host all all 127.0.0.1/32 trust");
    cluster.reload().await;
    cluster
}

/// The role of the agent in most tests. The password of every role is its name.
pub(crate) const AGENT: &str = "agent";

pub(crate) async fn create_agent_role(cluster: &Cluster) {
    let create =
        format!("CREATE ROLE {AGENT} LOGIN PASSWORD '{AGENT}'; GRANT pg_monitor TO {AGENT}");
    cluster.sql(&create).await;
}

/// A password that the server does not ask for. It must not appear in any output either.
const UNASKED: &str = "not asked for";

/// An agent with short intervals that logs in as this role, with this added to its configuration.
pub(crate) async fn watch_as(cluster: &Cluster, role: &str, config: &str) -> Agent {
    let (url, config) = (
        cluster.url(role, UNASKED, "postgres"),
        format!("{QUICK}{config}"),
    );
    Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &url)],
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await
}

/// An agent with short intervals whose role has `pg_monitor`.
pub(crate) async fn watch(cluster: &Cluster, config: &str) -> Agent {
    create_agent_role(cluster).await;
    watch_as(cluster, AGENT, config).await
}

/// A page with a poll that began after this call.
pub(crate) async fn fresh(agent: &Agent) -> Scrape {
    let polls = |page: &Scrape| {
        page.sum(
            "pgcommons_polls_total",
            &[("poll", "activity"), ("outcome", "ok")],
        )
    };
    let before = polls(&agent.scrape().await);
    // The next poll may have begun before this call.
    agent
        .scrape_until("a poll that began later", |page| {
            polls(page) >= before + 2.0
        })
        .await
}

/// A name as a quoted SQL identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Creates a database with this connection limit, and a role of the same name that owns it.
pub(crate) async fn create_tenant(cluster: &Cluster, name: &str, limit: i32) {
    let (identifier, password) = (quoted(name), name.replace('\'', "''"));
    let role = format!("CREATE ROLE {identifier} LOGIN PASSWORD '{password}'");
    let owned = format!("OWNER {identifier} CONNECTION LIMIT {limit}");
    cluster.sql(&role).await;
    cluster
        .sql(&format!("CREATE DATABASE {identifier} {owned}"))
        .await;
}

/// Opens sessions of a tenant.
pub(crate) async fn sessions(cluster: &Cluster, tenant: &str, count: usize) -> Vec<TestSession> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        let session = cluster.connect(tenant, tenant, tenant).await;
        sessions.push(session.expect("a tenant may connect"));
    }
    sessions
}

/// The series of polls with another outcome than `ok`.
pub(crate) fn failed_polls(page: &Scrape) -> Vec<String> {
    let polls = page.series("pgcommons_polls_total").into_iter();
    let failed = polls.filter(|polls| polls.value > 0.0 && polls.label("outcome") != Some("ok"));
    failed.map(|polls| format!("{:?}", polls.labels)).collect()
}
