//! `check --json` without a report: the reason is on standard output as JSON, for programs.

use serde_json::{Value, json};

use crate::support::{AgentSpec, run};

/// The JSON of a `check` that is refused. The exit code is 3, and standard error has the same lines as without `--json`.
async fn refused(args: &[&str], config: Option<&str>) -> Value {
    let args = [&["check", "--json"], args].concat();
    let spec = AgentSpec {
        args: &args,
        config,
        ..AgentSpec::default()
    };
    let output = run(spec).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(output.stderr.starts_with(b"pgcommons: "), "{output:?}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["status"], "unknown");
    assert_eq!(json["servers"], json!([]));
    json
}

#[tokio::test]
async fn problems_of_the_configuration_are_listed() {
    let config = "servers: {main: {host: db, port: many, sslmode: }}";
    let json = refused(&[], Some(config)).await;
    let port =
        json!({"key": "servers.main.port", "got": "\"many\"", "want": "a number from 1 to 65535"});
    assert_eq!(json["problems"][0], port);
    assert_eq!(json["problems"][1]["key"], "servers.main.sslmode");
    assert_eq!(json["problems"].as_array().map(Vec::len), Some(2));
    let error = json["error"].as_str().expect("text");
    let both = "want a number from 1 to 65535; servers.main.sslmode: got nothing, want one of";
    assert!(error.contains(both), "{error}");
}

#[tokio::test]
async fn other_failures_are_errors() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let missing = folder.path().join("none.yaml");
    let missing = missing.to_str().expect("a UTF-8 path");
    let twisted = ["--warning", "0.9", "--critical", "0.8"];
    let good = "servers: {main: {host: db}}";
    for (args, config, wanted) in [
        (&["--config.file", missing] as &[&str], None, "No such file"),
        (&[], Some("servers: {main"), "YAML"),
        (&twisted, Some(good), "--critical"),
    ] {
        let json = refused(args, config).await;
        let error = json["error"].as_str().expect("text");
        assert!(error.contains(wanted), "{error}");
        assert_eq!(json["problems"], json!([]));
    }
}
