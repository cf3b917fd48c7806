//! What is open inside a database: findings, series, and what is said without a probe.

use serde_json::Value;

use super::{SHARED, config, fresh_probe, shared, up, watch};
use crate::support::{AgentSpec, Cluster, Scrape, run};

const OPEN: &str = "
GRANT CREATE ON SCHEMA public TO PUBLIC;
CREATE TABLE open_table (a int); GRANT SELECT ON open_table TO PUBLIC;
CREATE TABLE open_column (a int, b int); GRANT SELECT (b) ON open_column TO PUBLIC;
CREATE TABLE closed (a int); GRANT INSERT ON closed TO PUBLIC;
CREATE SCHEMA hidden; CREATE TABLE hidden.unreachable (a int); GRANT SELECT ON hidden.unreachable TO PUBLIC;
CREATE FUNCTION \"odd name\"(text, int) RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION pinned() RETURNS int SECURITY DEFINER SET search_path = pg_catalog LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION invoker() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE EXTENSION pg_stat_statements;";

const KINDS: [&str; 3] = ["public_create", "public_tables", "unsafe_definer"];

fn counts(page: &Scrape) -> [Option<f64>; 3] {
    KINDS.map(|kind| page.value("pgcommons_isolation_findings", &[("finding", kind)]))
}

/// The findings of `audit --json` in the database `shared`, and its exit code.
async fn audit(cluster: &Cluster, probes: &str) -> (Value, Option<i32>) {
    let config = config(cluster, probes);
    let output = run(AgentSpec {
        args: &["audit", "--json"],
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    let report = serde_json::from_slice(&output.stdout);
    (
        report.unwrap_or_else(|error| panic!("{error}: {output:?}")),
        output.status.code(),
    )
}

fn finding<'a>(report: &'a Value, kind: &str) -> Option<&'a Value> {
    let mut findings = report["findings"].as_array().expect("a list").iter();
    findings.find(|it| it["finding"] == kind)
}

#[tokio::test]
async fn what_is_open_is_found_and_its_repair_closes_it() {
    let cluster = shared(OPEN).await;
    let agent = watch(&cluster, "shared: {interval: 1s}").await;
    let page = fresh_probe(&agent).await;
    assert_eq!(counts(&page), [Some(1.0); 3], "{}", page.text());
    for finding in KINDS {
        let labels = [("datname", "shared"), ("finding", finding)];
        assert_eq!(
            page.value("pgcommons_database_isolation_finding", &labels),
            Some(1.0)
        );
    }
    let (report, _) = audit(&cluster, "shared: {interval: 1s}").await;
    for (kind, wanted) in [
        (
            "public_create",
            "PUBLIC may create objects in schema public",
        ),
        (
            "public_tables",
            "PUBLIC may read public.open_column, public.open_table",
        ),
        (
            "unsafe_definer",
            "SECURITY DEFINER without search_path: public.odd name(text, integer)",
        ),
    ] {
        let finding = finding(&report, kind).unwrap_or_else(|| panic!("no {kind}: {report:#}"));
        assert_eq!(finding["text"], format!("in database shared: {wanted}"));
        let decide = finding["decide"].as_str().expect("a decision");
        let (_, repair) = decide.split_once("no more: ").expect("a repair");
        cluster.sql_in("shared", repair).await;
    }
    let page = fresh_probe(&agent).await;
    assert_eq!(counts(&page), [Some(0.0); 3], "{}", page.text());
    assert!(
        finding(
            &audit(&cluster, "shared: {interval: 1s}").await.0,
            "public_tables"
        )
        .is_none()
    );
}

#[tokio::test]
async fn a_check_that_was_not_made_is_absent() {
    let cluster = shared(OPEN).await;
    let (report, _) = audit(&cluster, "").await;
    assert!(finding(&report, "public_tables").is_none());
    assert_eq!(report["skipped"], serde_json::json!([]), "{report:#}");
    let with_missing = "shared: {interval: 1s}, missing: {interval: 1s}";
    let agent = watch(&cluster, with_missing).await;
    let page = agent
        .scrape_until("both probed", |page| {
            up(page, "shared") == Some(1.0) && up(page, "missing") == Some(0.0)
        })
        .await;
    assert_eq!(counts(&page), [None; 3], "a part is not the whole");
    let (report, code) = audit(&cluster, with_missing).await;
    let skipped = report["skipped"].as_array().expect("a list");
    let skipped: Vec<_> = skipped.iter().map(|it| it["finding"].as_str()).collect();
    assert_eq!(skipped, KINDS.map(Some), "{report:#}");
    assert_eq!(code, Some(3));
}

#[tokio::test]
async fn check_probes_too() {
    let cluster = shared(&format!("{} {}", super::TWO, super::GRANT)).await;
    let config = config(&cluster, &format!("{SHARED}, missing: {{interval: 1s}}"));
    let checked = async |args: &[&str]| {
        run(AgentSpec {
            args,
            config: Some(&config),
            ..AgentSpec::default()
        })
        .await
    };
    let text = checked(&["check"]).await;
    let lines = String::from_utf8(text.stdout).expect("UTF-8");
    assert!(
        lines.contains("shared: 2 workspaces: globex 75 %, acme 25 %"),
        "{lines}"
    );
    assert!(
        lines.contains("the probe of database missing fails"),
        "{lines}"
    );
    assert_eq!(text.status.code(), Some(3), "{lines}");
    let report: Value =
        serde_json::from_slice(&checked(&["check", "--json"]).await.stdout).expect("JSON");
    let probes = &report["servers"][0]["probes"];
    let shares = probes
        .as_array()
        .expect("a list")
        .iter()
        .find(|it| it["datname"] == "shared");
    let share = shares.expect("shared")["workspaces"]["acme"].as_f64();
    assert!((share.expect("a share") - 0.25).abs() < 0.025, "{probes:#}");
}
