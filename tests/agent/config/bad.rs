//! Bad configurations: all problems are reported at once, one line each, and no line shows a secret.

use std::process::Output;

use expect_test::expect_file;

use crate::support::{AgentSpec, run};

/// Relative to the package, the working directory of the tests.
const FOLDER: &str = "tests/golden/config";

pub(super) async fn check(args: &[&str], env: &[(&str, &str)]) -> Output {
    let args = [args, &["--config.check"]].concat();
    run(AgentSpec {
        args: &args,
        env,
        config: None,
        ..AgentSpec::default()
    })
    .await
}

pub(super) fn assert_output(output: &Output, golden: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    expect_file![format!("../../golden/config/{golden}.stderr")].assert_eq(&stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty(), "{output:?}");
    for line in stderr.lines() {
        assert!(line.starts_with("pgcommons: "), "{line}");
    }
    assert!(
        !stderr.contains("hunter2"),
        "a password is shown:\n{stderr}"
    );
}

/// The file `NAME.yaml` is refused with the messages of `NAME.stderr`.
pub(super) async fn assert_refused(name: &str, env: &[(&str, &str)]) {
    let file = format!("{FOLDER}/{name}.yaml");
    assert_output(&check(&["--config.file", &file], env).await, name);
}

#[tokio::test]
async fn unknown_keys_are_refused_with_the_known_ones() {
    assert_refused("unknown-keys", &[]).await;
}

#[tokio::test]
async fn bad_directories_of_backups_are_refused() {
    assert_refused("backups", &[]).await;
}

#[tokio::test]
async fn bad_probes_are_refused() {
    assert_refused("probes", &[]).await;
}

#[tokio::test]
async fn renamed_keys_are_refused_with_the_new_name() {
    let env = [
        ("PGCOMMONS__ACTIVITY__ROLES", "20"),
        ("PGCOMMONS__ACTIVITY__APPLICATION_NAMES", "5"),
    ];
    assert_refused("renamed-keys", &env).await;
}

#[tokio::test]
async fn values_of_a_wrong_type_are_refused_with_the_right_one() {
    assert_refused("wrong-types", &[]).await;
}

#[tokio::test]
async fn values_out_of_range_are_refused_with_the_range() {
    assert_refused("bad-values", &[]).await;
}

#[tokio::test]
async fn a_window_shorter_than_the_interval_is_refused() {
    assert_refused("short-window", &[]).await;
}

#[tokio::test]
async fn problems_of_a_secret_do_not_show_it() {
    assert_refused("secrets", &[]).await;
}

#[tokio::test]
async fn problems_of_a_password_command_show_nothing_of_it() {
    let env = [("PGCOMMONS__SERVERS__VARIABLE__PASSWORD_COMMAND", "hunter2")];
    assert_refused("password-command", &env).await;
}

#[tokio::test]
async fn problems_of_all_servers_are_reported() {
    assert_refused("several-servers", &[]).await;
}

#[tokio::test]
async fn sizes_and_paths_of_volumes_are_refused_with_the_right_ones() {
    let env = [("PGCOMMONS__SERVERS__LIST__STORAGE__PATH", "pgdata")];
    assert_refused("storage", &env).await;
}

#[tokio::test]
async fn a_certificate_without_its_key_is_refused() {
    assert_refused("half-certificates", &[]).await;
}

#[tokio::test]
async fn labels_that_prometheus_would_refuse_are_refused() {
    assert_refused("label-names", &[]).await;
}

#[tokio::test]
async fn malformed_yaml_is_refused_with_line_and_column() {
    assert_refused("malformed", &[]).await;
}

#[tokio::test]
async fn keys_without_a_value_are_refused() {
    assert_refused("nulls", &[("PGHOST", "db")]).await;
}

/// A shell expands `${FILE:-}` to an empty text if the variable is not set.
#[tokio::test]
async fn variables_without_a_value_are_refused() {
    let env = [
        ("PGCOMMONS__SERVERS__MAIN__HOST", "db"),
        ("PGCOMMONS__SERVERS__MAIN__USER", ""),
        ("PGCOMMONS__SERVERS__MAIN__PASSWORD_FILE", ""),
        ("PGCOMMONS__SERVERS__MAIN__SSLMODE", ""),
        ("PGCOMMONS__SERVERS__MAIN__DSN", ""),
        ("PGCOMMONS__BUDGETS__SHOP__CONNECTIONS", ""),
        ("PGCOMMONS__BUDGETS__SHOP__OWNER", ""),
    ];
    assert_output(&check(&[], &env).await, "empty-variables");
}

#[tokio::test]
async fn duplicate_keys_are_refused_with_their_lines() {
    assert_refused("repeated-keys", &[]).await;
}

#[tokio::test]
async fn two_documents_in_a_file_are_refused() {
    assert_refused("two-documents", &[]).await;
}

#[tokio::test]
async fn a_file_without_any_server_is_refused() {
    assert_refused("empty", &[]).await;
}

#[tokio::test]
async fn a_problem_of_the_environment_names_its_variable() {
    let env = [
        ("PGCOMMONS__POLL__INTERVAL", "fast"),
        ("PGCOMMONS__BUDGETS__SHOP__SIZE", "huge"),
        ("PGCOMMONS__SERVERS__MAIN__SSLMODE", "always"),
        ("PGCOMMONS__WEB__PORT", "9187"),
        ("PGCOMMONS__POL__INTERVAL", "1s"),
        ("PGCOMMONS__POLL_TIMEOUT", "1s"),
        ("PGCOMMONS__BUDGETS__MY__SHOP__SIZE", "1GiB"),
        ("PGCOMMONS__SIZES__INTERVAL__SIZE", "1h"),
    ];
    assert_refused("bad-environment", &env).await;
}

#[tokio::test]
async fn problems_of_libpq_variables_name_the_variable() {
    let env = [
        ("PGHOST", "db"),
        ("PGPORT", "many"),
        ("PGSSLMODE", "always"),
        ("PGSSLCERT", "/crt"),
    ];
    assert_output(&check(&[], &env).await, "libpq-variables");
}

#[tokio::test]
async fn a_connection_string_with_a_typo_is_not_shown() {
    let env = [(
        "DATABASE_URL",
        "postgres://bob:hunter2@db/app?sslmod=require",
    )];
    assert_output(&check(&[], &env).await, "database-url");
}

#[tokio::test]
async fn no_server_is_refused_with_the_ways_to_configure_one() {
    assert_output(&check(&[], &[]).await, "nothing");
}

#[tokio::test]
async fn a_missing_file_is_refused() {
    let args = ["--config.file", "tests/golden/config/missing.yaml"];
    assert_output(&check(&args, &[]).await, "missing");
}

#[tokio::test]
async fn flags_are_validated_like_keys() {
    let env = [("DATABASE_URL", "postgres://db")];
    let args = ["--web.listen-address", "9187", "--log.level", "loud"];
    assert_output(&check(&args, &env).await, "flags");
}

/// Mistakes that set a password under another key.
#[tokio::test]
async fn a_password_in_the_wrong_place_is_not_shown() {
    let mut shown = Vec::new();
    for config in [
        "postgres://bob:hunter2@db/app",
        "servers: postgres://bob:hunter2@db/app",
        "servers: {main: 'postgres://bob:hunter2@db/app'}",
        "servers: {main: {dsn: 'postgres://bob:hunter2/@db/app'}}",
        "servers: {main: {dsn: 'postgres://bob:a?hunter2=@db/app'}}",
        "servers: {main: {dsn: 'host=db password=my hunter2 user=bob'}}",
        "servers: {main: {host: 'postgres://bob:hunter2@db,db2/app'}}",
    ] {
        let spec = AgentSpec {
            args: &["--config.check"],
            config: Some(config),
            env: &[],
            ..AgentSpec::default()
        };
        let output = run(spec).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(2) || stderr.contains("hunter2") {
            shown.push(format!("{config}\n{:?}: {stderr}", output.status.code()));
        }
    }
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}
