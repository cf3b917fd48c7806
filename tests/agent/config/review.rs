//! `--config.check` of a valid configuration: a summary line, and warnings about probable mistakes.

use std::fs;
use std::process::Output;
use std::time::Duration;

use crate::support::{Agent, AgentSpec, eventually, run};

const LIMIT: Duration = Duration::from_secs(20);

async fn check(config: &str, env: &[(&str, &str)]) -> Output {
    let spec = AgentSpec {
        args: &["--config.check"],
        env,
        config: Some(config),
        ..AgentSpec::default()
    };
    run(spec).await
}

/// The configuration is valid and has exactly these warnings.
async fn assert_warns(config: &str, env: &[(&str, &str)], warnings: &[&str]) {
    let output = check(config, env).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = stderr.lines().collect();
    let expected: Vec<_> = warnings
        .iter()
        .map(|warning| format!("pgcommons: warning: {warning}"))
        .collect();
    assert_eq!(lines, expected, "{config} {env:?}");
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        output.stdout.starts_with(b"configuration OK: "),
        "{output:?}"
    );
}

#[tokio::test]
async fn a_valid_configuration_is_summarized() {
    let two = "budgets: {a: {size: 1}}\nservers: {x: {host: h, budgets: {a: {size: 2}, b: {size: 1}}}, y: {host: h}}";
    for (config, summary) in [
        ("servers: {x: {host: h}}", "configuration OK: 1 server\n"),
        (
            "budgets: {a: {size: 1}}\nservers: {x: {host: h}}",
            "configuration OK: 1 server, 1 database with a budget\n",
        ),
        (
            two,
            "configuration OK: 2 servers, 2 databases with a budget\n",
        ),
    ] {
        let output = check(config, &[]).await;
        assert_eq!(String::from_utf8_lossy(&output.stdout), summary);
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
    }
}

/// Missing files are only warnings: they may exist where the agent will run.
#[tokio::test]
async fn missing_files_are_warnings() {
    let missing = "No such file or directory (os error 2)";
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let there = folder.path().join("ca.pem");
    fs::write(&there, "x").expect("a temporary folder can be written");
    let config = format!(
        "servers:\n  a: {{host: h, password_file: /none/pw, sslmode: verify-ca, sslrootcert: /none/ca, sslcert: {0}, sslkey: /none/key}}\n  \
         b: {{host: h, passfile: /none/pgpass, sslrootcert: {0}}}\n  c: {{host: h, password_file: hunter2}}\n",
        there.display()
    );
    let want = "a file that the agent can read";
    let warnings = [
        format!("servers.a.password_file: got /none/pw ({missing}), want {want}"),
        format!("servers.a.sslrootcert: got /none/ca ({missing}), want {want}"),
        format!("servers.a.sslkey: got /none/key ({missing}), want {want}"),
        format!("servers.b.passfile: got /none/pgpass ({missing}), want {want}"),
        format!(
            "servers.c.password_file: got (a relative path, not shown) ({missing}), want {want}"
        ),
    ];
    let warnings: Vec<_> = warnings.iter().map(String::as_str).collect();
    assert_warns(&config, &[], &warnings).await;
    let env = [("PGHOST", "h"), ("PGSSLROOTCERT", "/none/ca")];
    let warning = format!("PGSSLROOTCERT: got /none/ca ({missing}), want {want}");
    assert_warns("", &env, &[&warning]).await;
}

/// As for files, only a warning: a directory may be mounted where the agent will run.
#[tokio::test]
async fn paths_that_are_no_volume_are_warnings() {
    let folder = tempfile::tempdir_in("/dev/shm").expect("Linux has /dev/shm");
    let (there, file) = (folder.path().display(), folder.path().join("file"));
    fs::write(&file, "x").expect("the folder is ours");
    let file = file.display();
    let config = format!(
        "servers: {{a: {{host: h, storage: {{path: /none/pgdata, volumes: {{file: '{file}', good: '{there}', size: /proc}}}}}}}}"
    );
    let want = "the absolute path of a directory on the volume, as in /pgdata";
    let key = "servers.a.storage";
    let warnings = [
        format!(
            "{key}.path: got /none/pgdata (No such file or directory (os error 2)), want {want}"
        ),
        format!("{key}.volumes.file: got {file} (not a directory), want {want}"),
        format!("{key}.volumes.size: got /proc (its file system has no size), want {want}"),
    ];
    assert_warns(&config, &[], &warnings.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn a_password_beside_a_password_file_is_a_warning() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    fs::write(&file, "from-the-file").expect("the file is ours");
    let config = format!(
        "servers: {{a: {{host: h, password: from-the-key, password_file: {}}}}}",
        file.path().display()
    );
    let warning = "servers.a.password: got a value beside password_file, which overrides it, want one of the two";
    assert_warns(&config, &[], &[warning]).await;
}

#[tokio::test]
async fn patterns_that_never_match_are_warnings() {
    let long = "x".repeat(64);
    let config = format!(
        "databases: {{include: ['*', '', team_a, '{long}'], exclude: ['team_?', '']}}\nservers: {{m: {{host: h}}}}"
    );
    let want = "a pattern that can match the name of a database";
    assert_warns(
        &config,
        &[],
        &[
            &format!("databases.include[1]: got an empty pattern, want {want}"),
            &format!(
                "databases.include[2]: got \"team_a\", which is excluded by \"team_?\", want {want}"
            ),
            &format!("databases.include[3]: got a pattern for more than 63 bytes, want {want}"),
            &format!("databases.exclude[1]: got an empty pattern, want {want}"),
        ],
    )
    .await;
}

#[tokio::test]
async fn variables_that_set_nothing_are_warnings() {
    let env = [
        ("PGCOMMONS_POLL_INTERVAL", "2s"),
        ("PGCOMMONS_SERVERS_MAIN_PASSWORD_FILE", "/run/secrets/pw"),
        ("PGCOMMONS_SERVERS_MAIN_STORAGE_PATH", "/pgdata"),
        ("PGCOMMONS_BUDGETS__My_Shop_SIZE", "1GiB"),
        // Kubernetes sets such variables for a Service named pgcommons or pgcommons-servers.
        ("PGCOMMONS_SERVICE_HOST", "10.0.0.1"),
        ("PGCOMMONS_PORT", "tcp://10.0.0.1:19187"),
        ("PGCOMMONS_SERVERS_SERVICE_HOST", "10.0.0.1"),
        ("PGCOMMONS_SERVERS_PORT_80_TCP_PORT", "80"),
        ("PGCOMMONS_REVISION", "x"),
        ("PGCOMMONS_DATABASE_URL", "postgres://bob:hunter2@db"),
        ("PGCOMMONS_CONFIG_FILE", "/etc/pgcommons.yaml"),
        ("pgcommons__poll__interval", "2s"),
    ];
    let warnings = [
        "PGCOMMONS_BUDGETS__My_Shop_SIZE: got a variable that sets nothing, want PGCOMMONS__BUDGETS__My_Shop__SIZE",
        "PGCOMMONS_CONFIG_FILE: got a variable that sets nothing, want the flag --config.file",
        "PGCOMMONS_DATABASE_URL: got a variable that sets nothing, want DATABASE_URL, without a prefix",
        "PGCOMMONS_POLL_INTERVAL: got a variable that sets nothing, want PGCOMMONS__POLL__INTERVAL",
        "PGCOMMONS_SERVERS_MAIN_PASSWORD_FILE: got a variable that sets nothing, want PGCOMMONS__SERVERS__MAIN__PASSWORD_FILE",
        "PGCOMMONS_SERVERS_MAIN_STORAGE_PATH: got a variable that sets nothing, want PGCOMMONS__SERVERS__MAIN__STORAGE__PATH",
        "pgcommons__poll__interval: got a variable that sets nothing, want PGCOMMONS__POLL__INTERVAL",
    ];
    assert_warns("servers: {m: {host: h}}", &env, &warnings).await;
}

/// The agent does not replace variables in values. A database cannot have a name of 64 bytes.
#[tokio::test]
async fn values_that_nothing_replaced_and_impossible_names_are_warnings() {
    let long = "x".repeat(64);
    let config = format!(
        "budgets: {{{long}: {{size: 1GiB}}}}\nservers: {{m: {{host: h, user: '${{USER}}', password: '${{PASSWORD}}'}}}}"
    );
    let want =
        "a variable of a shell (not shown), want its value: the agent does not replace variables";
    assert_warns(
        &config,
        &[],
        &[
            &format!(
                "budgets.{long}: got a name of more than 63 bytes, want the name of a database"
            ),
            &format!("servers.m.user: got {want}"),
            &format!("servers.m.password: got {want}"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_agent_logs_the_warnings_at_start_and_at_reload() {
    let spec = AgentSpec {
        env: &[("PGCOMMONS_POLL_INTERVAL", "2s")],
        config: Some("servers: {m: {host: 127.0.0.1, port: 1}}"),
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    for times in [1, 2] {
        let warned = || agent.log().matches("PGCOMMONS__POLL__INTERVAL").count();
        let logged = async || (warned() == times).then_some(());
        eventually(LIMIT, "the warning", logged).await;
        agent.signal("HUP");
    }
}
