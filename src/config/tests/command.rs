//! `servers.NAME.password_command` and `labels`.

use super::*;
use crate::config::PasswordCommand;
use std::time::Duration;

fn server(keys: &str, environment: &[(&str, &str)]) -> ServerConfig {
    let config = load(
        &format!("servers: {{a: {{host: db, {keys}}}}}"),
        environment,
    );
    config.expect("a good configuration").servers.remove(0)
}

fn command(keys: &str, environment: &[(&str, &str)]) -> PasswordCommand {
    let password = server(keys, environment).target.password;
    assert!(password.given.is_none() && password.file.is_none());
    password.command.expect("a command")
}

#[test]
fn arguments_are_kept_as_they_are() {
    let command = command(
        "password_command: [az, '--query', '', 'a b', '$HOME']",
        &[("HOME", "/root")],
    );
    assert_eq!(command.program, "az");
    assert_eq!(command.arguments, ["--query", "", "a b", "$HOME"]);
    assert_eq!(command.timeout, Duration::from_secs(10));
    assert!(!format!("{command:?}").contains("az"));
}

#[test]
fn it_replaces_passwords_of_lower_layers_and_gets_no_secret() {
    let variables = [
        ("PGPASSWORD", "hunter2"),
        ("PGCOMMONS__SERVERS__A__PORT", "7"),
        ("DATA_SOURCE_PASS", "hunter2"),
        ("AZURE_CLIENT_SECRET", "kept"),
    ];
    let keys = "dsn: 'postgres://u:hunter2@h/d', password_command: [/bin/token], password_command_timeout: 30s";
    let command = command(keys, &variables);
    assert_eq!(command.timeout, Duration::from_secs(30));
    for variable in [
        "PGPASSWORD",
        "DATABASE_URL",
        "DATA_SOURCE_PASS",
        "PGCOMMONS__SERVERS__A__PORT",
        "NOTIFY_SOCKET",
    ] {
        assert!(
            command.withheld.iter().any(|it| it == variable),
            "{variable}"
        );
    }
    assert!(!command.withheld.iter().any(|it| it.starts_with("AZURE")));
}

/// A reload with another command opens another session.
#[test]
fn another_argument_is_another_target() {
    let target =
        |argument: &str| server(&format!("password_command: [/bin/token, {argument}]"), &[]).target;
    assert_eq!(target("x"), target("x"));
    assert_ne!(target("x"), target("z"));
}

#[test]
fn labels_of_a_server_are_kept_and_probable_mistakes_are_warnings() {
    let labels = server("labels: {region: westeurope, Team_2: x}", &[]).labels;
    assert_eq!(labels["region"], "westeurope");
    assert_eq!(labels["Team_2"], "x");
    let variable = [("PGCOMMONS__SERVERS__A__LABELS__REGION", "north")];
    assert_eq!(server("port: 1", &variable).labels["region"], "north");
    for (labels, wanted) in [
        (
            "azure_resource: /subscriptions/x/resourceGroups/y",
            "lower case",
        ),
        ("rds_instance: db", "aws_region"),
    ] {
        let yaml = format!("servers: {{a: {{host: db, labels: {{{labels}}}}}}}");
        let warnings = load(&yaml, &[]).expect("valid").warnings;
        assert!(warnings[0].to_string().contains(wanted), "{warnings:?}");
    }
    let right = "labels: {azure_resource: /subscriptions/x, rds_instance: db, aws_region: eu}";
    let yaml = format!("servers: {{a: {{host: db, {right}}}}}");
    assert!(load(&yaml, &[]).expect("valid").warnings.is_empty());
}
