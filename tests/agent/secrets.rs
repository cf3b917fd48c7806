//! Passwords in every kind of mistake. The support code that starts the agent searches all its output and answers for secrets, in
//! these tests as in all others.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{
    Agent, AgentSpec, Cluster, SUPERUSER, Scrape, eventually, exchange, free_port, run,
    server_command,
};

const LIMIT: Duration = Duration::from_secs(20);

/// A password with every character that some layer escapes.
const SECRET: &str = r#"Xk7/ü?q:@ %41+&"~="#;
const ENCODED: &str = "Xk7%2F%C3%BC%3Fq%3A%40%20%2541%2B%26%22~%3D";
const PAGES: [&str; 8] = [
    "/",
    "/api/v1/status",
    "/tenant/a/postgres",
    "/metrics",
    "/metrics?server=a",
    "/-/ready",
    "/-/healthy",
    "/nowhere",
];

/// Files that contain the secret.
struct Files {
    folder: TempDir,
}

impl Files {
    fn write() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let files = Self { folder };
        let passfile = SECRET.replace(':', r"\:");
        files.put("password", &format!("{SECRET}\n"));
        files.put("passfile", &format!("*:*:*:*:{passfile}\n"));
        files
    }

    fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().expect("a UTF-8 path").to_owned()
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).expect("a temporary folder can be written");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("the file is ours");
    }
}

/// All ways to configure the secret, for a server at this address.
fn configurations(files: &Files, address: &str) -> Vec<String> {
    let key = SECRET.replace('\'', "''");
    let (file, passfile) = (files.path("password"), files.path("passfile"));
    [
        format!("password: '{key}'"),
        format!("password_file: '{file}'"),
        format!("passfile: '{passfile}'"),
    ]
    .map(|given| format!("servers: {{a: {{{address}, user: {SUPERUSER}, {given}}}}}\n"))
    .to_vec()
}

/// Asserts that the agent and its commands report why they cannot log in. The log level is the most detailed one.
async fn assert_login_fails(config: &str, env: &[(&str, &str)], reason: &str) {
    let spec = AgentSpec {
        args: &["--log.level", "debug"],
        config: Some(config),
        env,
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    let failures =
        |page: &Scrape| page.value("pgcommons_connect_failures_total", &[("reason", reason)]);
    agent
        .scrape_until(reason, |page| failures(page) > Some(0.0))
        .await;
    for page in PAGES {
        agent.get(page).await;
    }
    assert!(agent.log().contains("down"), "{}", agent.log());
    for args in [&["check"] as &[&str], &["check", "--json"], &["role-sql"]] {
        let output = run(AgentSpec { args, ..spec }).await;
        assert_ne!(output.status.code(), Some(0), "{output:?}");
    }
    let checked = run(AgentSpec {
        args: &["--config.check"],
        ..spec
    });
    assert_eq!(checked.await.status.code(), Some(0));
}

#[tokio::test]
async fn a_wrong_password_is_not_shown() {
    let cluster = Cluster::start(&[]);
    let files = Files::write();
    let port = cluster.port().to_string();
    let address = format!("host: 127.0.0.1, port: {port}");
    for config in configurations(&files, &address) {
        assert_login_fails(&config, &[], "auth").await;
    }
    let url = format!("postgres://{SUPERUSER}:{ENCODED}@127.0.0.1:{port}/postgres");
    let pairs = format!("host=127.0.0.1 port={port} user={SUPERUSER} password='{SECRET}'");
    for dsn in [&url, &pairs] {
        assert_login_fails("", &[("DATABASE_URL", dsn)], "auth").await;
    }
    let libpq = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &port),
        ("PGUSER", SUPERUSER),
        ("PGPASSWORD", SECRET),
    ];
    assert_login_fails("", &libpq, "auth").await;
}

#[tokio::test]
async fn a_password_that_is_never_sent_is_not_shown() {
    let files = Files::write();
    for config in configurations(&files, "host: 127.0.0.1, port: 1") {
        assert_login_fails(&config, &[], "refused").await;
    }
    let url = format!("postgres://{SUPERUSER}:{ENCODED}@nowhere.invalid/postgres");
    assert_login_fails("", &[("DATABASE_URL", &url)], "dns").await;
    let cluster = Cluster::start_tls(&[], "");
    let other = cluster.tls().other_ca.display();
    let address = format!(
        "host: localhost, hostaddr: 127.0.0.1, port: {}, sslmode: verify-full, sslrootcert: '{other}'",
        cluster.port()
    );
    assert_login_fails(&configurations(&files, &address)[0], &[], "tls").await;
}

#[tokio::test]
async fn a_right_password_is_not_shown() {
    let cluster = Cluster::start(&[]);
    let create = format!("CREATE ROLE w LOGIN PASSWORD '{SECRET}'; GRANT pg_monitor TO w");
    cluster.sql(&create).await;
    let url = cluster.url("w", SECRET, "postgres");
    let spec = AgentSpec {
        args: &["--log.level", "debug"],
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    let up = |page: &Scrape| page.value("pg_up", &[]) == Some(1.0);
    agent.scrape_until("up", up).await;
    for page in PAGES {
        agent.get(page).await;
    }
    for args in [&["check"] as &[&str], &["check", "--json"]] {
        let output = run(AgentSpec { args, ..spec }).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let files = Files::write();
    let file = files.path("password");
    let args = ["role-sql", "--password-file", &file];
    let output = run(AgentSpec {
        args: &args,
        ..spec
    })
    .await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// Files with mistakes around a password.
fn bad_files() -> Vec<String> {
    vec![
        format!("servers: {{a: {{host: h, password: '{SECRET}'\n"),
        format!("servers: {{a: {{host: h, password:'{SECRET}'}}}}\n"),
        format!("servers: {{a: {{host: h, port: x, password: '{SECRET}'}}}}\n"),
        format!("servers: {{a: {{host: h, passwort: '{SECRET}'}}}}\n"),
        format!("servers: {{a: {{host: h, password: {{x: '{SECRET}'}}}}}}\n"),
        format!("servers: {{a: {{host: h, password: ['{SECRET}']}}}}\n"),
        format!("servers:\n  a:\n    password:'{SECRET}'\n    host: h\n"),
        format!("servers: {{a: {{dsn: 'postgres://u:{SECRET}@h/d'}}}}\n"),
        format!("servers: {{a: {{dsn: 'postgres://u:{ENCODED}@h/d?x=y'}}}}\n"),
        format!("servers: {{a: {{dsn: 'postgres//u:{ENCODED}@h/d'}}}}\n"),
        format!("servers: {{a: {{host: 'u:{ENCODED}'}}}}\n"),
        format!("servers: {{a: {{dsn: 'host=h password={SECRET}'}}}}\n"),
        format!("servers: 'postgres://u:{ENCODED}@h/d'\n"),
        format!("servers: {{host: h, user: u, password: '{SECRET}'}}\n"),
        format!("servers: {{a: '{SECRET}'}}\n"),
        format!("servers: '{SECRET}'\n"),
        format!("servers: {{a: {{host: h, budgets: '{SECRET}'}}}}\n"),
        format!("budgets: {{a: '{SECRET}'}}\n"),
        format!("log: '{SECRET}'\n"),
        format!("postgres://u:{ENCODED}@h/d\n"),
    ]
}

#[tokio::test]
async fn a_password_in_an_invalid_file_is_not_shown() {
    let files = Files::write();
    let good = "servers: {a: {host: 127.0.0.1, port: 1}}\n".to_owned();
    files.put("config", &good);
    let path = files.path("config");
    let args = ["--config.file", path.as_str()];
    // With this variable the support code searches the output for the secret.
    let spec = AgentSpec {
        args: &args,
        env: &[("PGPASSWORD", SECRET)],
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    for (n, bad) in bad_files().iter().enumerate() {
        files.put("config", bad);
        agent.signal("HUP");
        let refused = || agent.log().matches("configuration not reloaded").count();
        let is_logged = async || (refused() > n).then_some(());
        eventually(LIMIT, bad, is_logged).await;
        let args = [args[0], args[1], "--config.check"];
        let output = run(AgentSpec {
            args: &args,
            ..spec
        })
        .await;
        assert_eq!(output.status.code(), Some(2), "{bad}: {output:?}");
    }
}

fn copy_program(program: &Path) {
    // Another process copies the program. If this process wrote it, a child that another test forks meanwhile would inherit the
    // open file, and executing the program would fail (ETXTBSY).
    let copied = Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_pgcommons"))
        .arg(program)
        .status();
    assert!(
        copied.is_ok_and(|status| status.success()),
        "a program can be copied"
    );
}

/// Passwords are in the agent's memory and environment. The kernel lets only root read them.
#[tokio::test]
async fn other_processes_cannot_read_memory_and_environment() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("the folder is ours");
    let program = folder.path().join("pgcommons");
    copy_program(&program);
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut agent = server_command(&program, folder.path())
        .args(["--web.listen-address", &address.to_string()])
        .env("DATABASE_URL", "postgres://agent@127.0.0.1:1/postgres")
        .stderr(Stdio::null())
        .spawn()
        .expect("the agent starts");
    // A process without this protection.
    let mut other = server_command(Path::new("sleep"), folder.path())
        .arg("60")
        .spawn()
        .expect("a program can be run");
    let page = eventually(LIMIT, "it serves", async || {
        exchange(address, "GET", "/metrics", &[]).ok()
    });
    let page = Scrape::parse(&page.await.text());
    let owners = [agent.id(), other.id()].map(|pid| {
        let environ = fs::metadata(format!("/proc/{pid}/environ"));
        environ.map(|file| file.uid()).expect("it runs")
    });
    for process in [&mut agent, &mut other] {
        process.kill().expect("it can be ended");
        process.wait().expect("it ends");
    }
    assert_eq!(owners[0], 0, "owned by root");
    assert_ne!(owners[1], 0, "owned by its user");
    // The agent can still read its own metrics.
    for own in ["process_open_fds", "process_resident_memory_bytes"] {
        assert!(page.value(own, &[]) > Some(0.0), "{own}");
    }
}
