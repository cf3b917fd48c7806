//! Four tenants set up the usual way: CREATE DATABASE, CREATE USER, GRANT ALL ON DATABASE, and a REVOKE that changes nothing.

use std::collections::BTreeSet;

use super::{audit, connects, enters, listed, repair};
use crate::support::{Cluster, create_agent_role, trusting, watch_as};

const TENANTS: [&str; 4] = ["shop", "wiki", "test-bot", "Forum"];

async fn usual(cluster: &Cluster) {
    for name in TENANTS {
        for statement in [
            format!("CREATE DATABASE \"{name}_db\""),
            format!("CREATE USER \"{name}\" WITH PASSWORD '{name}'"),
            format!("GRANT ALL PRIVILEGES ON DATABASE \"{name}_db\" TO \"{name}\""),
        ] {
            cluster.sql(&statement).await;
        }
    }
    for name in TENANTS {
        for other in TENANTS.iter().filter(|other| **other != name) {
            let revoke = format!("REVOKE ALL ON DATABASE \"{name}_db\" FROM \"{other}\"");
            cluster.sql(&revoke).await;
        }
    }
}

/// Each access that real logins have, beside that of a tenant to its own database and of the agent to its own.
async fn possible(cluster: &Cluster) -> BTreeSet<(String, String)> {
    let databases = TENANTS.map(|name| format!("{name}_db"));
    let databases = databases.iter().map(String::as_str);
    let databases: Vec<_> = databases.chain(["postgres", "template1"]).collect();
    let roles: Vec<_> = TENANTS.into_iter().chain(["agent"]).collect();
    let is_own = |role: &str, database: &str| {
        database == format!("{role}_db") || (role, database) == ("agent", "postgres")
    };
    connects(cluster, &roles, &databases, is_own).await
}

async fn creates_a_table(cluster: &Cluster, role: &str, database: &str) -> bool {
    let session = cluster
        .connect(role, role, database)
        .await
        .expect("a session");
    let created = session
        .batch_execute("CREATE TABLE t (); DROP TABLE t")
        .await;
    session.close().await;
    created.is_ok()
}

#[tokio::test]
async fn every_access_that_a_login_can_make_is_listed_and_repaired() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    usual(&cluster).await;
    let agent = watch_as(&cluster, "agent", "").await;
    let (report, code) = audit(&cluster, "agent", "").await;
    assert_eq!(code, Some(1), "{report:#}");
    let possible_before = possible(&cluster).await;
    assert_eq!(possible_before.len(), 4 * 4 + 4 + 5, "{possible_before:?}");
    assert_eq!(listed(&report), possible_before);

    let sarif = super::audited(&cluster, "agent", "", &["audit", "--sarif"]).await;
    let sarif: serde_json::Value = serde_json::from_slice(&sarif.stdout).expect("JSON");
    let results = sarif["runs"][0]["results"]
        .as_array()
        .expect("a list")
        .len();
    let findings = report["findings"].as_array().expect("a list").len();
    assert_eq!(
        (sarif["version"].as_str(), results),
        (Some("2.1.0"), findings)
    );

    let script = repair(&cluster, "agent", "").await;
    let (report, code) = audit(&cluster, "agent", "").await;
    assert_eq!(code, Some(0), "{script}\n{report:#}");
    assert_eq!(possible(&cluster).await, BTreeSet::new());
    for name in TENANTS {
        let own = format!("{name}_db");
        assert!(creates_a_table(&cluster, name, &own).await, "{name}");
    }
    let page = agent.scrape_until("a poll", |page| page.value("pg_up", &[]) == Some(1.0));
    page.await;
    let check = super::audited(&cluster, "agent", "", &["check"]).await;
    assert_eq!(check.status.code(), Some(0), "{check:?}");
}

/// A tenant whose only privilege is that of PUBLIC is not cut off while it is connected.
#[tokio::test]
async fn a_role_that_is_connected_only_by_public_is_not_cut_off() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    cluster.sql("CREATE DATABASE app").await;
    cluster.sql("CREATE ROLE app LOGIN").await;
    let session = cluster
        .connect("app", "app", "app")
        .await
        .expect("a session");
    let (report, _) = audit(&cluster, "agent", "").await;
    let findings = report["findings"].as_array().expect("a list");
    let open = findings
        .iter()
        .find(|it| it["finding"] == "public_connect" && it["datname"] == "app");
    let open = open.unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!(open["breaks"][0]["rolname"], "app", "{open:#}");
    assert_eq!(open["breaks"][0]["sessions"], 1, "{open:#}");
    let script = repair(&cluster, "agent", "").await;
    assert!(script.contains("-- * public_connect"), "{script}");
    assert!(enters(&cluster, "app", "app").await, "{script}");
    session.close().await;

    let declared = "budgets: {app: {roles: [app]}}\n";
    let script = repair(&cluster, "agent", declared).await;
    assert!(
        script.contains("grant connect on database \"app\" to \"app\";"),
        "{script}"
    );
    assert!(enters(&cluster, "app", "app").await, "{script}");
    assert!(!enters(&cluster, "agent", "app").await, "{script}");
}
