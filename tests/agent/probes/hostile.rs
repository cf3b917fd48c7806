//! What a tenant can put into its database: names, numbers, and code that must not run.

use serde_json::Value;

use super::{GRANT, SHARED, TWO, config, fresh_probe, rows, shared, up, watch};
use crate::support::{AgentSpec, Cluster, Scrape, run};

fn names(page: &Scrape) -> Vec<String> {
    let series = page.series("pgcommons_workspace_rows");
    let names = series
        .iter()
        .map(|it| it.label("workspace").map(str::to_owned));
    names.map(|name| name.expect("a name")).collect()
}

#[tokio::test]
async fn names_are_escaped_and_short() {
    // Four rows of each, so that each is in the list of common values.
    let cluster = shared(&format!(
        r#"CREATE TABLE lightrag_doc (workspace text);
           INSERT INTO lightrag_doc SELECT name FROM generate_series(1, 4), unnest(ARRAY[
               '', 'other', E'line\nbreak\r\x1b[2J\x7f', 'a"b\c', '"{{}},' , repeat('x', 64), repeat('y', 900), repeat('y', 901),
               repeat(E'\x01', 95), E'\u202enimda', 'größe 🐘', '\xe9', '$1', '<script>', 'NULL']) AS t(name);
           ANALYZE; {GRANT}"#
    ))
    .await;
    let agent = watch(&cluster, SHARED).await;
    let page = agent
        .scrape_until("probed", |page| up(page, "shared") == Some(1.0))
        .await;
    let names = names(&page);
    assert_eq!(names.len(), 15, "{names:#?}");
    for name in &names {
        assert!(name.chars().count() <= 89, "{name}");
        assert!(!name.contains(char::is_control), "{name:?}");
        assert_eq!(rows(&page, name), Some(4.0), "{name}");
    }
    for wanted in [
        "(empty)",
        "other",
        "größe 🐘",
        "a\"b\\c",
        "\\u{202e}nimda",
        "NULL",
    ] {
        assert!(
            names.iter().any(|name| name == wanted),
            "{wanted}: {names:#?}"
        );
    }
}

#[tokio::test]
async fn bytes_that_are_not_utf8_are_shown() {
    let cluster = shared("SELECT 1").await;
    cluster.sql("DROP DATABASE shared").await;
    cluster
        .sql("CREATE DATABASE shared TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
        .await;
    cluster
        .sql_in(
            "shared",
            &format!(
                r"CREATE TABLE lightrag_doc (workspace text);
                  INSERT INTO lightrag_doc SELECT E'caf\xe9' FROM generate_series(1, 8);
                  INSERT INTO lightrag_doc SELECT E'caf\\xe9' FROM generate_series(1, 4);
                  ANALYZE; {GRANT}"
            ),
        )
        .await;
    let agent = watch(&cluster, SHARED).await;
    let page = agent
        .scrape_until("probed", |page| up(page, "shared") == Some(1.0))
        .await;
    assert_eq!(
        (rows(&page, r"caf\xe9"), rows(&page, r"caf\x5cxe9")),
        (Some(8.0), Some(4.0))
    );
    let exact = workspaces(&cluster, &["--exact"]).await;
    assert_eq!(
        exact["databases"][0]["workspaces"][0]["workspace"],
        r"caf\xe9"
    );
}

#[tokio::test]
async fn ten_thousand_workspaces_have_fifty_series() {
    let cluster = shared(&format!(
        "CREATE TABLE lightrag_doc (workspace text);
         ALTER TABLE lightrag_doc ALTER workspace SET STATISTICS 10000;
         INSERT INTO lightrag_doc SELECT 'w' || n % 10000 FROM generate_series(1, 40000) AS n;
         INSERT INTO lightrag_doc SELECT 'acme' FROM generate_series(1, 40000);
         ANALYZE; {GRANT}"
    ))
    .await;
    let agent = watch(&cluster, SHARED).await;
    let page = agent
        .scrape_until("probed", |page| up(page, "shared") == Some(1.0))
        .await;
    assert_eq!(names(&page).len(), 51);
    let total = page.sum("pgcommons_workspace_rows", &[]);
    assert!((total - 80_000.0).abs() < 10.0, "{total}");
    assert!((rows(&page, "acme").expect("the largest") / 40_000.0 - 1.0).abs() < 0.1);
    let exact = workspaces(&cluster, &["--exact"]).await;
    let listed = exact["databases"][0]["workspaces"]
        .as_array()
        .expect("a list");
    assert_eq!(listed.len(), 1001);
    assert_eq!(listed[0]["rows"], 40_000.0);
}

/// PostgreSQL 18 lets the owner of a table set its statistics.
#[tokio::test]
async fn statistics_that_the_owner_made_up_are_clamped() {
    let cluster = shared(&format!("{TWO} {GRANT}")).await;
    if cluster.major_version().await < 18 {
        return;
    }
    cluster
        .sql_in(
            "shared",
            "SELECT pg_restore_relation_stats('schemaname', 'public', 'relname', 'lightrag_doc', 'reltuples', 'Infinity'::real);
             SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', 'lightrag_doc', 'attname', 'workspace',
                 'inherited', false, 'null_frac', '-1'::real, 'n_distinct', 'NaN'::real,
                 'most_common_vals', '{a,b,c}'::text, 'most_common_freqs', '{7,NaN,-1}'::real[]);",
        )
        .await;
    let agent = watch(&cluster, SHARED).await;
    let page = agent
        .scrape_until("probed", |page| up(page, "shared") == Some(1.0))
        .await;
    let shares = page.series("pgcommons_workspace_share_ratio");
    assert!(
        shares.iter().all(|it| (0.0..=1.0).contains(&it.value)),
        "{shares:#?}"
    );
    let sum: f64 = shares.iter().map(|it| it.value).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{shares:#?}");
    let rows = page.series("pgcommons_workspace_rows");
    assert!(
        rows.iter()
            .all(|it| it.value.is_finite() && it.value >= 0.0),
        "{rows:#?}"
    );
}

/// Each function raises an error, so one call fails the probe.
const PLANTED: &str = r#"
GRANT CREATE ON SCHEMA public TO shared;
SET ROLE shared;
CREATE TYPE mood AS ENUM ('acme', 'globex');
CREATE FUNCTION planted(mood) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''planted''; END';
CREATE CAST (mood AS text) WITH FUNCTION planted(mood) AS IMPLICIT;
CREATE FUNCTION planted(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''planted''; END';
CREATE FUNCTION public."left"(text, integer) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''planted''; END';
CREATE FUNCTION public.format(text, mood) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''planted''; END';
CREATE FUNCTION public.unnest(oid[]) RETURNS SETOF oid LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''planted''; END';
CREATE FUNCTION public.pg_column_size(mood) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''planted''; END';
CREATE FUNCTION same(text, text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''planted''; END';
CREATE OPERATOR public.~~ (FUNCTION = same, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR public.= (FUNCTION = same, LEFTARG = text, RIGHTARG = text);
CREATE TABLE lightrag_doc (workspace mood, "{table}" text, "%s%I" text);
INSERT INTO lightrag_doc SELECT CASE WHEN n % 4 = 0 THEN 'acme' ELSE 'globex' END::mood FROM generate_series(1, 400) AS n;
CREATE TABLE "lightrag_x"" where planted('') -- {bytes}" (workspace text);
CREATE VIEW lightrag_view AS SELECT 'planted' AS workspace WHERE planted('x');
CREATE TABLE lightrag_secret (workspace text);
INSERT INTO lightrag_secret VALUES ('acme');
ANALYZE lightrag_doc;
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO agent;
"#;

#[tokio::test]
async fn no_code_of_the_tenant_runs() {
    let cluster = shared(&PLANTED.replace("CREATE TABLE lightrag_secret (workspace text);\nINSERT INTO lightrag_secret VALUES ('acme');\n", "")).await;
    for whose in ["ROLE agent IN DATABASE shared", "DATABASE shared"] {
        for setting in [
            "search_path = public, pg_catalog",
            "default_transaction_read_only = off",
            "statement_timeout = 0",
        ] {
            cluster.sql(&format!("ALTER {whose} SET {setting}")).await;
        }
    }
    let agent = watch(&cluster, SHARED).await;
    let page = fresh_probe(&agent).await;
    assert!(
        (rows(&page, "acme").expect("known") - 100.0).abs() < 1.0,
        "{}",
        page.text()
    );
    assert!((rows(&page, "globex").expect("known") - 300.0).abs() < 1.0);
    let exact = workspaces(&cluster, &["--exact"]).await;
    let first = &exact["databases"][0]["workspaces"][0];
    assert_eq!(
        (&first["workspace"], &first["rows"]),
        (&"globex".into(), &300.0.into()),
        "{exact:#}"
    );
    assert!(
        first["bytes"].as_f64().is_some_and(|bytes| bytes > 0.0),
        "{exact:#}"
    );
}

/// A policy would run code of the tenant.
#[tokio::test]
async fn row_security_hides_a_table_from_a_scan_too() {
    let cluster = shared(PLANTED).await;
    cluster
        .sql_in(
            "shared",
            "ALTER TABLE lightrag_secret ENABLE ROW LEVEL SECURITY;
             CREATE POLICY planted ON lightrag_secret USING (planted(workspace))",
        )
        .await;
    let exact = workspaces(&cluster, &["--exact"]).await;
    let unknown = exact["databases"][0]["unknown"].as_str().expect("a reason");
    assert!(
        unknown.contains("lightrag_secret") && !unknown.contains("planted"),
        "{unknown}"
    );
}

/// The report of `workspaces --json`.
async fn workspaces(cluster: &Cluster, args: &[&str]) -> Value {
    let config = config(cluster, SHARED);
    let args = [&["workspaces", "--json"], args].concat();
    let output = run(AgentSpec {
        args: &args,
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}
