//! `audit` lists what real logins can do, and its SQL repairs it without cutting off anybody.

mod drift;
mod fresh;
mod hostile;
mod many;
mod names;
mod paths;
mod plan;
mod series;
mod tenant;
mod usual;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio_postgres::error::SqlState;

use crate::support::{AgentSpec, Cluster, eventually, run};

/// The report of `audit --json`, with its exit code.
async fn audit(cluster: &Cluster, role: &str, config: &str) -> (Value, Option<i32>) {
    let output = audited(cluster, role, config, &["audit", "--json"]).await;
    let report = serde_json::from_slice(&output.stdout);
    (
        report.unwrap_or_else(|error| panic!("{error}: {output:?}")),
        output.status.code(),
    )
}

async fn audited(
    cluster: &Cluster,
    role: &str,
    config: &str,
    args: &[&str],
) -> std::process::Output {
    let url = cluster.url(role, "not asked for", "postgres");
    let env = [("DATABASE_URL", url.as_str())];
    let config = Some(config).filter(|config| !config.is_empty());
    let spec = AgentSpec {
        args,
        env: &env,
        config,
        ..AgentSpec::default()
    };
    run(spec).await
}

/// Runs the SQL of `audit --sql` as the superuser.
async fn repair(cluster: &Cluster, role: &str, config: &str) -> String {
    let output = audited(cluster, role, config, &["audit", "--sql"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let script = String::from_utf8(output.stdout).expect("it prints UTF-8");
    cluster.sql(&script).await;
    script
}

/// The findings of a kind: database and role.
fn found(report: &Value, kind: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().expect("a list");
    let of_kind = findings.iter().filter(|it| it["finding"] == kind);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    of_kind
        .map(|it| (text(&it["datname"]), text(&it["rolname"])))
        .collect()
}

/// Whether this role can log in to this database. A session that has just ended may still count against the limit of the role.
async fn enters(cluster: &Cluster, role: &str, database: &str) -> bool {
    let limit = Duration::from_secs(10);
    eventually(limit, "a free connection", async || {
        match cluster.connect(role, role, database).await {
            Ok(session) => {
                session.close().await;
                Some(true)
            }
            Err(error) => match error.code() {
                Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Some(false),
                Some(&SqlState::TOO_MANY_CONNECTIONS) => None,
                _ => panic!("{role} in {database}: {error:?}"),
            },
        }
    })
    .await
}

/// Each access to the database of another tenant that the report lists: role and database.
fn listed(report: &Value) -> BTreeSet<(String, String)> {
    let mut listed = BTreeSet::new();
    for finding in report["findings"].as_array().expect("a list") {
        let roles = match finding["finding"].as_str() {
            Some("public_connect" | "template_open") => {
                finding["roles"].as_array().expect("a list")
            }
            Some("foreign_connect") => &vec![finding["rolname"].clone()],
            _ => continue,
        };
        let datname = finding["datname"].as_str().expect("a name");
        for role in roles {
            let role = role.as_str().expect("a name").to_owned();
            listed.insert((role, datname.to_owned()));
        }
    }
    listed
}

/// Tries every role against every database: the logins that succeed, beside those to the role's own database, which must.
async fn connects(
    cluster: &Cluster,
    roles: &[&str],
    databases: &[&str],
    is_own: impl Fn(&str, &str) -> bool,
) -> BTreeSet<(String, String)> {
    let mut connects = BTreeSet::new();
    for database in databases {
        for role in roles {
            let (enters, is_own) = (
                enters(cluster, role, database).await,
                is_own(role, database),
            );
            assert!(enters || !is_own, "{role} cannot enter {database}");
            if enters && !is_own {
                connects.insert(((*role).to_owned(), (*database).to_owned()));
            }
        }
    }
    connects
}
