//! The configuration: the agent refuses a bad one with all its problems, and uses a good one.

mod bad;
mod causes;
mod json;
mod reload;
mod review;
mod storage;
mod tables;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Agent, AgentSpec, Cluster, SUPERUSER, SUPERUSER_PASSWORD, Scrape, run};

fn is_up(page: &Scrape) -> bool {
    page.value("pg_up", &[]) == Some(1.0)
}

/// Starts the agent with this configuration only, waits until the server is up, and returns its label `server`.
async fn name_when_up(config: Option<&str>, env: &[(&str, &str)]) -> String {
    let spec = AgentSpec {
        env,
        config,
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    let page = agent.scrape_until("up", is_up).await;
    let up = page.series("pg_up");
    up[0]
        .label("server")
        .expect("every server has a name")
        .to_owned()
}

fn address(cluster: &Cluster) -> String {
    format!("{}:{}", cluster.host(), cluster.port())
}

#[tokio::test]
async fn a_connection_string_is_enough() {
    let cluster = Cluster::start(&[]);
    let (port, url) = (cluster.port(), cluster.superuser_url());
    let pairs = format!(
        "host = 127.0.0.1 port={port} user='{SUPERUSER}' password='{SUPERUSER_PASSWORD}' \
         connect_timeout=3 application_name=other"
    );
    for dsn in [url, pairs] {
        assert_eq!(
            name_when_up(None, &[("DATABASE_URL", &dsn)]).await,
            address(&cluster),
            "{dsn}"
        );
    }
}

#[tokio::test]
async fn the_variables_of_libpq_are_enough() {
    let cluster = Cluster::start(&[]);
    let port = cluster.port().to_string();
    let env = [
        ("PGHOST", cluster.host()),
        ("PGPORT", &port),
        ("PGUSER", SUPERUSER),
        ("PGPASSWORD", SUPERUSER_PASSWORD),
        ("PGDATABASE", "template1"),
    ];
    assert_eq!(name_when_up(None, &env).await, address(&cluster));
    let socket = cluster.socket_dir().to_str().expect("a UTF-8 path");
    let env = [("PGHOST", socket), ("PGPORT", &port), ("PGUSER", SUPERUSER)];
    assert_eq!(name_when_up(None, &env).await, format!("{socket}:{port}"));
}

#[tokio::test]
async fn a_key_overrides_the_connection_string_which_overrides_the_variables() {
    let cluster = Cluster::start(&[]);
    let port = cluster.port();
    let config = format!(
        "servers: {{main: {{dsn: 'postgres://nobody:{SUPERUSER_PASSWORD}@127.0.0.1:{port}/postgres', user: {SUPERUSER}}}}}"
    );
    let env = [
        ("PGUSER", "nobody"),
        ("PGPASSWORD", "wrong"),
        ("PGPORT", "1"),
        ("PGDATABASE", "none"),
    ];
    assert_eq!(name_when_up(Some(&config), &env).await, "main");
}

fn passfile(path: &Path, cluster: &Cluster) {
    let port = cluster.port();
    let text = format!("other:*:*:*:wrong\n127.0.0.1:{port}:*:{SUPERUSER}:{SUPERUSER_PASSWORD}\n");
    fs::write(path, text).expect("a temporary folder can be written");
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("the file is ours");
}

#[tokio::test]
async fn a_password_is_read_from_the_password_file_of_libpq() {
    let cluster = Cluster::start(&[]);
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (hidden, elsewhere) = (home.path().join(".pgpass"), home.path().join("passwords"));
    for (variable, value, file) in [
        ("HOME", home.path(), &hidden),
        ("PGPASSFILE", elsewhere.as_path(), &elsewhere),
    ] {
        passfile(file, &cluster);
        let dsn = format!("postgres://{SUPERUSER}@127.0.0.1:{}", cluster.port());
        let value = value.to_str().expect("a UTF-8 path");
        let env = [("DATABASE_URL", dsn.as_str()), (variable, value)];
        assert_eq!(
            name_when_up(None, &env).await,
            address(&cluster),
            "{variable}"
        );
        fs::remove_file(file).expect("it is there");
    }
}

#[tokio::test]
async fn a_password_file_that_others_may_read_is_reported_once() {
    let cluster = Cluster::start(&[]);
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    passfile(file.path(), &cluster);
    fs::set_permissions(file.path(), Permissions::from_mode(0o644)).expect("the file is ours");
    let dsn = format!("postgres://{SUPERUSER}@127.0.0.1:{}", cluster.port());
    let path = file.path().to_str().expect("a UTF-8 path");
    let env = [("DATABASE_URL", dsn.as_str()), ("PGPASSFILE", path)];
    let spec = AgentSpec {
        env: &env,
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    let failed = [("reason", "auth")];
    let twice = |page: &Scrape| page.value("pgcommons_connect_failures_total", &failed) > Some(1.0);
    agent.scrape_until("two failed logins", twice).await;
    let log = agent.log();
    assert_eq!(log.matches("password file ignored").count(), 1, "{log}");
    assert!(log.contains(path), "{log}");
}

#[tokio::test]
async fn the_environment_overrides_keys_of_every_kind() {
    let cluster = Cluster::start(&[]);
    for name in ["\"Shop\"", "team_a", "team_b", "legacy"] {
        cluster.sql(&format!("CREATE DATABASE {name}")).await;
    }
    let config = format!(
        "poll: {{interval: 1h, window: 1h}}\n\
         budgets: {{Shop: {{connections: 1}}}}\n\
         servers: {{main: {{host: 127.0.0.1, port: 1, user: {SUPERUSER}, password: wrong}}}}\n"
    );
    let port = cluster.port().to_string();
    let env = [
        ("PGCOMMONS__POLL__INTERVAL", "100ms"),
        ("PGCOMMONS__SERVERS__MAIN__PORT", port.as_str()),
        ("PGCOMMONS__SERVERS__MAIN__PASSWORD", SUPERUSER_PASSWORD),
        ("PGCOMMONS__BUDGETS__SHOP__CONNECTIONS", "7"),
        ("PGCOMMONS__BUDGETS__SHOP__SIZE", "1 GiB"),
        ("PGCOMMONS__BUDGETS__SHOP__LABELS__TEAM", "sales"),
        ("PGCOMMONS__BUDGETS__LEGACY__OWNER", "nobody"),
        ("PGCOMMONS__DATABASES__EXCLUDE", "team_*, legacy"),
    ];
    let spec = AgentSpec {
        config: Some(&config),
        env: &env,
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    let polls = [("poll", "activity"), ("outcome", "ok")];
    let page = agent
        .scrape_until("several polls", |page| {
            page.value("pgcommons_polls_total", &polls) > Some(2.0)
        })
        .await;
    assert_shop_is_budgeted(&page);
    let databases = page.series("pgcommons_database_connections");
    let mut names: Vec<_> = databases
        .iter()
        .filter_map(|sample| sample.label("datname"))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["Shop", "postgres"]);
}

/// The limits come from the variables, not from the file.
fn assert_shop_is_budgeted(page: &Scrape) {
    let figures: [(&str, (&str, &str), f64); 3] = [
        (
            "pgcommons_database_connections_limit",
            ("kind", "budget"),
            7.0,
        ),
        (
            "pgcommons_database_size_limit_bytes",
            ("datname", "Shop"),
            1_073_741_824.0,
        ),
        ("pgcommons_database_info", ("team", "sales"), 1.0),
    ];
    for (name, label, expected) in figures {
        let found = page.value(name, &[("datname", "Shop"), label]);
        assert_eq!(found, Some(expected), "{name}");
    }
}

#[tokio::test]
async fn a_good_file_is_checked_without_a_server() {
    let config = "
web: {listen_address: '[::1]:9187'}
log: {level: warn}
poll: {interval: 500ms, timeout: 2s, window: 5m}
stats: {interval: 30s}
sizes: {interval: 10m, max_time_fraction: 0.05}
series_limits: {application_names: 0}
databases: {include: ['team_*'], exclude: []}
budgets: {team_a: {connections: 20, size: 10GiB, owner: a@b.example, labels: {tier: '1'}}}
servers:
  one: {dsn: 'postgres://db1/postgres', connections_limit: 90, budgets: {team_b: {size: 500MB}}}
  two: {host: db2, hostaddr: '::1', port: 6432, sslmode: verify-full, databases: {exclude: [x]}}
  three: {host: /run/postgresql, passfile: /etc/pgpass, options: '-c work_mem=1MB'}
";
    let spec = AgentSpec {
        args: &["--config.check"],
        config: Some(config),
        ..AgentSpec::default()
    };
    let output = run(spec).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let summary = "configuration OK: 3 servers, 2 databases with a budget\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), summary);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let missing = "pgcommons: warning: servers.three.passfile: got /etc/pgpass (";
    assert!(
        stderr.starts_with(missing) && stderr.lines().count() == 1,
        "{stderr}"
    );
}
