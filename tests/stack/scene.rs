//! One agent with six servers that have every problem that rules and dashboards describe.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::machine::Machine;
use crate::poolers::Poolers;
use crate::prometheus::{Prometheus, Setup};
use crate::support::{
    Agent, AgentSpec, Cluster, StopMode, TestSession, create_agent_role, create_tenant, sessions,
    trusting,
};
use crate::{backups, history, load, probes, providers, shortages};

/// The limit of role series per server. It is higher than the initial number of roles.
pub(crate) const ROLES: usize = 20;

pub(crate) struct Scene {
    /// Many tenants, each with another problem.
    pub(crate) main: Cluster,
    /// The agent's role lacks the privileges to see sessions and sizes of others.
    pub(crate) unprivileged: Cluster,
    pub(crate) agent: Agent,
    _others: Vec<Cluster>,
    _sessions: Vec<TestSession>,
    _poolers: Poolers,
    _machine: Machine,
    folder: TempDir,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        let (main, standby) = main_server().await;
        let (mut held, poolers) = tenants(&main).await;
        let unprivileged = unprivileged_server().await;
        let full = small_server().await;
        let (late, filled) = late_server().await;
        held.extend(filled);
        let mut down = small_server().await;
        down.stop(StopMode::Fast);

        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let servers = [
            ("main", &main),
            ("unprivileged", &unprivileged),
            ("full", &full),
            ("late", &late),
            ("down", &down),
            ("standby", &standby),
        ];
        let machine = Machine::of(&main);
        let agent = start_agent(&folder, &servers, (&poolers, &machine)).await;
        held.extend(full.fill("app", "app", "postgres").await);
        Self {
            main,
            unprivileged,
            agent,
            _others: vec![full, late, down, standby],
            _sessions: held,
            _poolers: poolers,
            _machine: machine,
            folder,
        }
    }

    /// Starts a Prometheus with samples of nine days and without Alertmanager.
    pub(crate) async fn start_prometheus(&self, rules: &str) -> Prometheus {
        let (page, agent) = (self.agent.scrape().await, self.agent.address());
        Prometheus::start(Setup {
            agents: &[agent],
            alertmanager: None,
            rules,
            history: Some(&history::of(&page, agent)),
            remote: None,
        })
        .await
    }

    /// The agent's configuration file, which it reads again after SIGHUP.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.folder.path().join("pgcommons.yaml")
    }
}

/// Starts an agent, and waits until it shows the main server as it is.
async fn start_agent(
    folder: &TempDir,
    servers: &[(&str, &Cluster)],
    beside: (&Poolers, &Machine),
) -> Agent {
    let path = folder.path().join("pgcommons.yaml");
    let backups = folder.path().join("backups");
    backups::make(&backups);
    fs::write(&path, configuration(servers, beside, &backups))
        .expect("a configuration can be written");
    let agent = Agent::start(AgentSpec {
        args: &["--config.file", path.to_str().expect("a UTF-8 path")],
        ..AgentSpec::default()
    })
    .await;
    agent
        .scrape_until("sizes are known", |page| {
            let known = page.series("pg_database_size_bytes").into_iter();
            known
                .filter(|size| size.label("server") == Some("main"))
                .count()
                > 6
                && shortages::are_shown(page)
        })
        .await;
    agent
}

/// The main server, and a standby of it.
async fn main_server() -> (Cluster, Cluster) {
    let mut settings = vec![
        ("max_connections", "50"),
        ("deadlock_timeout", "20ms"),
        ("track_io_timing", "on"),
        ("shared_preload_libraries", "pg_stat_statements"),
    ];
    settings.extend(shortages::SETTINGS);
    let mut main = trusting(&settings).await;
    let standby = main.start_standby();
    create_agent_role(&main).await;
    main.sql("CREATE EXTENSION pg_stat_statements").await;
    (main, standby)
}

/// Creates tenants, and opens sessions that stay open.
async fn tenants(main: &Cluster) -> (Vec<TestSession>, Poolers) {
    for (name, limit) in [
        ("shop", 5),
        ("wiki", 10),
        ("bursts", 4),
        ("docs", -1),
        ("notes", -1),
        ("bank", 30),
    ] {
        create_tenant(main, name, limit).await;
    }
    main.sql(
        "ALTER ROLE wiki CONNECTION LIMIT 10; ALTER ROLE bursts CONNECTION LIMIT 4;
              CREATE ROLE busy LOGIN CONNECTION LIMIT 2",
    )
    .await;
    main.sql_in(
        "wiki",
        "CREATE TABLE account AS SELECT n AS id, 0 AS sum FROM generate_series(1, 2) n;
                         ALTER TABLE account OWNER TO wiki",
    )
    .await;
    probes::cause(main).await;
    let poolers = Poolers::start(main).await;
    let mut held = shortages::cause(main).await;
    held.extend(sessions(main, "shop", 4).await);
    held.extend(sessions(main, "wiki", 3).await);
    held.extend(sessions(main, "docs", 7).await);
    for _ in 0..2 {
        held.push(
            main.connect("busy", "busy", "docs")
                .await
                .expect("a session"),
        );
    }
    held.extend(transactions(main).await);
    held.extend(load::cause(main).await);
    // A superuser in the database of a tenant, and the login of another tenant.
    held.push(main.admin_of("notes").await);
    held.extend(main.connect("wiki", "wiki", "notes").await);
    (held, poolers)
}

/// A transaction that is idle and holds a lock, one that waits for the lock, and one that runs for an hour.
async fn transactions(main: &Cluster) -> Vec<TestSession> {
    let held = sessions(main, "wiki", 3).await;
    held[0]
        .batch_execute("BEGIN; LOCK TABLE account IN EXCLUSIVE MODE")
        .await
        .expect("a lock");
    for (session, statement) in [
        (&held[1], "BEGIN; LOCK TABLE account IN EXCLUSIVE MODE"),
        (&held[2], "BEGIN; SELECT pg_sleep(3600)"),
    ] {
        // The statement does not end within the test.
        let running = session.batch_execute(statement);
        drop(tokio::time::timeout(std::time::Duration::from_millis(300), running).await);
    }
    held
}

async fn unprivileged_server() -> Cluster {
    let cluster = small_server().await;
    create_tenant(&cluster, "closed", 5).await;
    cluster
        .sql(
            "REVOKE pg_monitor FROM agent; REVOKE CONNECT ON DATABASE closed FROM PUBLIC;
              REVOKE SELECT ON pg_stat_database FROM PUBLIC",
        )
        .await;
    cluster
}

async fn small_server() -> Cluster {
    let cluster = trusting(&[("max_connections", "10")]).await;
    create_agent_role(&cluster).await;
    cluster.sql("CREATE ROLE app LOGIN").await;
    cluster
}

/// A server that is full before the agent connects.
async fn late_server() -> (Cluster, Vec<TestSession>) {
    let late = small_server().await;
    let filled = late.fill("app", "app", "postgres").await;
    (late, filled)
}

/// The agent's configuration, with size budgets that are nearly reached or exceeded, and an exceeded budget of connections.
fn configuration(
    servers: &[(&str, &Cluster)],
    (poolers, machine): (&Poolers, &Machine),
    backups: &Path,
) -> String {
    let mut text =
        "stats: {interval: 2s}\nsizes: {interval: 2s, max_time_fraction: 0.5}\nbackups: {interval: 1s}\n".to_owned();
    writeln!(text, "series_limits: {{roles: {ROLES}}}").expect("memory");
    // No process listens there, so no notification is delivered.
    text += "notify: [{webhook: \"http://127.0.0.1:1/\"}]\n";
    text += "servers:\n";
    for (name, cluster) in servers {
        let url = cluster.url("agent", "agent", "postgres");
        writeln!(text, "  {name}:\n    dsn: \"{url}\"").expect("memory");
        text += &storage(name, cluster);
        text += &backups::configuration(name, backups);
        text += &providers::configuration(name);
        if *name == "main" {
            text += "    cores: 0.01\n    memory: 1MiB\n";
            text += &poolers.configuration();
            text += probes::CONFIGURATION;
            writeln!(text, "    machine: {}", machine.configuration()).expect("memory");
        }
    }
    text + "budgets:
  shop: {owner: alice, size: 1GiB, pools: [{size: 3, instances: 2}], labels: {team: web}}
  wiki: {owner: bob, connections: 2, size: 8MiB, labels: {team: data}}
  docs: {owner: bob, size: 4MiB, labels: {team: data}}
  gone: {owner: eve, size: 1GiB}
"
}

/// A configured size, a volume that is measured, and one that is missing.
fn storage(name: &str, cluster: &Cluster) -> String {
    let storage = match name {
        "main" => "size: 256MiB".to_owned(),
        "full" => format!("path: {}", cluster.data_dir().display()),
        "unprivileged" => "path: /nonexistent".to_owned(),
        _ => return String::new(),
    };
    format!("    storage: {{{storage}}}\n")
}
