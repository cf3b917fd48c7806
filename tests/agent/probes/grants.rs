//! The grants that `role-sql --probe` prints are enough, and each of them is needed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use tokio_postgres::error::SqlState;

use super::{TWO, fresh_probe, rows};
use crate::support::{Agent, AgentSpec, Cluster, SUPERUSER, create_tenant, quoted, run, trusting};

async fn role_sql(args: &[&str]) -> String {
    let args = [&["role-sql", "--server-version=15"], args].concat();
    let output = run(AgentSpec {
        args: &args,
        ..AgentSpec::default()
    })
    .await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn psql(cluster: &Cluster, sql: &str) {
    let mut child = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
        .args(["--dbname=postgres", "--username", SUPERUSER])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PGHOST", cluster.socket_dir())
        .env("PGPORT", cluster.port().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql can be run");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(sql.as_bytes()).expect("psql reads it");
    drop(stdin);
    let ran = child.wait_with_output().expect("its output can be read");
    let is_quiet = ran.stdout.is_empty() && ran.stderr.is_empty();
    assert!(ran.status.success() && is_quiet, "{ran:?}\n{sql}");
}

/// Database, column and table have names that SQL and psql could read as something else.
#[tokio::test]
async fn the_grants_are_enough_and_each_is_needed() {
    const DATABASE: &str = "tenant = \"x\"'s \\! db";
    const COLUMN: &str = "work\"space'";
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, DATABASE, -1).await;
    let database = quoted(DATABASE);
    cluster
        .sql(&format!(
            "REVOKE CONNECT ON DATABASE {database} FROM PUBLIC"
        ))
        .await;
    let table = r#""lightrag_%'""#;
    let fill = TWO
        .replace("lightrag_doc", table)
        .replace("workspace text", &format!("{} text", quoted(COLUMN)));
    cluster.sql_in(DATABASE, &fill).await;
    cluster
        .sql_in(
            DATABASE,
            r#"CREATE TABLE "lightragX" AS SELECT 'x' AS "work""space'" "#,
        )
        .await;
    let args = [
        "--probe",
        DATABASE,
        "--workspace-column",
        COLUMN,
        "--workspace-tables",
        "lightrag_*",
    ];
    let sql = role_sql(&args).await;
    for _ in ["grants", "changes nothing"] {
        psql(&cluster, &sql);
    }
    let yaml = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let dsn = cluster.url("pgcommons", "", "postgres");
    let config = format!(
        "poll: {{interval: 100ms}}\nservers: {{a: {{dsn: '{dsn}', probes: {{{}: {{interval: 1s, workspaces: {{column: {}, tables: 'lightrag_*'}}}}}}}}}}\n",
        yaml(DATABASE),
        yaml(COLUMN)
    );
    let agent = Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    let acme = [("datname", DATABASE), ("workspace", "acme")];
    let known = |page: &crate::support::Scrape| page.value("pgcommons_workspace_rows", &acme);
    agent
        .scrape_until("known", |page| known(page).is_some())
        .await;

    let session = cluster.connect("pgcommons", "", DATABASE).await;
    let session = session.expect("it may connect");
    let may = format!("SELECT count({}) FROM public.{table}", quoted(COLUMN));
    assert_eq!(session.value(&may).await.as_deref(), Some("8000"));
    for denied in [
        format!("SELECT content FROM public.{table}"),
        r#"SELECT 1 FROM public."lightragX""#.to_owned(),
    ] {
        let error = session
            .simple_query(&denied)
            .await
            .expect_err("no privilege");
        assert_eq!(
            error.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{denied}"
        );
    }
    session.close().await;

    let column = quoted(COLUMN);
    cluster
        .sql_in(
            DATABASE,
            &format!("REVOKE SELECT ({column}) ON {table} FROM pgcommons"),
        )
        .await;
    agent
        .scrape_until("the column is not readable", |page| known(page).is_none())
        .await;
    psql(&cluster, &sql);
    agent
        .scrape_until("granted again", |page| known(page).is_some())
        .await;
    cluster
        .sql(&format!(
            "REVOKE CONNECT ON DATABASE {database} FROM pgcommons"
        ))
        .await;
    agent
        .scrape_until("no CONNECT", |page| {
            page.value("pgcommons_probe_up", &[("datname", DATABASE)]) == Some(0.0)
        })
        .await;
}

#[tokio::test]
async fn a_hostile_name_is_refused_or_quoted() {
    for flags in [
        ["--probe", "x\n\\! touch FILE", "--workspace-column", "w"],
        ["--probe", "x", "--workspace-column", "w\r\\! touch FILE"],
    ] {
        let args = [&["role-sql", "--server-version=15"][..], &flags].concat();
        let refused = run(AgentSpec {
            args: &args,
            ..AgentSpec::default()
        })
        .await;
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(refused.stdout.is_empty(), "{refused:?}");
    }
    let sql = role_sql(&[
        "--probe",
        "$tenant$",
        "--workspace-column",
        "$tenant$; drop",
    ])
    .await;
    assert!(sql.contains("do $_tenant$"), "{sql}");
}

/// A role of its own for the probe.
#[tokio::test]
async fn a_probe_logs_in_as_its_own_role() {
    let cluster = super::shared(TWO).await;
    psql(
        &cluster,
        &role_sql(&[
            "--role",
            "prober",
            "--probe",
            "shared",
            "--workspace-column",
            "workspace",
        ])
        .await,
    );
    let own = super::SHARED.replace("interval", "user: prober, interval");
    let agent = super::watch(&cluster, &own).await;
    let page = fresh_probe(&agent).await;
    assert!(rows(&page, "acme").is_some(), "{}", page.text());
}
