//! Databases and roles: a role that may create them can create and drop any number.

use std::time::Duration;

use serde_json::Value;

use super::{MEMORY, overflow, resident, values};
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, SUPERUSER, Scrape, TestSession, create_agent_role,
    create_tenant, failed_polls, fresh, run, sessions, trusting, watch,
};

async fn create_roles(cluster: &Cluster, count: usize) {
    let create = format!(
        "DO $$ BEGIN FOR n IN 1..{count} LOOP EXECUTE 'CREATE ROLE role_' || n || ' LOGIN'; END LOOP; END $$"
    );
    cluster.sql(&create).await;
}

async fn create_databases(cluster: &Cluster, count: usize) {
    let admin = cluster.admin().await;
    for n in 1..=count {
        let create = format!("CREATE DATABASE db_{n} CONNECTION LIMIT 7");
        admin.batch_execute(&create).await.expect("a database");
    }
    admin.close().await;
}

/// Opens sessions of role `n * 100` in database `n`.
async fn open_sessions<const N: usize>(cluster: &Cluster, numbers: [u32; N]) -> Vec<TestSession> {
    let mut open = Vec::new();
    for n in numbers {
        let (role, database) = (format!("role_{}", n * 100), format!("db_{n}"));
        let session = cluster.connect(&role, &role, &database).await;
        open.push(session.expect("PUBLIC may connect"));
    }
    open
}

/// How many databases and roles `check` reports.
async fn checked(cluster: &Cluster, config: &str) -> [Option<usize>; 2] {
    let url = cluster.url(AGENT, AGENT, "postgres");
    let env = [("DATABASE_URL", url.as_str())];
    let output = run(AgentSpec {
        args: &["check", "--json"],
        env: &env,
        config: Some(config),
        ..AgentSpec::default()
    })
    .await;
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    ["databases", "roles"].map(|kind| report["servers"][0][kind].as_array().map(Vec::len))
}

fn of_server(page: &Scrape, what: &str) -> Option<f64> {
    page.value(&format!("pgcommons_server_connections{what}"), &[])
}

#[tokio::test]
async fn names_over_the_limit_are_counted_and_server_figures_are_complete() {
    let cluster = trusting(&[("max_locks_per_transaction", "500")]).await;
    create_roles(&cluster, 12_000).await;
    create_databases(&cluster, 120).await;
    let _open = open_sessions(&cluster, [119, 118, 1]).await;
    let config = "series_limits: {databases: 20, roles: 100}\nbudgets: {db_120: {size: 1GiB}}";
    let agent = watch(&cluster, config).await;

    let page = fresh(&agent).await;
    let databases = values(&page, "datname");
    assert_eq!(
        databases.len(),
        22,
        "and the sum of the rest: {databases:?}"
    );
    for shown in ["postgres", "db_1", "db_118", "db_119", "db_120", "other"] {
        assert!(databases.contains(shown), "{shown} is busy or has a budget");
    }
    assert_eq!(overflow(&page, "datname"), Some(100.0));
    let roles = values(&page, "rolname");
    assert_eq!(roles.len(), 100);
    for busy in [AGENT, SUPERUSER, "role_100", "role_11800", "role_11900"] {
        assert!(roles.contains(busy), "{busy} has sessions, or is old");
    }
    assert_eq!(overflow(&page, "rolname"), Some(12_002.0 - 100.0));
    let superuser = of_server(&page, "_limit").expect("a limit");
    assert_eq!(
        of_server(&page, "_committed"),
        Some(120.0 * 7.0 + superuser)
    );
    assert_eq!(of_server(&page, ""), Some(4.0));
    assert_eq!(failed_polls(&page), [""; 0]);
    let bytes = resident(&page);
    assert!(bytes < MEMORY, "{bytes}");
    let log = agent.log();
    assert!(
        log.contains("more databases or roles than series_limits"),
        "{log}"
    );

    // `check` shows all databases, and at most 10,000 roles.
    assert_eq!(checked(&cluster, config).await, [Some(121), Some(10_000)]);
}

/// As with databases for continuous integration: databases that exist take the slots of those that were dropped.
#[tokio::test]
async fn with_ever_new_names_few_are_shown_and_existing_ones_come_first() {
    let cluster = trusting(&[]).await;
    let agent = watch(&cluster, "series_limits: {databases: 3, roles: 4}").await;
    let admin = cluster.admin().await;
    for n in 0..12 {
        let tenant = format!("tenant_{n}");
        create_tenant(&cluster, &tenant, 1).await;
        let open = sessions(&cluster, &tenant, 1).await;
        let page = fresh(&agent).await;
        let full = page.value(
            "pgcommons_database_connections_headroom",
            &[("datname", &tenant)],
        );
        assert_eq!(full, Some(0.0), "{tenant} is at its limit");
        let role = page.value("pgcommons_role_connections", &[("rolname", &tenant)]);
        assert_eq!(role, Some(1.0), "{tenant}");
        let databases = values(&page, "datname");
        assert!(databases.len() <= 3, "{databases:?}");
        let roles = values(&page, "rolname");
        assert!(roles.len() <= 4, "{roles:?}");
        TestSession::close_all(open).await;
        for sql in [
            format!("DROP DATABASE {tenant}"),
            format!("DROP ROLE {tenant}"),
        ] {
            admin.batch_execute(&sql).await.expect("a dropped tenant");
        }
    }
}

/// The owner of a database can change it all the time, and each change makes the agent read all databases and roles.
#[tokio::test]
async fn catalogue_reads_caused_by_an_owner_make_polls_less_frequent() {
    let cluster = trusting(&[]).await;
    create_roles(&cluster, 9000).await;
    create_tenant(&cluster, "mallory", 50).await;
    let mallory = cluster.connect("mallory", "mallory", "mallory").await;
    let mallory = mallory.expect("its own database");
    create_agent_role(&cluster).await;
    let url = cluster.url(AGENT, AGENT, "postgres");
    let agent = Agent::start(AgentSpec {
        config: Some("poll: {interval: 100ms}\nstats: {interval: 1h}\n"),
        env: &[
            ("DATABASE_URL", &url),
            ("PGCOMMONS__POLL__MAX_TIME_FRACTION", "0.001"),
        ],
        ..AgentSpec::default()
    })
    .await;
    let changing = async {
        for limit in 1.. {
            let change = format!("ALTER DATABASE mallory CONNECTION LIMIT {}", limit % 50);
            mallory
                .batch_execute(&change)
                .await
                .expect("its own database");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Reading 9,000 roles takes several milliseconds; a poll without it takes less than one.
    let slow = |page: &Scrape| page.value("pgcommons_poll_interval_seconds", &[]) > Some(3.0);
    tokio::select! {
        () = changing => {}
        page = agent.scrape_until("a longer interval", slow) => assert_eq!(failed_polls(&page), [""; 0]),
    }
}

/// Changes that do not alter a sum of limits or of transaction ids, while statistics are read once an hour.
#[tokio::test]
async fn swapped_limits_and_names_are_seen_with_the_next_poll() {
    let cluster = trusting(&[]).await;
    cluster
        .sql(
            "CREATE ROLE a LOGIN CONNECTION LIMIT 20; CREATE ROLE b LOGIN CONNECTION LIMIT 10; \
              CREATE ROLE c LOGIN CONNECTION LIMIT 30",
        )
        .await;
    create_agent_role(&cluster).await;
    let url = cluster.url(AGENT, AGENT, "postgres");
    let agent = Agent::start(AgentSpec {
        config: Some("poll: {interval: 100ms}\nstats: {interval: 1h}\n"),
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    })
    .await;
    let limits = |page: &Scrape| {
        ["a", "b", "c"].map(|role| page.value("pg_roles_connection_limit", &[("rolname", role)]))
    };
    let are = |wanted: [f64; 3]| move |page: &Scrape| limits(page) == wanted.map(Some);
    agent
        .scrape_until("as before", are([20.0, 10.0, 30.0]))
        .await;
    let admin = cluster.admin().await;
    let apply = async |changes: &str, wanted: [f64; 3]| {
        fresh(&agent).await; // the statistics were read, and the catalogue with them
        let before = polls(&agent.scrape().await);
        admin.batch_execute(changes).await.expect("changes");
        let page = agent.scrape_until(changes, are(wanted)).await;
        // The catalogue would be read in any case after 15 s, which is 150 polls.
        assert!(polls(&page) - before < 100.0, "{changes}: {before}");
    };
    let swap = "BEGIN; ALTER ROLE a CONNECTION LIMIT 10; ALTER ROLE b CONNECTION LIMIT 20; COMMIT";
    apply(swap, [10.0, 20.0, 30.0]).await;
    // The OIDs are consecutive, so that a sum weighted by OID stays the same.
    let shift = "BEGIN; ALTER ROLE a CONNECTION LIMIT 7; ALTER ROLE b CONNECTION LIMIT 26; \
                 ALTER ROLE c CONNECTION LIMIT 27; COMMIT";
    apply(shift, [7.0, 26.0, 27.0]).await;
    let names = "BEGIN; ALTER ROLE a RENAME TO x; ALTER ROLE b RENAME TO a; ALTER ROLE x RENAME TO b; COMMIT";
    apply(names, [26.0, 7.0, 27.0]).await;
}

fn polls(page: &Scrape) -> f64 {
    page.sum("pgcommons_polls_total", &[("poll", "activity")])
}
