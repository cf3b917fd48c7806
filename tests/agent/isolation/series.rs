//! The series of isolation: numbers for each database and role, absent where a check could not be made.

use super::found;
use crate::support::{Scrape, create_agent_role, trusting, watch_as};

#[tokio::test]
async fn a_database_that_others_may_enter_has_a_series() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    for statement in [
        "CREATE ROLE shop LOGIN",
        "CREATE ROLE wiki LOGIN",
        "CREATE DATABASE shop OWNER shop",
        "CREATE DATABASE wiki OWNER wiki",
        "REVOKE CONNECT, TEMPORARY ON DATABASE wiki FROM PUBLIC",
    ] {
        cluster.sql(statement).await;
    }
    let session = cluster
        .connect("postgres", "postgres", "wiki")
        .await
        .expect("a session");
    let agent = watch_as(&cluster, "agent", "").await;
    let foreign = |page: &Scrape, datname| {
        page.value(
            "pgcommons_database_foreign_connect_roles",
            &[("datname", datname)],
        )
    };
    let read = |page: &Scrape| foreign(page, "shop").is_some();
    let page = agent.scrape_until("the privileges", read).await;
    let close = |value: Option<f64>, wanted: f64| value.is_some_and(|it| (it - wanted).abs() < 0.1);
    assert!(close(foreign(&page, "shop"), 2.0), "wiki and the agent");
    assert!(
        close(foreign(&page, "wiki"), 0.0),
        "the superuser does not count"
    );
    let (report, _) = super::audit(&cluster, "agent", "").await;
    for kind in [
        "public_connect",
        "public_temporary",
        "superuser_sessions",
        "shared_owner",
    ] {
        let count = page.value("pgcommons_isolation_findings", &[("finding", kind)]);
        let wanted = u32::try_from(found(&report, kind).len()).expect("a small number");
        assert!(close(count, f64::from(wanted)), "{kind}: {count:?}");
    }
    let labels = [("datname", "wiki"), ("finding", "superuser_sessions")];
    let at_work = page.value("pgcommons_database_isolation_finding", &labels);
    assert!(close(at_work, 1.0));
    session.close().await;
}

#[tokio::test]
async fn without_pg_monitor_the_checks_of_sessions_are_absent() {
    let cluster = trusting(&[]).await;
    cluster.sql("CREATE ROLE blind LOGIN").await;
    let session = cluster
        .connect("postgres", "postgres", "postgres")
        .await
        .expect("a session");
    let agent = watch_as(&cluster, "blind", "").await;
    let count =
        |page: &Scrape, kind| page.value("pgcommons_isolation_findings", &[("finding", kind)]);
    let read = |page: &Scrape| count(page, "public_connect").is_some();
    let page = agent.scrape_until("the privileges", read).await;
    for kind in ["superuser_sessions", "shared_login", "cleartext_sessions"] {
        assert_eq!(count(&page, kind), None, "{kind}");
    }
    session.close().await;
}

#[tokio::test]
async fn privileges_that_cannot_be_read_take_only_their_own_series_away() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    cluster
        .sql("REVOKE SELECT ON pg_catalog.pg_auth_members FROM PUBLIC")
        .await;
    let agent = watch_as(&cluster, "agent", "").await;
    let failed = |page: &Scrape| {
        let labels = [("poll", "access"), ("outcome", "denied")];
        page.value("pgcommons_polls_total", &labels)
            .is_some_and(|count| count > 0.0)
    };
    let page = agent.scrape_until("a poll that fails", failed).await;
    assert_eq!(
        page.value("pg_up", &[]).map(f64::to_bits),
        Some(1.0_f64.to_bits())
    );
    for absent in [
        "pgcommons_isolation_findings",
        "pgcommons_database_foreign_connect_roles",
    ] {
        assert!(page.series(absent).is_empty(), "{absent}");
    }
    assert!(!page.series("pgcommons_database_connections").is_empty());
    let output = super::audited(&cluster, "agent", "", &["audit"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let check = super::audited(&cluster, "agent", "", &["check", "--json"]).await;
    let report: serde_json::Value = serde_json::from_slice(&check.stdout).expect("JSON");
    assert!(report["servers"][0]["isolation"].is_null(), "{report:#}");
}

#[tokio::test]
async fn check_counts_the_findings_and_keeps_its_own_status() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let text = super::audited(&cluster, "agent", "", &["check"]).await;
    assert_eq!(text.status.code(), Some(0), "{text:?}");
    let (report, _) = super::audit(&cluster, "agent", "").await;
    let count = report["findings"].as_array().expect("a list").len();
    let line = format!("  {count} findings about the isolation of tenants: pgcommons audit\n");
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(count > 0 && text.contains(&line), "{text}");
}
