//! The shares of workspaces: what the statistics tell, and when they are unknown.

use std::time::Duration;

use super::{GRANT, SHARED, TWO, fresh_probe, probes, rows, shared, tables, up, watch};
use crate::support::{Cluster, Scrape, eventually};

fn share(page: &Scrape, workspace: &str) -> f64 {
    let labels = [("datname", "shared"), ("workspace", workspace)];
    page.value("pgcommons_workspace_share_ratio", &labels)
        .unwrap_or_else(|| panic!("no {workspace}:\n{}", page.text()))
}

/// Scans of the tables of the tenant, by the statistics of PostgreSQL.
async fn scans(cluster: &Cluster) -> i64 {
    let session = cluster.admin_of("shared").await;
    let scans = session
        .value("SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0) FROM pg_stat_user_tables")
        .await;
    session.close().await;
    scans.and_then(|it| it.parse().ok()).expect("a number")
}

/// The databases that the sessions of the agent are in.
async fn sessions(cluster: &Cluster) -> Vec<String> {
    let session = cluster.admin().await;
    let list = "SELECT coalesce(string_agg(datname, ' '), '') FROM pg_stat_activity WHERE usename = 'agent'";
    let list = session.value(list).await.expect("a list");
    session.close().await;
    list.split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn two_workspaces_are_told_apart_without_a_scan() {
    let second = TWO.replace("lightrag_doc", "lightrag_chunk");
    let cluster = shared(&format!(
        "{TWO} {second} CREATE TABLE lightrag_empty (workspace text); {GRANT}"
    ))
    .await;
    let agent = watch(&cluster, &SHARED.replace("1s", "1h")).await;
    let page = agent
        .scrape_until("probed", |page| up(page, "shared") == Some(1.0))
        .await;
    for (workspace, wanted) in [("acme", 0.25), ("globex", 0.75)] {
        let share = share(&page, workspace);
        assert!((share / wanted - 1.0).abs() < 0.1, "{workspace}: {share}");
    }
    let total = page.sum("pgcommons_workspace_rows", &[]);
    assert!((total - 16_000.0).abs() < 1.0, "{total}");
    assert_eq!(
        page.series("pgcommons_workspace_rows").len(),
        2,
        "{}",
        page.text()
    );
    let analysed = page.value("pgcommons_workspace_statistics_timestamp_seconds", &[]);
    assert!(analysed.is_some_and(|at| at > 1.7e9), "{analysed:?}");
    assert_eq!(tables(&page, "empty"), Some(1.0));
    eventually(
        Duration::from_secs(10),
        "one session, in its own database",
        async || (sessions(&cluster).await == ["postgres"]).then_some(()),
    )
    .await;
    let page = agent.scrape().await;
    assert!(
        probes(&page, "shared", "ok") < 1.5,
        "one probe, one connection"
    );
    assert_eq!(scans(&cluster).await, 0);
    // The measure itself works.
    cluster
        .sql_in("shared", "SELECT count(*) FROM lightrag_doc")
        .await;
    eventually(Duration::from_secs(10), "a scan counts", async || {
        (scans(&cluster).await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_part_is_not_shown_as_the_whole() {
    let cluster = shared(TWO).await;
    let agent = watch(&cluster, SHARED).await;
    let page = agent
        .scrape_until("probed", |page| up(page, "shared") == Some(1.0))
        .await;
    assert_eq!(
        (rows(&page, "acme"), tables(&page, "not_readable")),
        (None, Some(1.0))
    );
    assert!(
        agent
            .log()
            .contains("may not read the column of public.lightrag_doc")
    );
    cluster.sql_in("shared", GRANT).await;
    let page = fresh_probe(&agent).await;
    assert!(rows(&page, "acme").is_some(), "{}", page.text());

    cluster
        .sql_in(
            "shared",
            &format!("CREATE TABLE lightrag_new AS SELECT * FROM lightrag_doc LIMIT 10; {GRANT}"),
        )
        .await;
    let page = fresh_probe(&agent).await;
    assert_eq!(
        (rows(&page, "acme"), tables(&page, "not_analysed")),
        (None, Some(1.0))
    );
    cluster.sql_in("shared", "ANALYZE lightrag_new").await;
    let page = fresh_probe(&agent).await;
    assert!(rows(&page, "acme").is_some() && tables(&page, "estimated") == Some(2.0));

    cluster
        .sql_in(
            "shared",
            "ALTER TABLE lightrag_new ENABLE ROW LEVEL SECURITY",
        )
        .await;
    let page = fresh_probe(&agent).await;
    assert_eq!(
        (rows(&page, "acme"), tables(&page, "not_readable")),
        (None, Some(1.0))
    );

    cluster
        .sql_in(
            "shared",
            "DROP TABLE lightrag_new, lightrag_doc; CREATE TABLE unrelated (workspace text)",
        )
        .await;
    let page = fresh_probe(&agent).await;
    assert!(page.series("pgcommons_workspace_rows").is_empty());
    assert!(agent.log().contains("no table matches"), "{}", agent.log());
}

#[tokio::test]
async fn what_the_statistics_do_not_name_is_other() {
    // Each of 300 workspaces has three rows, so none is common; two are, and some rows have none.
    let cluster = shared(&format!(
        "CREATE TABLE lightrag_many (workspace text);
         INSERT INTO lightrag_many SELECT 'w' || n % 300 FROM generate_series(1, 900) AS n;
         INSERT INTO lightrag_many SELECT CASE WHEN n % 4 = 0 THEN 'acme' ELSE 'globex' END FROM generate_series(1, 4000) AS n;
         INSERT INTO lightrag_many SELECT NULL FROM generate_series(1, 100);
         ANALYZE; {GRANT}"
    ))
    .await;
    let agent = watch(&cluster, SHARED).await;
    let page = agent
        .scrape_until("probed", |page| up(page, "shared") == Some(1.0))
        .await;
    let total = page.sum("pgcommons_workspace_rows", &[]);
    assert!((total - 5000.0).abs() < 1.0, "{total}");
    let shares: f64 = page.sum("pgcommons_workspace_share_ratio", &[]);
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    for (workspace, wanted) in [("acme", 1000.0), ("globex", 3000.0)] {
        let rows = rows(&page, workspace).expect("a common one");
        assert!((rows / wanted - 1.0).abs() < 0.1, "{workspace}: {rows}");
    }
    let other = rows(&page, "other").expect("the rest");
    let named: f64 = page
        .series("pgcommons_workspace_rows")
        .iter()
        .filter(|it| {
            it.label("workspace")
                .is_some_and(|name| name.starts_with('w'))
        })
        .map(|it| it.value)
        .sum();
    assert!((other + named - 1000.0).abs() < 150.0, "{other} {named}");
}

#[tokio::test]
async fn small_tables_and_partitions_are_whole() {
    let cluster = shared(&format!(
        "CREATE TABLE lightrag_small (workspace text);
         INSERT INTO lightrag_small SELECT CASE WHEN n % 4 = 0 THEN 'acme' ELSE 'globex' END FROM generate_series(1, 12) AS n;
         CREATE TABLE lightrag_parts (workspace text) PARTITION BY LIST (workspace);
         CREATE TABLE part_one PARTITION OF lightrag_parts FOR VALUES IN ('acme');
         CREATE TABLE part_two PARTITION OF lightrag_parts DEFAULT;
         INSERT INTO lightrag_parts SELECT CASE WHEN n % 4 = 0 THEN 'acme' ELSE 'globex' END FROM generate_series(1, 400) AS n;
         ANALYZE; {GRANT}"
    ))
    .await;
    let agent = watch(&cluster, SHARED).await;
    let page = agent
        .scrape_until("probed", |page| up(page, "shared") == Some(1.0))
        .await;
    assert_eq!(tables(&page, "estimated"), Some(3.0), "{}", page.text());
    for (workspace, wanted) in [("acme", 103.0), ("globex", 309.0)] {
        let rows = rows(&page, workspace).expect("known");
        assert!((rows - wanted).abs() < 1.0, "{workspace}: {rows}");
    }
    assert_eq!(rows(&page, "other"), None);
}
