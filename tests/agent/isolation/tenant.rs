//! `tenant-sql`: the tenant works, reaches nothing else, and its limits bind; a second run changes nothing.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::{audit, enters};
use crate::support::{
    AgentSpec, Cluster, SUPERUSER, TestSession, create_agent_role, eventually, quoted, run,
    trusting,
};

/// Names that psql, a connection string or SQL could read as something else.
const NAMES: [&str; 10] = [
    "test-bot",
    "Upper Case",
    r#"we"ird"#,
    r"O'Brien\",
    r"\! touch FILE",
    r#"x"; drop database "test-bot"; --"#,
    "$tenant$; create role intruder; do $tenant$",
    "dbname=template0 user=x",
    ":name %I %s",
    "sixty-three bytes sixty-three bytes sixty-three bytes sixty-thr",
];

/// Everything that is shared by all databases: owners, privileges, limits, memberships, settings of roles.
const SHARED: &str = "
    SELECT concat((SELECT string_agg((datname, datdba, datacl, datconnlimit)::text, ';' ORDER BY datname) FROM pg_database),
                  (SELECT string_agg((rolname, rolcanlogin, rolconnlimit, rolpassword)::text, ';' ORDER BY rolname) FROM pg_authid),
                  (SELECT string_agg((roleid, member)::text, ';' ORDER BY roleid, member) FROM pg_auth_members),
                  (SELECT string_agg(s::text, ';' ORDER BY setdatabase, setrole) FROM pg_db_role_setting s))";

pub(super) fn psql(cluster: &Cluster, script: &str) -> Output {
    psql_as(cluster, SUPERUSER, script)
}

fn psql_as(cluster: &Cluster, role: &str, script: &str) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut child = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--set=name=intruder"])
        .args(["--dbname=postgres", "--username", role])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PGHOST", cluster.socket_dir())
        .env("PGPORT", cluster.port().to_string())
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql can be run");
    let mut stdin = child.stdin.take().expect("it is piped");
    // The write fails if psql stopped at an error; the caller's assertions report that.
    drop(stdin.write_all(script.as_bytes()));
    drop(stdin);
    let output = child.wait_with_output().expect("its output can be read");
    let left = std::fs::read_dir(folder.path()).expect("the folder is ours");
    assert_eq!(left.count(), 0, "a command of psql was executed: {script}");
    output
}

pub(super) async fn script(args: &[&str]) -> String {
    let args = [&["tenant-sql"], args].concat();
    let output = run(AgentSpec {
        args: &args,
        ..AgentSpec::default()
    });
    let output = output.await;
    assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

pub(super) fn succeeds(cluster: &Cluster, script: &str) {
    let ran = psql(cluster, script);
    let is_quiet = ran.status.success() && ran.stdout.is_empty() && ran.stderr.is_empty();
    assert!(is_quiet, "{script}\n{ran:?}");
}

pub(super) async fn shared(cluster: &Cluster) -> String {
    let session = cluster.admin().await;
    let state = session.value(SHARED).await.expect("a row");
    session.close().await;
    state
}

#[tokio::test]
async fn a_tenant_of_any_name_works_and_reaches_nothing_else() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    succeeds(&cluster, &script(&["first", "--connections=2"]).await);
    let before = shared(&cluster).await;
    for name in NAMES {
        let create = script(&["--connections=2", "--", name]).await;
        succeeds(&cluster, &create);
        let created = shared(&cluster).await;
        succeeds(&cluster, &create);
        assert_eq!(shared(&cluster).await, created, "a second run: {create}");
        works(&cluster, name).await;
        for other in ["first", "postgres", "template1"] {
            assert!(!enters(&cluster, name, other).await, "{name:?} in {other}");
        }
        assert!(!enters(&cluster, "first", name).await, "{name:?}");
        let (report, code) = audit(&cluster, "agent", "").await;
        assert_eq!(code, Some(0), "{name:?}: {report:#}");
        succeeds(&cluster, &script(&["--drop", "--", name]).await);
        assert_eq!(shared(&cluster).await, before, "--drop of {name:?}");
    }
}

/// The tenant creates a table, and the third session is refused.
pub(super) async fn works(cluster: &Cluster, name: &str) {
    let session = || cluster.connect(name, name, name);
    // The session of psql, which has just ended, may still count.
    let free = async || session().await.ok();
    let limit = Duration::from_secs(10);
    let sessions = [
        eventually(limit, "one", free).await,
        eventually(limit, "two", free).await,
    ];
    let created = sessions[0]
        .batch_execute("CREATE TABLE t (); CREATE TEMPORARY TABLE u ()")
        .await;
    created.unwrap_or_else(|error| panic!("{name:?}: {error:?}"));
    let third = session().await.err().expect("the limit binds");
    assert_eq!(
        third.code(),
        Some(&SqlState::TOO_MANY_CONNECTIONS),
        "{name:?}"
    );
    TestSession::close_all(sessions).await;
}

#[tokio::test]
async fn logins_work_as_the_owner_and_share_what_they_create() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let args = [
        "app",
        "--connections=5",
        "--owner=app-owner",
        "--login=web",
        "--login=worker",
    ];
    let create = script(&args).await;
    succeeds(&cluster, &create);
    succeeds(&cluster, &create);
    let web = cluster
        .connect("web", "web", "app")
        .await
        .expect("a session");
    web.batch_execute("CREATE TABLE t AS SELECT 42 AS answer")
        .await
        .expect("a table");
    let worker = cluster
        .connect("worker", "worker", "app")
        .await
        .expect("a session");
    assert_eq!(
        worker.value("SELECT answer FROM t").await.as_deref(),
        Some("42")
    );
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 't'";
    assert_eq!(worker.value(owner).await.as_deref(), Some("app-owner"));
    TestSession::close_all([web, worker]).await;
    let (report, code) = audit(&cluster, "agent", "").await;
    assert_eq!(code, Some(0), "{report:#}");
    let login = cluster.connect("app-owner", "app-owner", "app").await;
    assert!(login.is_err(), "the owner may log in");

    let before = cluster
        .query_one_i64("SELECT count(*) FROM pg_authid")
        .await;
    succeeds(
        &cluster,
        &script(&[
            "app",
            "--drop",
            "--owner=app-owner",
            "--login=web",
            "--login=worker",
        ])
        .await,
    );
    let after = cluster
        .query_one_i64("SELECT count(*) FROM pg_authid")
        .await;
    assert_eq!(after, before - 3);
}

#[tokio::test]
async fn an_administrator_or_the_database_of_another_is_refused() {
    let cluster = trusting(&[]).await;
    for statement in [
        "CREATE ROLE boss LOGIN SUPERUSER",
        "CREATE ROLE other LOGIN",
        "CREATE DATABASE taken OWNER other",
    ] {
        cluster.sql(statement).await;
    }
    let before = shared(&cluster).await;
    for args in [
        &["boss", "--connections=2"][..],
        &["app", "--connections=2", "--owner=app", "--login=boss"],
        &["taken", "--connections=2"],
        &["taken", "--drop"],
        &["app", "--drop", "--owner=boss"],
    ] {
        let ran = psql(&cluster, &script(args).await);
        assert_eq!(ran.status.code(), Some(3), "{args:?}: {ran:?}");
        assert_eq!(shared(&cluster).await, before, "{args:?}");
    }
}

/// The password works, and is not in the script.
#[tokio::test]
async fn the_password_of_a_file_opens_the_database() {
    let cluster = Cluster::start(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("password");
    std::fs::write(&file, "it's: a \\ secret\n").expect("a temporary folder can be written");
    let file = file.to_str().expect("a UTF-8 path");
    let create = script(&["app", "--connections=2", "--password-file", file]).await;
    assert!(!create.contains("secret"), "{create}");
    succeeds(&cluster, &create);
    let session = cluster.connect("app", "it's: a \\ secret", "app").await;
    session.expect("the password works").close().await;
    assert!(cluster.connect("app", "another", "app").await.is_err());
    let name = quoted("app");
    cluster.sql(&format!("ALTER ROLE {name} NOLOGIN")).await;
}

/// On managed services the administrator is no superuser.
#[tokio::test]
async fn an_administrator_without_superuser_creates_and_drops_tenants() {
    let cluster = trusting(&[]).await;
    cluster
        .sql("CREATE ROLE dba LOGIN CREATEROLE CREATEDB")
        .await;
    cluster.sql("ALTER DATABASE postgres OWNER TO dba").await;
    cluster
        .sql("REVOKE ALL ON DATABASE template1 FROM PUBLIC")
        .await;
    let args = ["app", "--connections=2", "--owner=owners", "--login=web"];
    let create = script(&args).await;
    let before = shared(&cluster).await;
    let as_dba = |script: &str| {
        let ran = psql_as(&cluster, "dba", script);
        assert!(ran.status.success(), "{script}\n{ran:?}");
    };
    as_dba(&create);
    let created = shared(&cluster).await;
    as_dba(&create);
    assert_eq!(shared(&cluster).await, created);
    let web = cluster
        .connect("web", "web", "app")
        .await
        .expect("a session");
    web.batch_execute("CREATE TABLE t ()")
        .await
        .expect("a table");
    web.close().await;
    as_dba(&script(&["app", "--drop", "--owner=owners", "--login=web"]).await);
    let left = |state: &str| state.contains("owners") || state.contains("(web,");
    assert!(!left(&shared(&cluster).await), "{before}");
}
