//! What differs from the configuration is seen while the agent runs, and the SQL of `check` closes it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::audited;
use crate::support::{Cluster, Scrape, create_agent_role, trusting, watch_as};

const CONFIG: &str = "\
    budgets:\n  shop: {connections: 20, owner_role: shop, roles: [reader]}\n  wiki: {connections: 5}\n  gone: {connections: 1}\n";

async fn as_declared() -> Cluster {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    for statement in [
        "CREATE ROLE shop LOGIN",
        "CREATE ROLE reader LOGIN",
        "CREATE DATABASE shop OWNER shop CONNECTION LIMIT 20",
        "REVOKE CONNECT, TEMPORARY ON DATABASE shop FROM PUBLIC",
        "GRANT CONNECT ON DATABASE shop TO reader",
        "CREATE DATABASE wiki",
    ] {
        cluster.sql(statement).await;
    }
    cluster
}

/// Database and property.
fn drift(page: &Scrape) -> BTreeSet<(String, String)> {
    let mut drift = BTreeSet::new();
    for series in page.series("pgcommons_database_drift") {
        let text = |label| series.label(label).expect("a label").to_owned();
        drift.insert((text("datname"), text("property")));
    }
    drift
}

/// The findings about drift: text and remedy.
async fn checked(cluster: &Cluster) -> Vec<(String, Option<String>)> {
    let output = audited(cluster, "agent", CONFIG, &["check", "--json"]).await;
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = report["servers"][0]["findings"].as_array().expect("a list");
    let drift = findings.iter().filter(|it| it["concern"] == "drift");
    let drift = drift.inspect(|it| assert_eq!(it["status"], "warning", "{it}"));
    let text = |it: &Value| it.as_str().map(str::to_owned);
    drift
        .map(|it| (text(&it["text"]).expect("a text"), text(&it["remedy"])))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    let owned = expected.iter();
    owned
        .map(|(datname, property)| ((*datname).to_owned(), (*property).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_difference_is_seen_and_the_remedy_of_check_closes_it() {
    let cluster = as_declared().await;
    let agent = watch_as(&cluster, "agent", CONFIG).await;
    // A budget without a limit is meant so, or not: it is shown, and check does not warn.
    let calm = pairs(&[("wiki", "no_connection_limit")]);
    let wait = async |what: &str, expected: &BTreeSet<(String, String)>| {
        agent
            .scrape_until(what, |page| drift(page) == *expected)
            .await
    };
    let read = |page: &Scrape| !page.series("pgcommons_isolation_findings").is_empty();
    agent.scrape_until("the privileges", read).await;
    wait("nothing differs", &calm).await;
    assert_eq!(checked(&cluster).await, []);

    for (change, property, text) in [
        (
            "ALTER DATABASE shop CONNECTION LIMIT 10",
            "connection_limit",
            "database shop has a connection limit of 10, and a budget of 20",
        ),
        (
            "ALTER DATABASE shop OWNER TO postgres",
            "owner",
            "database shop belongs to role postgres, and should to shop",
        ),
        (
            "REVOKE CONNECT ON DATABASE shop FROM reader",
            "roles",
            "role reader, which is declared for database shop, may not connect to it",
        ),
    ] {
        cluster.sql(change).await;
        let both = pairs(&[("wiki", "no_connection_limit"), ("shop", property)]);
        wait(change, &both).await;
        let found = checked(&cluster).await;
        let [(found, Some(remedy))] = &found[..] else {
            panic!("{change}: {found:?}");
        };
        assert_eq!(found, text);
        cluster.sql(remedy).await;
        wait(remedy, &calm).await;
        assert_eq!(checked(&cluster).await, [], "{remedy}");
    }
    cluster
        .sql("REVOKE ALL ON DATABASE shop FROM reader; DROP ROLE reader")
        .await;
    wait(
        "no role",
        &pairs(&[("wiki", "no_connection_limit"), ("shop", "roles")]),
    )
    .await;
    let text = "role reader, which is declared for database shop, does not exist".to_owned();
    assert_eq!(checked(&cluster).await, [(text, None)]);
}

/// A limit is read with the catalogue, so it needs no reading of the privileges.
#[tokio::test]
async fn without_privileges_a_limit_is_compared_and_roles_are_not() {
    let cluster = as_declared().await;
    cluster
        .sql("REVOKE SELECT ON pg_catalog.pg_auth_members FROM PUBLIC")
        .await;
    cluster
        .sql("REVOKE CONNECT ON DATABASE shop FROM reader; ALTER DATABASE shop CONNECTION LIMIT 7")
        .await;
    let agent = watch_as(&cluster, "agent", CONFIG).await;
    let denied = |page: &Scrape| {
        let labels = [("poll", "access"), ("outcome", "denied")];
        page.sum("pgcommons_polls_total", &labels) > 0.0
    };
    let page = agent.scrape_until("a denied poll", denied).await;
    let expected = pairs(&[
        ("wiki", "no_connection_limit"),
        ("shop", "connection_limit"),
    ]);
    assert_eq!(drift(&page), expected);
}

#[tokio::test]
async fn pools_above_a_limit_and_above_the_slots_are_warnings() {
    let cluster = trusting(&[("max_connections", "20")]).await;
    create_agent_role(&cluster).await;
    cluster
        .sql("CREATE DATABASE shop CONNECTION LIMIT 10")
        .await;
    let warnings = async |pools: &str| {
        let config = format!("budgets: {{shop: {{pools: {pools}}}}}\n");
        let output = audited(&cluster, "agent", &config, &["check"]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    let (code, text) = warnings("[{size: 5, instances: 2}]").await;
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = warnings("[{size: 10, instances: 2, surge: 1}]").await;
    assert_eq!(code, Some(1), "{text}");
    for line in [
        "warning   database shop: the pool ceiling 30 is above the limit of 10, its connection limit\n",
        "warning   the pool ceilings of all tenants, 30, are 176 % of the 17 slots of the server for ordinary roles\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}
