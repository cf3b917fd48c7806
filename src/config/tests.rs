//! Compares the example file with the defaults and the known keys, and tests which layer overrides which.

use std::path::Path;

use super::raw::{
    RawBackup, RawBackups, RawBudget, RawConfig, RawDatabases, RawLog, RawPoll, RawSeriesLimits,
    RawServer, RawSizes, RawStats, RawWeb,
};
use super::*;

const EXAMPLE: &str = include_str!("../../pgcommons.example.yaml");

fn variables(pairs: &[(&str, &str)]) -> Environment {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn load(yaml: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), yaml).expect("written");
    Config::load(Some(file.path()), &variables(environment), &[])
}

fn target(yaml: &str, environment: &[(&str, &str)]) -> Target {
    load(yaml, environment)
        .expect("a good configuration")
        .servers
        .remove(0)
        .target
}

#[test]
fn the_example_shows_the_defaults() {
    let example = load(EXAMPLE, &[]).expect("the example is good");
    let defaults =
        Config::load(None, &variables(&[("PGHOST", "localhost")]), &[]).expect("defaults");
    assert_eq!(example.listen_address, defaults.listen_address);
    assert_eq!(example.log_level, defaults.log_level);
    let (example, default) = (&example.servers[0], &defaults.servers[0]);
    assert_eq!(example.cadence, default.cadence);
    assert_eq!(example.policy.series_limits, default.policy.series_limits);
    assert_eq!(example.target.tls, default.target.tls);
    let address = |target: &Target| {
        (
            target.host.clone(),
            target.port,
            target.user.clone(),
            target.dbname.clone(),
        )
    };
    assert_eq!(address(&example.target), address(&default.target));
}

#[test]
fn the_example_has_every_key() {
    let keys = [
        RawConfig::KEYS,
        RawWeb::KEYS,
        RawLog::KEYS,
        RawPoll::KEYS,
        RawStats::KEYS,
        RawSizes::KEYS,
        RawSeriesLimits::KEYS,
        RawBackups::KEYS,
        RawBackup::KEYS,
        RawDatabases::KEYS,
        RawBudget::KEYS,
        RawServer::KEYS,
    ];
    for key in keys.concat() {
        let there = EXAMPLE.lines().any(|line| {
            line.trim_start_matches([' ', '#', '-'])
                .starts_with(&format!("{key}:"))
        });
        assert!(there, "{key}");
    }
}

#[test]
fn own_keys_override_the_dsn_and_the_dsn_overrides_the_environment() {
    let yaml = "servers: {main: {dsn: 'postgres://dsn@dsn:1/dsn', user: own}}";
    let target = target(
        yaml,
        &[("PGUSER", "env"), ("PGPORT", "2"), ("PGSSLMODE", "disable")],
    );
    assert_eq!(
        (target.user.as_str(), target.host.as_str(), target.port),
        ("own", "dsn", 1)
    );
    assert_eq!(target.tls.mode, SslMode::Disable);
}

#[test]
fn a_server_with_a_host_ignores_database_url() {
    let url = ("DATABASE_URL", "postgres://u@elsewhere/d");
    assert_eq!(target("servers: {main: {host: here}}", &[url]).host, "here");
    assert_eq!(target("budgets: {}", &[url]).host, "elsewhere");
}

#[test]
fn the_only_server_is_named_by_its_address() {
    let config = Config::load(
        None,
        &variables(&[("DATABASE_URL", "postgres://u@db/d")]),
        &[],
    )
    .expect("good");
    assert_eq!(config.servers[0].name, "db:5432");
    assert_eq!(config.servers[0].target.dbname, "d");
}

#[test]
fn database_names_may_have_any_characters() {
    let yaml =
        "budgets: {'We.ird[0]': {size: 1GiB}, 'a b': {connections: 3}}\nservers: {m: {host: h}}";
    let config = load(yaml, &[]).expect("good");
    let policy = &config.servers[0].policy;
    assert_eq!(
        policy
            .budget("We.ird[0]")
            .and_then(|budget| budget.size_bytes),
        Some(1 << 30)
    );
    assert_eq!(
        policy.budget("a b").and_then(|budget| budget.connections),
        Some(3)
    );
}

#[test]
fn debug_output_has_no_password() {
    let config = load("servers: {m: {host: h, password: hunter2}}", &[]).expect("good");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_missing_file_is_named() {
    let error =
        Config::load(Some(Path::new("/nowhere.yaml")), &variables(&[]), &[]).expect_err("no file");
    assert_eq!(error.to_string(), "cannot read /nowhere.yaml");
}

#[test]
fn own_keys_drop_contradicting_parameters_of_lower_layers() {
    let below = [("PGPASSWORD", "stray"), ("PGHOSTADDR", "127.0.0.1")];
    let own = target(
        "servers: {m: {host: db, password_file: /run/secret}}",
        &below,
    );
    assert!(own.password.given.is_none() && own.password.file.is_some());
    assert_eq!(own.hostaddr, None);
    let nothing = target(
        "servers: {m: {user: u}}",
        &[below[0], below[1], ("PGHOST", "db")],
    );
    assert!(nothing.password.given.is_some() && nothing.hostaddr.is_some());
}

#[test]
fn system_certificates_require_verify_full() {
    let dsn = |query: &str| {
        load(
            &format!("servers: {{m: {{dsn: 'postgres://u@h/d?{query}'}}}}"),
            &[],
        )
    };
    let mode = |query| {
        dsn(query)
            .map(|config| config.servers[0].target.tls.mode)
            .ok()
    };
    assert_eq!(mode("sslrootcert=system"), Some(SslMode::VerifyFull));
    assert_eq!(mode("sslmode=require&sslrootcert=system"), None);
    assert_eq!(mode("sslmode=verify-ca"), None);
    assert_eq!(
        mode("sslmode=verify-ca&sslrootcert=/ca.pem"),
        Some(SslMode::VerifyCa)
    );
    assert_eq!(mode("sslmode=verify-full"), Some(SslMode::VerifyFull));
}

#[test]
fn an_invalid_host_is_refused_and_not_shown() {
    for host in ["", "postgres://u:hunter2@h/d", "u:hunter2@h", "a b"] {
        let error = load(&format!("servers: {{m: {{host: '{host}'}}}}"), &[]).expect_err(host);
        assert!(
            error.to_string().contains("servers.m.host") && !error.to_string().contains("hunter2"),
            "{error}"
        );
    }
    let error = load("servers: {'postgres://u:hunter2@h': {host: h}}", &[]).expect_err("no name");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn a_byte_order_mark_is_ignored() {
    assert_eq!(target("\u{feff}servers: {m: {host: h}}", &[]).host, "h");
}

#[test]
fn a_budget_expects_its_database_unless_it_is_for_several_servers() {
    let expected = |yaml: &str| {
        load(yaml, &[])
            .expect("good")
            .servers
            .remove(0)
            .policy
            .expected
    };
    let budgets = "budgets: {shop: {connections: 1}}";
    assert!(expected(&format!("{budgets}\nservers: {{a: {{host: h}}}}")).contains("shop"));
    let two = expected(&format!(
        "{budgets}\nservers: {{a: {{host: h, budgets: {{blog: {{connections: 1}}}}}}, b: {{host: i}}}}"
    ));
    assert_eq!(two.into_iter().collect::<Vec<_>>(), ["blog"]);
}

mod levels;
mod names;
mod properties;
