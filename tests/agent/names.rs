//! Names of databases and roles are exported unchanged, and match in budgets and patterns.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::support::{
    AGENT, SUPERUSER, Scrape, TestSession, create_tenant, fresh, quoted, sessions, trusting, watch,
    watch_as,
};

/// Unusual names. The first is also the role of the agent.
fn odd_names() -> Vec<String> {
    let mut names = [
        "we\"ird",
        "back\\slash",
        "back\\nslash",
        "new\nline",
        "🐘 größe",
        "Shop",
        "shop",
        "-dash",
        " two  spaces ",
        "{}",
        "{datname=\"x\"}",
        "a.b[0]",
        "it's; --",
        "%s$1",
        "null",
        "007",
    ]
    .map(str::to_owned)
    .to_vec();
    // The maximum length of a name: 63 bytes.
    names.extend(["n".repeat(63), format!("{}x", "é".repeat(31))]);
    names
}

/// The values of a label in a family, or in all of them.
fn values(page: &Scrape, family: Option<&str>, label: &str) -> BTreeSet<String> {
    let names = page.names().into_iter();
    let families = names.filter(|name| family.is_none_or(|family| family == *name));
    let series = families.flat_map(|name| page.series(name));
    series
        .filter_map(|series| series.label(label).map(str::to_owned))
        .collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// Budgets: each database has its position in the list as the limit, and its name as the owner.
fn budgets(names: &[String]) -> String {
    let mut config = "budgets:\n".to_owned();
    for (n, name) in names.iter().enumerate() {
        // JSON's strings are YAML's too.
        let key = serde_json::to_string(name).expect("text");
        writeln!(config, "  {key}: {{connections: {}, owner: {key}}}", n + 1).expect("text");
    }
    config
}

#[tokio::test]
async fn any_name_is_exported_unchanged() {
    let cluster = trusting(&[]).await;
    let names = odd_names();
    let mut held = Vec::new();
    for name in &names {
        create_tenant(&cluster, name, 50).await;
        held.extend(sessions(&cluster, name, 1).await);
    }
    let agent = quoted(&names[0]);
    cluster.sql(&format!("GRANT pg_monitor TO {agent}")).await;
    let agent = watch_as(&cluster, &names[0], &budgets(&names)).await;

    let mut expected: BTreeSet<String> = names.iter().cloned().collect();
    expected.insert("postgres".to_owned());
    let sizes = |page: &Scrape| values(page, Some("pg_database_size_bytes"), "datname");
    let page = agent
        .scrape_until("all sizes", |page| sizes(page) == expected)
        .await;
    assert_eq!(values(&page, None, "datname"), expected);
    assert_eq!(values(&page, None, "rolname"), expected);
    for (n, name) in names.iter().enumerate() {
        let (datname, usename) = (("datname", &**name), ("usename", &**name));
        let sessions = page.value("pg_stat_activity_count", &[datname, usename]);
        assert_eq!(sessions, Some(1.0), "{name}");
        let of = [datname, ("kind", "budget")];
        let budget = page.value("pgcommons_database_connections_limit", &of);
        assert_eq!(budget, Some((n + 1) as f64), "{name}");
        let info = page.value("pgcommons_database_info", &[datname, ("owner", name)]);
        assert_eq!(info, Some(1.0), "{name}");
        let of_role = page.value("pgcommons_role_connections", &[("rolname", name)]);
        // The first has the agent's session too.
        assert_eq!(of_role, Some(if n == 0 { 2.0 } else { 1.0 }), "{name}");
    }
}

#[tokio::test]
async fn a_name_in_another_encoding_affects_no_other_name() {
    let cluster = trusting(&[]).await;
    cluster
        .sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        .await;
    // Names are stored in the encoding of the session's database, here with bytes that are not UTF-8.
    cluster.sql_in("latin", "CREATE DATABASE \"café\"").await;
    cluster.sql_in("latin", "CREATE ROLE \"rené\" LOGIN").await;
    let agent = watch(&cluster, "").await;

    let page = fresh(&agent).await;
    let databases = values(&page, Some("pg_database_connection_limit"), "datname");
    assert_eq!(databases, set(["caf\\xe9", "latin", "postgres"]));
    let roles = values(&page, Some("pgcommons_role_connections"), "rolname");
    assert_eq!(roles, set(["ren\\xe9", AGENT, SUPERUSER]));
}

#[tokio::test]
async fn patterns_choose_the_databases_but_not_the_sessions_of_the_server() {
    let cluster = trusting(&[]).await;
    for name in ["team_a", "team_b", "team_b_test", "shop", "shops"] {
        create_tenant(&cluster, name, 10).await;
    }
    let _unwatched = sessions(&cluster, "shops", 3).await;
    let patterns = "databases: {include: ['team_*', 'sho?', template1], exclude: ['*_test']}";
    let selective = watch(&cluster, patterns).await;
    let page = fresh(&selective).await;
    assert_eq!(
        values(&page, None, "datname"),
        set(["shop", "team_a", "team_b", "template1"])
    );
    assert_eq!(page.value("pgcommons_server_connections", &[]), Some(4.0));
    let of_role = [("rolname", "shops")];
    assert_eq!(
        page.value("pgcommons_role_connections", &of_role),
        Some(3.0)
    );
    drop(selective);

    let agent = watch_as(&cluster, AGENT, "").await;
    let all = [
        "postgres",
        "shop",
        "shops",
        "team_a",
        "team_b",
        "team_b_test",
    ];
    assert_eq!(values(&fresh(&agent).await, None, "datname"), set(all));
}

/// As when the new version of an application takes over the name of the old one.
#[tokio::test]
async fn a_database_that_takes_the_name_of_another_starts_new_series() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "blue", 1).await;
    create_tenant(&cluster, "green", 5).await;
    let agent = watch(&cluster, "").await;
    let full = sessions(&cluster, "blue", 1).await;
    let of = |page: &Scrape, datname, what: &str| {
        let family = format!("pgcommons_database_connections_{what}");
        page.value(&family, &[("datname", datname)])
    };
    let exhausted = |page: &Scrape, datname| of(page, datname, "exhausted_seconds_total");
    agent
        .scrape_until("time at the limit", |page| {
            exhausted(page, "blue") > Some(0.0)
        })
        .await;
    TestSession::close_all(full).await;
    let swap = "BEGIN; ALTER DATABASE blue RENAME TO x; ALTER DATABASE green RENAME TO blue; \
                ALTER DATABASE x RENAME TO green; COMMIT";
    cluster.sql(swap).await;
    let limit = |page: &Scrape, datname| {
        page.value("pg_database_connection_limit", &[("datname", datname)])
    };
    let page = agent
        .scrape_until("swapped", |page| limit(page, "green") == Some(1.0))
        .await;
    assert_eq!(limit(&page, "blue"), Some(5.0));
    for datname in ["blue", "green"] {
        assert_eq!(exhausted(&page, datname), Some(0.0), "{datname}");
        assert_eq!(of(&page, datname, "peak"), Some(0.0), "{datname}");
    }
}
