//! The command line: output and exit codes.

mod check;
mod limits;
mod output;
mod report;
mod role;
mod sessions;
mod sizes;

use std::process::Output;

use crate::support::{Agent, AgentSpec, Cluster, run};

const NO_ENV: &[(&str, &str)] = &[];

async fn output(args: &[&str], env: &[(&str, &str)]) -> Output {
    run(AgentSpec {
        args,
        env,
        config: None,
        ..AgentSpec::default()
    })
    .await
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).expect("it prints UTF-8")
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).expect("it prints UTF-8")
}

#[tokio::test]
async fn the_version_names_the_revision() {
    let output = output(&["--version"], NO_ENV).await;
    assert_eq!(output.status.code(), Some(0));
    let wanted = format!("pgcommons {} (revision ", env!("CARGO_PKG_VERSION"));
    assert!(stdout(&output).starts_with(&wanted), "{output:?}");
}

#[tokio::test]
async fn help_exits_with_0() {
    for args in [
        &["--help"] as &[&str],
        &["-h"],
        &["check", "--help"],
        &["help", "role-sql"],
    ] {
        let output = output(args, NO_ENV).await;
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(
            stdout(&output).contains("Usage: pgcommons"),
            "{args:?}: {output:?}"
        );
        assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}

/// For `check`, 2 would mean critical.
#[tokio::test]
async fn an_unknown_flag_is_refused() {
    for (args, code) in [
        (&["--web.listen-adress", ":1"] as &[&str], 2),
        (&["--config.file"], 2),
        (&["chekc"], 2),
        (&["role-sql", "--server-version", "9"], 2),
        (&["check", "--jsno"], 3),
        (&["check", "--warning", "80"], 3),
        (&["check", "--timeout", "10"], 3),
        (&["check", "--timeout", "9999999999y"], 3),
    ] {
        let output = output(args, NO_ENV).await;
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        assert!(
            stderr(&output).starts_with("pgcommons: ") && stderr(&output).lines().count() == 1,
            "{args:?}: {output:?}"
        );
        assert!(output.stdout.is_empty(), "{args:?}: {output:?}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it() {
    let env = [("DATABASE_URL", "postgres://127.0.0.1:1")];
    let agent = Agent::start(AgentSpec {
        env: &env,
        ..AgentSpec::default()
    })
    .await;
    let address = agent.address().to_string();
    for address in [address.as_str(), &format!(":{}", agent.address().port())] {
        let output = output(&["--web.listen-address", address], &env).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let lines: Vec<_> = stderr(&output).lines().collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].starts_with("pgcommons: ") && lines[0].contains(address),
            "{lines:?}"
        );
        assert!(lines[0].contains("in use"), "{lines:?}");
    }
}

#[tokio::test]
async fn the_flag_overrides_variable_and_file() {
    let config = "web: {listen_address: '127.0.0.1:1'}\n";
    let env = [
        ("DATABASE_URL", "postgres://127.0.0.1:1"),
        ("PGCOMMONS__WEB__LISTEN_ADDRESS", "127.0.0.1:2"),
    ];
    let agent = Agent::start(AgentSpec {
        args: &[],
        env: &env,
        config: Some(config),
        ..AgentSpec::default()
    })
    .await;
    assert_eq!(agent.get("/-/healthy").await.status, 200);
}

/// The agent runs with the role that `role-sql` creates, without manual steps.
#[tokio::test]
async fn the_role_of_role_sql_has_all_privileges_that_the_agent_needs() {
    let cluster = Cluster::start(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("password");
    std::fs::write(&file, "it's: a \\ secret\n").expect("a temporary folder can be written");
    let file = file.to_str().expect("a UTF-8 path");
    let admin = cluster.superuser_url();
    let name = "Agent \"007\"; drop";
    let args = ["role-sql", "--role", name, "--password-file", file];
    let output = output(&args, &[("DATABASE_URL", &admin)]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!stdout(&output).contains("secret"), "{}", stdout(&output));
    cluster.sql(stdout(&output)).await;

    let url = cluster.url(name, "it's: a \\ secret", "postgres");
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    })
    .await;
    let page = agent
        .scrape_until("sizes", |page| {
            page.value("pg_database_size_bytes", &[("datname", "postgres")])
                .is_some()
        })
        .await;
    let privilege = |name| page.value("pgcommons_privilege", &[("privilege", name)]);
    assert_eq!(
        (privilege("pg_read_all_stats"), privilege("superuser")),
        (Some(1.0), Some(0.0))
    );
    let errors = page.sum("pgcommons_polls_total", &[("outcome", "error")]);
    assert!(errors < 1.0, "{}", agent.log());
    let check = self::output(&["check"], &[("DATABASE_URL", &url)]).await;
    assert_eq!(check.status.code(), Some(0), "{}", stdout(&check));
}

#[tokio::test]
async fn role_sql_with_a_version_needs_no_server() {
    for (major, reserved) in [("13", false), ("15.4", false), ("16", true), ("18", true)] {
        let output = output(&["role-sql", "--server-version", major], NO_ENV).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let sql = stdout(&output);
        assert_eq!(
            sql.contains("pg_use_reserved_connections"),
            reserved,
            "{sql}"
        );
        assert!(sql.contains("\\password pgcommons"), "{sql}");
    }
    for version in ["12", "19", "99", "15.x", "fifteen", ""] {
        let refused = output(&["role-sql", "--server-version", version], NO_ENV).await;
        assert_eq!(refused.status.code(), Some(2), "{version}: {refused:?}");
        assert!(stderr(&refused).contains("13 to 18"), "{refused:?}");
    }
    let output = output(&["role-sql"], &[("DATABASE_URL", "postgres://127.0.0.1:1")]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains("--server-version"), "{output:?}");
}
