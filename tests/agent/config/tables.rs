//! A value in the place of a table. It may be a password that is set one level too high, so it is never shown.

use std::time::Duration;

use expect_test::expect_file;

use crate::support::{Agent, AgentSpec, eventually, run};

const LIMIT: Duration = Duration::from_secs(20);

/// Every key that takes a table.
const TABLES: [&str; 14] = [
    "web",
    "log",
    "poll",
    "stats",
    "sizes",
    "series_limits",
    "databases",
    "budgets",
    "budgets.shop",
    "budgets.shop.labels",
    "servers",
    "servers.main",
    "servers.main.databases",
    "servers.main.budgets",
];
/// Nothing in its text shows that it is a password.
const SECRET: &str = "hunter2";

/// The agent, `--config.check` and `check` name the key and do not show the value.
async fn assert_hidden(config: Option<&str>, env: &[(&str, &str)], wanted: &[&str]) {
    for (args, code) in [
        (&["--config.check"] as &[&str], 2),
        (&[], 2),
        (&["check"], 3),
        (&["check", "--json"], 3),
    ] {
        let output = run(AgentSpec {
            args,
            env,
            config,
            ..AgentSpec::default()
        })
        .await;
        let printed = [&output.stdout[..], &output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        let case = format!("{args:?} {config:?} {env:?}: {printed}");
        assert_eq!(output.status.code(), Some(code), "{case}");
        assert!(!printed.contains(SECRET), "{case}");
        for wanted in wanted {
            assert!(printed.contains(wanted), "{wanted}: {case}");
        }
    }
}

/// `a.b` as `{a: {b: VALUE}}`.
fn nested(key: &str, value: &str) -> String {
    key.rsplit('.')
        .fold(value.to_owned(), |inner, key| format!("{{{key}: {inner}}}"))
}

#[tokio::test]
async fn a_value_in_place_of_a_table_is_not_shown() {
    for key in TABLES {
        for value in [SECRET, "[hunter2]", "[{x: hunter2}]", "'x hunter2 y'"] {
            let wanted = format!("pgcommons: {key}: got ");
            assert_hidden(Some(&nested(key, value)), &[], &[&wanted]).await;
        }
    }
}

#[tokio::test]
async fn a_value_in_place_of_a_table_is_not_logged_at_reload() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let put = |text: &str| std::fs::write(file.path(), text).expect("the file is ours");
    put("servers: {main: {host: 127.0.0.1, port: 1}}");
    let args = ["--config.file", file.path().to_str().expect("a UTF-8 path")];
    let agent = Agent::start(AgentSpec {
        args: &args,
        ..AgentSpec::default()
    })
    .await;
    for (n, key) in TABLES.iter().enumerate() {
        put(&nested(key, SECRET));
        agent.signal("HUP");
        let refused = || agent.log().matches("configuration not reloaded").count();
        let logged = async || (refused() > n).then_some(());
        eventually(LIMIT, key, logged).await;
    }
    assert!(!agent.log().contains(SECRET), "{}", agent.log());
}

#[tokio::test]
async fn a_variable_in_place_of_a_table_is_named_and_not_shown() {
    for key in TABLES {
        let variable = format!("PGCOMMONS__{}", key.to_uppercase().replace('.', "__"));
        let wanted = format!("{key} ({variable}): got text (not shown)");
        assert_hidden(None, &[(&variable, SECRET)], &[&wanted]).await;
    }
}

#[tokio::test]
async fn a_missing_server_name_is_reported() {
    let variable = ("PGCOMMONS__SERVERS__PASSWORD", SECRET);
    let wanted = "servers.password (PGCOMMONS__SERVERS__PASSWORD): got text (not shown) in place of the table of a server, \
                  want servers.NAME.password";
    assert_hidden(None, &[variable], &[wanted]).await;
    // Beside a server with a name, in the file or in another variable.
    let main = ("PGCOMMONS__SERVERS__MAIN__HOST", "db");
    assert_hidden(None, &[variable, main], &[wanted]).await;
    let config = Some("servers: {main: {host: db}}");
    assert_hidden(config, &[variable], &[wanted]).await;
    let file = "tests/golden/config/forgotten-level.yaml";
    let output = run(AgentSpec {
        args: &["--config.check", "--config.file", file],
        config: None,
        ..AgentSpec::default()
    })
    .await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    expect_file!["../../golden/config/forgotten-level.stderr"].assert_eq(&stderr);
    assert!(!stderr.contains(SECRET), "{stderr}");
}

/// A variable below a misplaced secret neither hides the problem nor shows the secret.
#[tokio::test]
async fn a_value_with_a_variable_below_it_is_refused() {
    let below = ("PGCOMMONS__SERVERS__MAIN__HOST", "db");
    let wanted = "servers.main: got text (not shown)";
    assert_hidden(Some("servers: {main: hunter2}"), &[below], &[wanted]).await;
    let wanted = "servers.main (PGCOMMONS__SERVERS__MAIN): got text (not shown)";
    let env = [below, ("PGCOMMONS__SERVERS__MAIN", SECRET)];
    assert_hidden(None, &env, &[wanted]).await;
}

/// The same for the web file.
#[tokio::test]
async fn a_value_in_place_of_a_table_of_the_web_file_is_not_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("web.yml");
    let args = [
        "--config.check",
        "--web.config.file",
        path.to_str().expect("a UTF-8 path"),
    ];
    for key in [
        "basic_auth_users",
        "tls_server_config",
        "http_server_config",
        "http_server_config.headers",
        "rate_limit",
    ] {
        for value in [SECRET, "[hunter2]", "[{x: hunter2}]"] {
            std::fs::write(&path, nested(key, value)).expect("a temporary folder can be written");
            let output = run(AgentSpec {
                args: &args,
                env: &[("DATABASE_URL", "postgres://db")],
                ..AgentSpec::default()
            })
            .await;
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{key} {value}: {stderr}");
            assert!(
                stderr.contains(&format!("{key}: got ")) && !stderr.contains(SECRET),
                "{key} {value}: {stderr}"
            );
        }
    }
}
