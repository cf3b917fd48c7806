//! What isolation costs with many databases and roles.

use super::audit;
use crate::support::{Cluster, create_agent_role, trusting, watch_as};

const MANY: usize = 1000;
/// Seconds.
const JOB: f64 = 0.3;
const SERIES_PER_DATABASE: usize = 10;

/// Rows of `pg_database` without directories: 1,000 real databases would take 7 GB. Each database belongs to a role, is open for PUBLIC, and a
/// quarter of the roles are members of another one.
async fn fill(cluster: &Cluster) {
    let admin = cluster.admin().await;
    let create = format!(
        "SET allow_system_table_mods = on;
         DO $$ BEGIN FOR n IN 1..{MANY} LOOP
            EXECUTE format('CREATE ROLE tenant_%s LOGIN', n);
            IF n % 4 = 0 THEN EXECUTE format('GRANT tenant_%s TO tenant_%s', n - 1, n); END IF;
         END LOOP; END $$;
         CREATE TEMPORARY TABLE row AS SELECT * FROM pg_database WHERE datname = 'postgres';
         DO $$ BEGIN FOR n IN 1..{MANY} LOOP
            UPDATE row SET oid = (1000000 + n)::oid, datname = 'tenant_' || n, datconnlimit = 10,
                datdba = (SELECT oid FROM pg_roles WHERE rolname = 'tenant_' || n);
            INSERT INTO pg_database SELECT * FROM row;
         END LOOP; END $$;
         ANALYZE pg_database, pg_authid, pg_auth_members"
    );
    admin.batch_execute(&create).await.expect("many tenants");
    admin.close().await;
}

#[tokio::test]
#[ignore = "a measurement: see docs/isolation.md"]
async fn a_thousand_tenants_cost_little() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    fill(&cluster).await;
    let agent = watch_as(&cluster, "agent", "").await;
    let page = agent
        .scrape_until("the privileges", |page| {
            !page.series("pgcommons_isolation_findings").is_empty()
        })
        .await;
    let took = page.value("pgcommons_poll_duration_seconds", &[("poll", "access")]);
    let names = [
        "pgcommons_database_isolation_finding",
        "pgcommons_database_foreign_connect_roles",
        "pgcommons_database_drift",
    ];
    let series: usize = names.iter().map(|name| page.series(name).len()).sum();
    let (report, _) = audit(&cluster, "agent", "").await;
    let findings = report["findings"].as_array().expect("a list").len();
    // The output of the measurement.
    let cpu = page.value("process_cpu_seconds_total", &[]);
    eprintln!(
        "job: {took:?} s, CPU of the agent so far, judgement included: {cpu:?} s, series of isolation: {series} for {MANY} databases, findings: {findings}, page: {} bytes",
        page.text().len()
    );
    assert!(took.is_some_and(|took| took < JOB), "{took:?}");
    assert!(
        (MANY..MANY * SERIES_PER_DATABASE).contains(&series),
        "{series}"
    );
    assert!(findings >= 2 * MANY, "{findings}");
}
