//! `?server=`: any value is the name of one server or of none.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::without_server;
use crate::support::{Agent, AgentSpec, Scrape};

/// A number of values of a strategy, the same in every run.
fn samples<T: std::fmt::Debug>(count: usize, strategy: &impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    let trees = (0..count).map(|_| strategy.new_tree(&mut runner));
    trees.map(|tree| tree.expect("a value").current()).collect()
}

#[tokio::test]
async fn the_link_to_each_server_works() {
    let names = prop_oneof!["\\PC{1,12}", "[ -~]{1,12}", "[&?=+%#/<>\"'; ]{1,6}"];
    let names = names.prop_filter("no connection string", |name| !name.contains("://"));
    let names: BTreeSet<String> = samples(60, &names).into_iter().collect();
    let entry = |name: &String| {
        let quoted = serde_json::to_string(name).expect("text");
        format!("  {quoted}: {{host: 127.0.0.1, port: 1}}\n")
    };
    let config = format!("servers:\n{}", names.iter().map(entry).collect::<String>());
    let agent = Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    let page = agent.get("/").await.text();
    let links = page.split("href=\"metrics?server=").skip(1);
    let mut found = BTreeSet::new();
    for link in links.map(|rest| rest.split('"').next().expect("a closing quote")) {
        let reply = agent.get(&format!("/metrics?server={link}")).await;
        assert_eq!(reply.status, 200, "{link}");
        let up = Scrape::parse(&reply.text()).series("pg_up");
        assert_eq!(up.len(), 1, "{link}");
        found.extend(up[0].label("server").map(str::to_owned));
    }
    assert_eq!(found, names);
}

#[tokio::test]
async fn any_query_is_answered() {
    let agent = without_server().await;
    let queries = prop_oneof![
        "[!-~]{0,60}",
        "(server=?[!-~]{0,20}&?){0,4}",
        "(server=)?(%[0-9a-fA-F]{0,2}|[+&=;]){0,30}",
    ];
    for query in samples(300, &queries) {
        let reply = agent.get(&format!("/metrics?{query}")).await;
        assert!([200, 400, 404].contains(&reply.status), "{query}");
    }
}
