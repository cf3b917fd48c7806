//! Names that tenants choose stay in their quotes in the SQL of `tenant-sql`, of `plan` and of `check`, also in psql.

use std::fmt::Write as _;

use serde_json::Value;

use super::audited;
use super::names::{SEED, name_of};
use super::tenant::{psql, script, shared, succeeds, works};
use crate::sizes::has_invalid_databases;
use crate::support::{AgentSpec, Cluster, TestSession, create_agent_role, quoted, run, trusting};

/// Names with characters that end a line are refused, and shown in one line.
#[tokio::test]
async fn a_name_that_could_end_a_line_gets_no_script() {
    let mut random = SEED;
    let names: Vec<_> = (0..10).map(|_| name_of(&mut random, 63)).collect();
    for name in names.iter().filter(|name| **name != without_lines(name)) {
        let args = ["tenant-sql", "--connections=2", "--", name];
        let spec = AgentSpec {
            args: &args,
            ..AgentSpec::default()
        };
        let output = run(spec).await;
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let is_clean = !message.trim_end().contains(|c: char| c.is_control());
        assert!(output.stdout.is_empty() && is_clean, "{message:?}");
    }
}

fn without_lines(name: &str) -> String {
    let ends = |c: &char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    name.chars().filter(|c| !ends(c)).collect()
}

#[tokio::test]
async fn tenants_of_random_names_are_created_and_dropped_alone() {
    let cluster = trusting(&[]).await;
    succeeds(&cluster, &script(&["first", "--connections=2"]).await);
    let before = shared(&cluster).await;
    let mut random = SEED;
    for _ in 0..15 {
        let [database, owner] = [(); 2].map(|()| without_lines(&name_of(&mut random, 63)));
        let flag = format!("--owner={owner}");
        let create = script(&["--connections=2", &flag, "--", &database]).await;
        succeeds(&cluster, &create);
        let after = shared(&cluster).await;
        succeeds(&cluster, &create);
        assert_eq!(shared(&cluster).await, after, "a second run: {create}");
        works_in(&cluster, &owner, &database).await;
        let drop = script(&["--drop", &flag, "--", &database]).await;
        succeeds(&cluster, &drop);
        assert_eq!(shared(&cluster).await, before, "{create}");
    }
    works(&cluster, "first").await;
}

async fn works_in(cluster: &Cluster, role: &str, database: &str) {
    let session = cluster.connect(role, role, database).await;
    let session = session.unwrap_or_else(|error| panic!("{role:?} {database:?}: {error:?}"));
    let created = session.batch_execute("CREATE TABLE t ()").await;
    created.unwrap_or_else(|error| panic!("{role:?} {database:?}: {error:?}"));
    session.close().await;
}

/// A key or a text of YAML, with everything escaped that is no letter.
fn yaml(name: &str) -> String {
    let mut text = "\"".to_owned();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            text.push(c);
        } else {
            let _ = write!(text, "\\U{:08X}", u32::from(c));
        }
    }
    text + "\""
}

/// A database, its owner and a reader.
struct Names {
    database: String,
    owner: String,
    reader: String,
}

/// Databases that differ from their budgets in everything: limit, owner, and the access of a role.
async fn differing(cluster: &Cluster) -> (Vec<Names>, String) {
    let mut random = SEED;
    let (mut all, mut budgets) = (Vec::new(), "budgets:\n".to_owned());
    for _ in 0..12 {
        let mut name = || name_of(&mut random, 63);
        let names = Names {
            database: name(),
            owner: name(),
            reader: name(),
        };
        let database = quoted(&names.database);
        for statement in [
            format!("CREATE ROLE {} LOGIN", quoted(&names.owner)),
            format!("CREATE ROLE {} LOGIN", quoted(&names.reader)),
            format!("CREATE DATABASE {database} CONNECTION LIMIT 1"),
            format!("REVOKE ALL ON DATABASE {database} FROM PUBLIC"),
        ] {
            cluster.sql(&statement).await;
        }
        let [key, owner, reader] =
            [&names.database, &names.owner, &names.reader].map(|name| yaml(name));
        let budget = format!("{{connections: 7, owner_role: {owner}, roles: [{reader}]}}");
        writeln!(budgets, "  {key}: {budget}").expect("memory");
        all.push(names);
    }
    (all, budgets)
}

/// Names of databases and roles, and what must not change: attributes, memberships, settings.
const UNCHANGED: &str = "
    SELECT concat((SELECT string_agg(datname, ';' ORDER BY datname) FROM pg_database),
                  (SELECT string_agg((rolname, rolcanlogin, rolsuper, rolconnlimit)::text, ';' ORDER BY rolname) FROM pg_roles),
                  (SELECT string_agg((roleid, member)::text, ';' ORDER BY roleid, member) FROM pg_auth_members),
                  (SELECT string_agg(s::text, ';' ORDER BY setdatabase, setrole) FROM pg_db_role_setting s))";

async fn unchanged(cluster: &Cluster) -> String {
    let session = cluster.admin().await;
    let state = session.value(UNCHANGED).await.expect("a row");
    session.close().await;
    state
}

/// The SQL of `plan` and the remedies of `check`, each with its finding.
async fn printed(cluster: &Cluster, config: &str) -> Vec<(String, String)> {
    let plan = audited(cluster, "agent", config, &["plan", "--live", "--json"]).await;
    let check = audited(cluster, "agent", config, &["check", "--json"]).await;
    let [plan, check]: [Value; 2] =
        [plan, check].map(|it| serde_json::from_slice(&it.stdout).expect("JSON"));
    let plan = plan["findings"].as_array().expect("a list");
    let check = check["servers"][0]["findings"].as_array().expect("a list");
    let sql = plan.iter().map(|it| (it, &it["sql"]));
    let remedies = check.iter().map(|it| (it, &it["remedy"]));
    let all = sql.chain(remedies);
    all.filter_map(|(finding, sql)| Some((finding.to_string(), sql.as_str()?.to_owned())))
        .collect()
}

fn runs(cluster: &Cluster, sql: &str) {
    let sql = sql.trim_end_matches(';');
    let ran = psql(cluster, &format!("\\set ON_ERROR_STOP on\n{sql};\n"));
    assert!(
        ran.status.success() && ran.stderr.is_empty(),
        "{sql}\n{ran:?}"
    );
}

#[tokio::test]
async fn the_sql_of_plan_and_check_does_what_it_says_and_no_more() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let (all, config) = differing(&cluster).await;
    let mut held = Vec::new();
    for names in &all {
        held.push(cluster.admin_of(&names.database).await);
    }
    let before = unchanged(&cluster).await;
    let found = printed(&cluster, &config).await;
    let of = |what: &str| {
        found
            .iter()
            .filter(|(finding, _)| finding.contains(what))
            .count()
    };
    for (kind, wanted) in [
        ("limit_drift", 12),
        ("owner_drift", 12),
        ("connect_missing", 12),
    ] {
        assert_eq!(of(kind), wanted, "{kind}");
    }
    assert_eq!(of("\"concern\":\"drift\""), 36, "the same in check");
    assert!(
        of("\"concern\":\"connections\"") >= 12,
        "each is at its limit"
    );
    for (_, sql) in &found {
        runs(&cluster, sql);
    }
    TestSession::close_all(held).await;
    assert_eq!(unchanged(&cluster).await, before);
    let left = printed(&cluster, &config).await;
    assert!(left.is_empty(), "{left:#?}");
    let plan = audited(&cluster, "agent", &config, &["plan", "--live"]).await;
    assert_eq!(plan.status.code(), Some(0), "{plan:?}");
}

/// `caf\xe9` is how `check` shows a name in Latin 1. It can be the name of another database.
#[tokio::test]
async fn the_remedy_for_an_invalid_database_drops_only_that_one() {
    let cluster = trusting(&[]).await;
    if !has_invalid_databases(cluster.query_one_i64("SHOW server_version_num").await) {
        return;
    }
    create_agent_role(&cluster).await;
    cluster
        .sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        .await;
    cluster.sql_in("latin", "CREATE DATABASE \"café\"").await;
    cluster.sql(r#"CREATE DATABASE "caf\xe9""#).await;
    let mut random = SEED;
    for _ in 0..6 {
        let create = format!("CREATE DATABASE {}", quoted(&name_of(&mut random, 63)));
        cluster.sql(&create).await;
    }
    let databases = "SELECT count(*) FROM pg_database";
    let before = cluster.query_one_i64(databases).await;
    let tear = r"UPDATE pg_database SET datconnlimit = -2
                  WHERE datname NOT IN ('postgres', 'template0', 'template1', 'latin', 'caf\xe9')";
    cluster.sql(tear).await;
    let found = printed(&cluster, "").await;
    let drops = found.iter().filter(|(_, sql)| sql.starts_with("DROP"));
    let drops: Vec<_> = drops.collect();
    assert_eq!(drops.len(), 6, "{found:#?}");
    for (_, sql) in drops {
        runs(&cluster, sql);
    }
    assert_eq!(cluster.query_one_i64(databases).await, before - 6);
    let kept = r"SELECT count(*) FROM pg_database WHERE datname = 'caf\xe9' AND datconnlimit = -1";
    assert_eq!(cluster.query_one_i64(kept).await, 1);
}
