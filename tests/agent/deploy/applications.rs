//! `deploy/compose/applications.sh`, run like the official `PostgreSQL` image runs it, and the privileges that result.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;
use tokio_postgres::error::SqlState;

use super::project;
use crate::support::{Agent, AgentSpec, Cluster, SUPERUSER, Scrape, TestSession, run};

const APPLICATIONS: [&str; 3] = ["shop", "wiki", "bot"];
pub(super) const LIMITS: &str = "shop:3 wiki:2\n bot:1";
pub(super) const AGENT: &str = "pgcommons";

/// A folder of secrets, which the image mounts at /run/secrets.
pub(super) struct Secrets(TempDir);

impl Secrets {
    /// Passwords with characters that need quoting in a shell, in SQL and in psql.
    pub(super) fn new() -> Self {
        let secrets = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        for name in APPLICATIONS.iter().chain(&[AGENT]) {
            secrets.write(name, format!("{}\n", password(name)));
        }
        secrets
    }

    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), text).expect("a temporary folder can be written");
    }

    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.0.path().join(name)).expect("the file is there");
    }
}

fn password(name: &str) -> String {
    format!("it's \\ \"{name}\" $HOME :'name'")
}

pub(super) fn apply(cluster: &Cluster, secrets: &Secrets, applications: &str) -> Output {
    Command::new(project("deploy/compose/applications.sh"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PGHOST", cluster.socket_dir())
        .env("PGPORT", cluster.port().to_string())
        .env("POSTGRES_USER", SUPERUSER)
        .env("POSTGRES_DB", "postgres")
        .env("APPLICATIONS", applications)
        .env("SECRETS", secrets.0.path())
        .output()
        .expect("the script can be run")
}

pub(super) fn applied(cluster: &Cluster, secrets: &Secrets, applications: &str) {
    let output = apply(cluster, secrets, applications);
    assert!(output.status.success(), "{output:?}");
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
}

async fn session(cluster: &Cluster, role: &str, database: &str) -> Result<TestSession, SqlState> {
    let session = cluster.connect(role, &password(role), database).await;
    session.map_err(|error| error.code().expect("an answer of the server").clone())
}

pub(super) async fn value(cluster: &Cluster, sql: &str) -> Option<String> {
    let session = cluster.admin().await;
    let value = session.value(sql).await;
    session.close().await;
    value
}

#[tokio::test]
async fn every_application_can_connect_only_to_its_own_database() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    applied(&cluster, &secrets, LIMITS);
    let databases = ["postgres", "template1"].iter().chain(&APPLICATIONS);
    for database in databases {
        for role in APPLICATIONS.iter().chain(&[AGENT]) {
            let connected = session(&cluster, role, database).await.map(|_| ());
            let wanted = if role == database || (*role, *database) == (AGENT, "postgres") {
                Ok(())
            } else {
                Err(SqlState::INSUFFICIENT_PRIVILEGE)
            };
            assert_eq!(connected, wanted, "{role} in {database}");
        }
    }
    let temporary = "SELECT string_agg(datname, ' ') FROM pg_database \
                     WHERE has_database_privilege('public', oid, 'TEMPORARY')";
    assert_eq!(value(&cluster, temporary).await, None);
}

#[tokio::test]
async fn an_application_owns_its_database_and_has_no_other_privileges() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    applied(&cluster, &secrets, LIMITS);
    let shop = session(&cluster, "shop", "shop").await.expect("a session");
    shop.batch_execute(
        "CREATE TABLE orders AS SELECT 42 AS answer; CREATE TEMPORARY TABLE draft (); CREATE SCHEMA own",
    )
    .await
    .expect("the owner may");
    for forbidden in [
        "CREATE ROLE another",
        "CREATE DATABASE another",
        "ALTER ROLE shop CONNECTION LIMIT 100",
        "ALTER DATABASE wiki CONNECTION LIMIT 0",
        "SET ROLE wiki",
        "COPY orders TO PROGRAM 'true'",
    ] {
        let refusal = shop.batch_execute(forbidden).await;
        let refusal = refusal.err().and_then(|error| error.code().cloned());
        let wanted = Some(SqlState::INSUFFICIENT_PRIVILEGE);
        assert_eq!(refusal, wanted, "{forbidden}");
    }
}

#[tokio::test]
async fn limits_are_enforced_and_updated_from_the_list() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    applied(&cluster, &secrets, LIMITS);
    let full = cluster.fill("shop", &password("shop"), "shop").await;
    assert_eq!(full.len(), 3);
    TestSession::close_all(full).await;
    let limits = "SELECT string_agg(format('%s %s %s', datname, datconnlimit, rolconnlimit), ', ' ORDER BY datname) \
                  FROM pg_database JOIN pg_roles ON rolname = datname AND pg_roles.oid = datdba \
                  WHERE datname <> 'postgres'";
    let is = value(&cluster, limits).await;
    assert_eq!(is.as_deref(), Some("bot 1 1, shop 3 3, wiki 2 2"));

    // Adds an application, changes a limit and a password. Tables of applications stay.
    let wiki = session(&cluster, "wiki", "wiki").await.expect("a session");
    wiki.batch_execute("CREATE TABLE page ()")
        .await
        .expect("its own");
    secrets.write("blog", password("blog"));
    secrets.write("bot", "renewed\r\n");
    applied(&cluster, &secrets, "shop:3 wiki:4 bot:1 blog:5");
    let is = value(&cluster, limits).await;
    assert_eq!(is.as_deref(), Some("blog 5 5, bot 1 1, shop 3 3, wiki 4 4"));
    let elsewhere = session(&cluster, "shop", "blog").await.map(|_| ());
    assert_eq!(elsewhere, Err(SqlState::INSUFFICIENT_PRIVILEGE));
    let old = session(&cluster, "bot", "bot").await.map(|_| ());
    assert_eq!(old, Err(SqlState::INVALID_PASSWORD));
    let renewed = cluster.connect("bot", "renewed", "bot").await;
    renewed.expect("the new password");
    let pages = wiki.value("SELECT count(*) FROM page").await;
    assert_eq!(pages.as_deref(), Some("0"));
}

/// All attributes, memberships and privileges of a role, without its name.
fn privileges_of(role: &str) -> String {
    format!(
        "SELECT concat_ws(E'\\n', to_jsonb(r) - 'oid' - 'rolname', \
           (SELECT string_agg(g.rolname, ' ' ORDER BY g.rolname) FROM pg_auth_members m \
              JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid), \
           (SELECT string_agg(format('%s %s', datname, a.privilege_type), ' ' ORDER BY datname) \
              FROM pg_database, aclexplode(datacl) a WHERE a.grantee = r.oid)) \
         FROM pg_roles r WHERE rolname = '{role}'"
    )
}

/// The page of an agent that logs in with the created role.
async fn page_with_sizes(cluster: &Cluster) -> Scrape {
    let url = cluster.url(AGENT, &password(AGENT), "postgres");
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    })
    .await;
    let measured = |page: &Scrape| {
        APPLICATIONS.iter().all(|application| {
            let of = [("datname", *application)];
            page.value("pg_database_size_bytes", &of).is_some()
        })
    };
    agent.scrape_until("sizes", measured).await
}

#[tokio::test]
async fn the_agents_role_equals_the_one_of_role_sql_and_is_sufficient() {
    let (cluster, secrets) = (Cluster::start(&[]), Secrets::new());
    applied(&cluster, &secrets, LIMITS);
    let printed = run(AgentSpec {
        args: &["role-sql", "--role", "printed"],
        env: &[("DATABASE_URL", &cluster.superuser_url())],
        ..AgentSpec::default()
    })
    .await;
    let printed = String::from_utf8(printed.stdout).expect("SQL in UTF-8");
    // The last line is a psql command.
    let (printed, _) = printed.split_once("-- Then").expect("a hint");
    cluster.sql(printed).await;
    let [own, of_role_sql] = [
        value(&cluster, &privileges_of(AGENT)).await,
        value(&cluster, &privileges_of("printed")).await,
    ];
    assert!(
        own.is_some() && own == of_role_sql,
        "{own:?}\n{of_role_sql:?}"
    );

    let page = page_with_sizes(&cluster).await;
    let limit = page.value("pg_database_connection_limit", &[("datname", "shop")]);
    assert_eq!(limit, Some(3.0));
    let privilege = |name| page.value("pgcommons_privilege", &[("privilege", name)]);
    assert_eq!(privilege("pg_read_all_stats"), Some(1.0));
    assert_eq!(privilege("superuser"), Some(0.0));
}

#[tokio::test]
async fn no_password_is_logged_by_the_server() {
    let everything = [
        ("log_statement", "all"),
        ("log_min_duration_statement", "0"),
        ("log_min_error_statement", "debug5"),
    ];
    let (cluster, secrets) = (Cluster::start(&everything), Secrets::new());
    applied(&cluster, &secrets, LIMITS);
    assert!(cluster.log().contains("search_path"), "the log is on");
    assert!(!cluster.log().contains("it''s"), "{}", cluster.log());
    let stored = "SELECT bool_and(rolpassword LIKE 'SCRAM-SHA-256$%')::text FROM pg_authid WHERE rolcanlogin";
    assert_eq!(value(&cluster, stored).await.as_deref(), Some("true"));
}
