//! Invalid web files: one line per problem, exit code 2, and no secret in the output.

use expect_test::expect_file;

use super::NOWHERE;
use crate::support::{AgentSpec, run};

/// Asserts that `--config.check` and the agent refuse the file alike.
async fn assert_refused(name: &str) {
    let file = format!("tests/golden/web/{name}.yaml");
    for check in [&["--config.check"][..], &[]] {
        let args = [&["--web.config.file", file.as_str()], check].concat();
        let spec = AgentSpec {
            args: &args,
            env: NOWHERE,
            ..AgentSpec::default()
        };
        let output = run(spec).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        expect_file![format!("../../golden/web/{name}.stderr")].assert_eq(&stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        for secret in ["hunter2", "$10$", "$31$"] {
            assert!(!stderr.contains(secret), "a secret is shown:\n{stderr}");
        }
    }
}

#[tokio::test]
async fn unknown_keys_are_refused() {
    assert_refused("unknown-keys").await;
}

#[tokio::test]
async fn values_of_a_wrong_type_are_refused() {
    assert_refused("wrong-types").await;
}

#[tokio::test]
async fn keys_without_a_value_are_refused() {
    assert_refused("nulls").await;
}

#[tokio::test]
async fn what_rustls_does_not_support_is_refused_by_name() {
    assert_refused("not-supported").await;
}

#[tokio::test]
async fn invalid_values_are_refused() {
    assert_refused("bad-values").await;
}

#[tokio::test]
async fn contradictory_keys_are_refused() {
    assert_refused("contradictions").await;
    assert_refused("half-tls").await;
    assert_refused("unverifiable").await;
}

#[tokio::test]
async fn files_without_certificates_are_refused() {
    assert_refused("bad-files").await;
    assert_refused("missing-files").await;
}

#[tokio::test]
async fn a_secret_in_the_wrong_place_is_not_shown() {
    assert_refused("secrets").await;
    assert_refused("secret-list").await;
    assert_refused("secret-text").await;
}

#[tokio::test]
async fn malformed_and_missing_files_are_refused() {
    assert_refused("malformed").await;
    assert_refused("missing").await;
}

#[tokio::test]
async fn problems_of_both_files_are_reported_at_once() {
    let args = [
        "--config.check",
        "--log.level",
        "loud",
        "--web.config.file",
        "tests/golden/web/half-tls.yaml",
    ];
    let output = run(AgentSpec {
        args: &args,
        env: NOWHERE,
        ..AgentSpec::default()
    })
    .await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("log.level") && stderr.contains("tls_server_config.key_file"),
        "{stderr}"
    );
}
