//! Databases and roles, of which whoever may create them can create any number, and drop them again.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::{MEMORY, folded, resident, values};
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

async fn visits<const N: usize>(cluster: &Cluster, visitors: [u32; N]) -> Vec<TestSession> {
    let mut open = Vec::new();
    for n in visitors {
        let (role, database) = (format!("role_{}", n * 100), format!("db_{n}"));
        let session = cluster.connect(&role, &role, &database).await;
        open.push(session.expect("PUBLIC may connect"));
    }
    open
}

/// How many databases and roles a check reports.
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
async fn past_the_cap_names_are_counted_and_the_server_is_whole() {
    let cluster = trusting(&[("max_locks_per_transaction", "500")]).await;
    create_roles(&cluster, 12_000).await;
    create_databases(&cluster, 120).await;
    let _open = visits(&cluster, [119, 118, 1]).await;
    let config = "activity: {databases: 20, roles: 100}\nbudgets: {db_120: {size: 1GiB}}";
    let agent = watch(&cluster, config).await;

    let page = fresh(&agent).await;
    let databases = values(&page, "datname");
    assert_eq!(databases.len(), 21, "{databases:?}");
    for shown in ["postgres", "db_1", "db_118", "db_119", "db_120"] {
        assert!(databases.contains(shown), "{shown} is busy or has a budget");
    }
    assert_eq!(folded(&page, "datname"), Some(100.0));
    let roles = values(&page, "rolname");
    assert_eq!(roles.len(), 100);
    for busy in [AGENT, SUPERUSER, "role_100", "role_11800", "role_11900"] {
        assert!(roles.contains(busy), "{busy} has sessions, or is old");
    }
    assert_eq!(folded(&page, "rolname"), Some(12_002.0 - 100.0));
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
    assert!(log.contains("more names than are shown"), "{log}");

    // A check leaves out nobody but roles without number.
    assert_eq!(checked(&cluster, config).await, [Some(121), Some(10_000)]);
}

#[tokio::test]
async fn databases_and_roles_under_ever_new_names_are_few_over_time() {
    let cluster = trusting(&[]).await;
    let agent = watch(&cluster, "activity: {databases: 3, roles: 4}").await;
    let (mut databases, mut roles) = (BTreeSet::new(), BTreeSet::new());
    let mut most_folded: f64 = 0.0;
    let admin = cluster.admin().await;
    for n in 0..12 {
        let guest = format!("guest_{n}");
        create_tenant(&cluster, &guest, -1).await;
        let visit = sessions(&cluster, &guest, 1).await;
        let page = fresh(&agent).await;
        let count = page.sum("pg_stat_activity_count", &[]);
        assert_eq!(Some(count), of_server(&page, ""), "everybody counts");
        databases.extend(values(&page, "datname"));
        roles.extend(values(&page, "rolname"));
        most_folded = folded(&page, "datname").expect("known").max(most_folded);
        TestSession::close_all(visit).await;
        for sql in [
            format!("DROP DATABASE {guest}"),
            format!("DROP ROLE {guest}"),
        ] {
            admin.batch_execute(&sql).await.expect("a tenant is gone");
        }
    }
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(databases, set(&["guest_0", "guest_1", "other", "postgres"]));
    assert_eq!(roles, set(&["guest_0", "guest_1", AGENT, SUPERUSER]));
    assert_eq!(Some(most_folded), Some(1.0));
}

/// Whoever owns a database can change it without end, and with each change all databases and roles are read.
#[tokio::test]
async fn what_an_owner_makes_the_agent_read_is_paid_for_with_rest() {
    let cluster = trusting(&[]).await;
    create_roles(&cluster, 9000).await;
    create_tenant(&cluster, "mallory", 50).await;
    let mallory = cluster.connect("mallory", "mallory", "mallory").await;
    let mallory = mallory.expect("his own");
    create_agent_role(&cluster).await;
    let url = cluster.url(AGENT, AGENT, "postgres");
    let agent = Agent::start(AgentSpec {
        config: Some("poll: {interval: 100ms}\nstats: {interval: 1h}\n"),
        env: &[
            ("DATABASE_URL", &url),
            ("PGCOMMONS__POLL__TIME_SHARE", "0.001"),
        ],
        ..AgentSpec::default()
    })
    .await;
    let changing = async {
        for limit in 1.. {
            let change = format!("ALTER DATABASE mallory CONNECTION LIMIT {}", limit % 50);
            mallory.batch_execute(&change).await.expect("his own");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Reading 9,000 roles takes several milliseconds each time; a poll without that, a fraction of one.
    let slow = |page: &Scrape| page.value("pgcommons_poll_interval_seconds", &[]) > Some(3.0);
    tokio::select! {
        () = changing => {}
        page = agent.scrape_until("rest", slow) => assert_eq!(failed_polls(&page), [""; 0]),
    }
}

/// One statement later there are as many slots as before, and other roles have them.
#[tokio::test]
async fn slots_that_move_from_one_role_to_another_are_seen_to_move() {
    let cluster = trusting(&[]).await;
    cluster
        .sql("CREATE ROLE a LOGIN CONNECTION LIMIT 20; CREATE ROLE b LOGIN CONNECTION LIMIT 10")
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
        ["a", "b"].map(|role| page.value("pg_roles_connection_limit", &[("rolname", role)]))
    };
    let are = |wanted: [f64; 2]| move |page: &Scrape| limits(page) == wanted.map(Some);
    agent.scrape_until("as before", are([20.0, 10.0])).await;
    fresh(&agent).await; // the statistics were read, and the catalogue with them
    let admin = cluster.admin().await;
    let swap = "BEGIN; ALTER ROLE a CONNECTION LIMIT 10; ALTER ROLE b CONNECTION LIMIT 20; COMMIT";
    admin
        .batch_execute(swap)
        .await
        .expect("roles can be altered");
    agent.scrape_until("swapped", are([10.0, 20.0])).await;
}
