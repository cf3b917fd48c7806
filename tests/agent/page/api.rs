//! `/api/v1/status`: its keys are those of `docs/api.md`, and its figures those of the server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::create_hostile;
use crate::support::{Agent, create_tenant, fresh, sessions, trusting, watch};

async fn status(agent: &Agent) -> Value {
    let reply = agent.get("/api/v1/status").await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    serde_json::from_slice(&reply.body).expect("JSON")
}

/// The keys in backticks of the first column of each table, by the heading above it.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    let text = std::fs::read_to_string(path).expect("the page is there");
    let (mut tables, mut heading) = (BTreeMap::new(), String::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.trim_matches('`').clone_into(&mut heading);
        } else if let Some(row) = line.strip_prefix("| `") {
            let (first, _) = row.split_once(" |").expect("a cell");
            let names = first.split('`').step_by(2).filter(|it| !it.is_empty());
            let table: &mut BTreeSet<String> = tables.entry(heading.clone()).or_default();
            table.extend(names.map(str::to_owned));
        }
    }
    tables
}

fn keys(value: &Value) -> BTreeSet<String> {
    let object = value.as_object().expect("an object");
    object.keys().cloned().collect()
}

#[tokio::test]
async fn every_field_is_documented_and_every_documented_field_is_there() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 2).await;
    let _open = sessions(&cluster, "shop", 2).await;
    let config =
        "budgets: {shop: {size: 1GiB, owner: alice}}\nnotify: [{webhook: \"http://127.0.0.1:1/\"}]";
    let agent = watch(&cluster, config).await;
    fresh(&agent).await;
    let status = status(&agent).await;
    let server = &status["servers"][0];
    let found: BTreeMap<String, BTreeSet<String>> = [
        ("The document", &status),
        ("`servers`", server),
        ("`databases`", &server["databases"][0]),
        ("`resources`", &server["resources"][0]),
        ("`findings`", &server["findings"][0]),
        ("`sources`", &server["sources"][0]),
        ("`notifications`", &status["notifications"][0]),
    ]
    .into_iter()
    .map(|(heading, value)| (heading.trim_matches('`').to_owned(), keys(value)))
    .collect();
    assert_eq!(found, documented());
}

#[tokio::test]
async fn the_figures_are_those_of_the_server() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 3).await;
    let _open = sessions(&cluster, "shop", 3).await;
    let agent = watch(&cluster, "").await;
    fresh(&agent).await;
    let status = status(&agent).await;
    assert_eq!(status["version"], 1);
    assert_eq!(status["status"], "critical");
    let shop = &status["servers"][0]["databases"][0];
    assert_eq!(shop["datname"], "shop");
    assert_eq!((&shop["used"], &shop["headroom"]), (&3.into(), &0.into()));
    assert_eq!(shop["bound_by"], "database");
    assert_eq!(shop["day"], Value::Null, "no minute has passed");
    let polled = status["servers"][0]["polled"].as_f64().expect("a time");
    assert!(status["time"].as_f64().expect("a time") - polled < 5.0);
}

#[tokio::test]
async fn a_hostile_name_is_a_string() {
    let cluster = trusting(&[]).await;
    create_hostile(&cluster).await;
    let agent = watch(&cluster, "").await;
    fresh(&agent).await;
    let status = status(&agent).await;
    let rows = status["servers"][0]["databases"].as_array().expect("rows");
    let names: BTreeSet<_> = rows
        .iter()
        .filter_map(|row| row["datname"].as_str())
        .collect();
    assert!(
        super::HOSTILE.iter().all(|name| names.contains(name)),
        "{names:?}"
    );
}
