//! The ways by which a role comes to CONNECT: groups of groups, NOINHERIT, the options INHERIT and SET of PostgreSQL 16, owners,
//! grants of another grantor, superusers.

use std::collections::BTreeSet;

use super::{audit, audited, connects, found, listed, repair};
use crate::support::{Cluster, create_agent_role, trusting};

/// Each tenant owns its database, which is closed for PUBLIC.
async fn closed(cluster: &Cluster, tenants: &[&str]) {
    create_agent_role(cluster).await;
    cluster
        .sql("GRANT CONNECT ON DATABASE postgres TO agent")
        .await;
    for name in tenants {
        cluster.sql(&format!("CREATE ROLE {name} LOGIN")).await;
        cluster
            .sql(&format!("CREATE DATABASE {name}_db OWNER {name}"))
            .await;
    }
    let databases = tenants.iter().map(|name| format!("{name}_db"));
    for database in databases.chain(["postgres", "template1"].map(str::to_owned)) {
        let close = format!("REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC");
        cluster.sql(&close).await;
    }
}

fn pair(role: &str, database: &str) -> (String, String) {
    (role.to_owned(), database.to_owned())
}

#[tokio::test]
async fn memberships_give_what_real_logins_can_do() {
    let cluster = trusting(&[]).await;
    closed(&cluster, &["a", "b", "c", "d", "e", "f", "g"]).await;
    let is_16 = cluster.major_version().await >= 16;
    // Two levels; NOINHERIT in the middle; the owner of another database as a group; a grant of another grantor.
    cluster
        .sql(
            "CREATE ROLE upper; CREATE ROLE lower; CREATE ROLE closed NOINHERIT;
             GRANT CONNECT ON DATABASE a_db TO upper; GRANT upper TO lower; GRANT lower TO b;
             GRANT upper TO closed; GRANT closed TO c;
             GRANT a TO d;
             GRANT CONNECT ON DATABASE a_db TO a WITH GRANT OPTION;
             SET ROLE a; GRANT CONNECT ON DATABASE a_db TO e; RESET ROLE",
        )
        .await;
    let mut expected: BTreeSet<_> =
        [pair("b", "a_db"), pair("d", "a_db"), pair("e", "a_db")].into();
    if is_16 {
        // The attribute NOINHERIT of a group is only a default for new memberships, which `closed` got.
        cluster
            .sql("GRANT upper TO f WITH INHERIT FALSE, SET TRUE; GRANT upper TO g WITH INHERIT TRUE, SET FALSE")
            .await;
        expected.insert(pair("g", "a_db"));
    } else {
        cluster
            .sql("ALTER ROLE f NOINHERIT; GRANT upper TO f")
            .await;
    }
    let databases = [
        "a_db",
        "b_db",
        "c_db",
        "d_db",
        "e_db",
        "f_db",
        "g_db",
        "postgres",
        "template1",
    ];
    let roles = ["a", "b", "c", "d", "e", "f", "g"];
    let possible = connects(&cluster, &roles, &databases, |role, database| {
        database == format!("{role}_db")
    });
    assert_eq!(possible.await, expected);
    let (report, code) = audit(&cluster, "agent", "").await;
    assert_eq!(
        (listed(&report), code),
        (expected.clone(), Some(1)),
        "{report:#}"
    );
    assert_eq!(
        found(&report, "foreign_connect").len(),
        expected.len(),
        "{report:#}"
    );

    // The SQL of each finding repairs it.
    repair(&cluster, "agent", "").await;
    let (report, _) = audit(&cluster, "agent", "").await;
    let memberships: BTreeSet<_> = expected
        .iter()
        .filter(|(role, _)| role != "e")
        .cloned()
        .collect();
    assert_eq!(listed(&report), memberships, "{report:#}");
    for finding in report["findings"].as_array().expect("a list") {
        cluster
            .sql(finding["sql"].as_str().expect("it has SQL"))
            .await;
    }
    let (report, code) = audit(&cluster, "agent", "").await;
    assert_eq!(code, Some(0), "{report:#}");
}

#[tokio::test]
async fn owners_and_superusers_are_found_and_declared_ones_are_not() {
    let cluster = trusting(&[]).await;
    closed(&cluster, &["a", "b"]).await;
    cluster.sql("CREATE DATABASE second OWNER a").await;
    cluster
        .sql("REVOKE ALL ON DATABASE second FROM PUBLIC")
        .await;
    cluster.sql("CREATE DATABASE big").await;
    cluster.sql("REVOKE ALL ON DATABASE big FROM PUBLIC").await;
    cluster
        .sql(
            "CREATE ROLE boss LOGIN SUPERUSER CONNECTION LIMIT 2;
             CREATE ROLE maker LOGIN CREATEDB CREATEROLE;
             CREATE ROLE reader LOGIN NOINHERIT; GRANT pg_read_all_stats TO reader;
             GRANT pg_read_server_files TO reader;
             CREATE ROLE root NOLOGIN SUPERUSER; GRANT root TO b",
        )
        .await;
    let boss = cluster
        .connect("boss", "boss", "b_db")
        .await
        .expect("a session");
    let shared = [
        cluster.connect("a", "a", "a_db").await.expect("a session"),
        cluster
            .connect("a", "a", "second")
            .await
            .expect("a session"),
    ];
    let (report, code) = audit(&cluster, "agent", "").await;
    assert_eq!(code, Some(2), "{report:#}");
    for (kind, database, role) in [
        ("shared_owner", "-", "a"),
        ("shared_login", "-", "a"),
        ("superuser_owner", "big", "postgres"),
        ("superuser_sessions", "b_db", "boss"),
        ("elevated_role", "-", "boss"),
        ("elevated_role", "-", "maker"),
        ("elevated_membership", "-", "reader"),
        ("elevated_membership", "-", "b"),
        ("limit_not_enforced", "-", "boss"),
    ] {
        let found = found(&report, kind);
        assert!(found.contains(&pair(database, role)), "{kind}: {report:#}");
    }
    assert_eq!(
        report["findings"].as_array().expect("a list").len(),
        9,
        "{report:#}"
    );

    let declared = "roles: {admin: [boss, maker, reader, postgres, b]}\n\
                    budgets: {a_db: {roles: [a]}, second: {roles: [a]}}\n";
    let (report, code) = audit(&cluster, "agent", declared).await;
    assert_eq!(code, Some(0), "{report:#}");
    boss.close().await;
    for session in shared {
        session.close().await;
    }
}

#[tokio::test]
async fn a_check_that_cannot_be_made_is_skipped_and_never_ok() {
    let cluster = trusting(&[]).await;
    closed(&cluster, &["a"]).await;
    cluster
        .sql("CREATE ROLE blind LOGIN; GRANT CONNECT ON DATABASE postgres TO blind")
        .await;
    let session = cluster.connect("a", "a", "a_db").await.expect("a session");
    let (report, code) = audit(&cluster, "blind", "").await;
    assert_eq!(code, Some(3), "{report:#}");
    let skipped = report["skipped"].as_array().expect("a list");
    let kinds: Vec<_> = skipped
        .iter()
        .filter_map(|it| it["finding"].as_str())
        .collect();
    let wanted = ["shared_login", "superuser_sessions", "cleartext_sessions"];
    assert_eq!(kinds, wanted, "{report:#}");
    session.close().await;

    let nobody = audited(&cluster, "nobody", "", &["audit"]).await;
    assert_eq!(nobody.status.code(), Some(3), "{nobody:?}");
}
