//! The privileges of the agent's role decide what the page shows. Other roles cannot affect its session.

use std::io::Write;
use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::faults::monitor::FaultMonitor;
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, SUPERUSER, Scrape, StopMode, create_agent_role,
    create_tenant, eventually, failed_polls, fresh, run, sessions, trusting, watch, watch_as,
};

const LIMIT: Duration = Duration::from_secs(20);

/// Families that count sessions, and therefore need to see all of them.
fn counting(page: &Scrape) -> Vec<&str> {
    let without_privilege = [
        "pgcommons_server_connections_limit",
        "pgcommons_server_connections_committed",
    ];
    let counting = [
        "pg_stat_activity_",
        "pgcommons_server_connections",
        "pgcommons_database_connections",
        "pgcommons_role_connections",
    ];
    let mut families = page.names();
    families.retain(|family| counting.iter().any(|start| family.starts_with(start)));
    families.retain(|family| !without_privilege.contains(family));
    families.into_iter().collect()
}

fn privilege(page: &Scrape, name: &str) -> Option<f64> {
    page.value("pgcommons_privilege", &[("privilege", name)])
}

async fn until_it_sees(agent: &Agent, all: bool) -> Scrape {
    let wanted = Some(f64::from(u8::from(all)));
    let sees = |page: &Scrape| privilege(page, "pg_read_all_stats") == wanted;
    let page = agent.scrape_until("what it may see", sees).await;
    assert_eq!(page.value("pg_up", &[]), Some(1.0));
    page
}

fn logged(agent: &Agent, text: &str) -> usize {
    agent.log().matches(text).count()
}

#[tokio::test]
async fn a_partial_count_of_sessions_is_never_shown() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", 50).await;
    let open = sessions(&cluster, "app", 2).await;
    open[0].batch_execute("BEGIN").await.expect("a transaction");
    cluster.sql("CREATE ROLE unprivileged LOGIN").await;
    let agent = watch_as(&cluster, "unprivileged", "").await;
    let of = |page: &Scrape, family| page.value(family, &[("datname", "app")]);

    let page = until_it_sees(&agent, false).await;
    assert_eq!(counting(&page), [""; 0]);
    assert_eq!(of(&page, "pg_database_connection_limit"), Some(50.0));
    assert_eq!(logged(&agent, "lacks pg_monitor"), 1, "{}", agent.log());

    let mut monitor = FaultMonitor::start("the role lacks pg_monitor", &agent);
    cluster.sql("GRANT pg_monitor TO unprivileged").await;
    monitor.fault_ended();
    let page = until_it_sees(&agent, true).await;
    monitor.assert_recovered();
    assert_eq!(of(&page, "pgcommons_database_connections"), Some(2.0));
    assert_eq!(
        of(&page, "pgcommons_database_connections_headroom"),
        Some(48.0)
    );
    let shown = counting(&page);
    assert!(shown.len() >= 16, "{shown:?}");

    cluster.sql("REVOKE pg_monitor FROM unprivileged").await;
    until_it_sees(&agent, false).await;
    // The agent logs after it has published.
    let page = fresh(&agent).await;
    assert_eq!(counting(&page), [""; 0]);
    // All of this happened in one session.
    assert_eq!(logged(&agent, "lacks pg_monitor"), 2, "{}", agent.log());
    assert_eq!(logged(&agent, "ready"), 1, "{}", agent.log());
    assert_eq!(failed_polls(&page), [""; 0]);
}

#[tokio::test]
async fn a_superuser_role_is_warned_about() {
    let cluster = trusting(&[]).await;
    let agent = watch_as(&cluster, SUPERUSER, "").await;
    let page = until_it_sees(&agent, true).await;
    assert_eq!(privilege(&page, "superuser"), Some(1.0));
    let log = agent.log();
    assert!(
        log.contains("WARN") && log.contains("is a superuser"),
        "{log}"
    );

    let agent = watch(&cluster, "").await;
    let page = until_it_sees(&agent, true).await;
    assert_eq!(privilege(&page, "superuser"), Some(0.0));
    assert!(!agent.log().contains("superuser"), "{}", agent.log());
}

/// The privilege is granted before the session begins, and revoked during it.
#[tokio::test]
async fn a_revoked_privilege_is_seen_within_the_session() {
    let mut cluster = trusting(&[]).await;
    if cluster.major_version().await < 16 {
        return;
    }
    cluster.append_conf(&[("reserved_connections", "2")]);
    cluster.restart(StopMode::Fast);
    create_agent_role(&cluster).await;
    cluster
        .sql("GRANT pg_use_reserved_connections TO agent")
        .await;
    let agent = watch_as(&cluster, AGENT, "").await;
    let has =
        |value| move |page: &Scrape| privilege(page, "pg_use_reserved_connections") == Some(value);
    agent.scrape_until("granted", has(1.0)).await;
    cluster
        .sql("REVOKE pg_use_reserved_connections FROM agent")
        .await;
    agent.scrape_until("revoked", has(0.0)).await;
    assert_eq!(logged(&agent, "ready"), 1, "in one session");
}

async fn role_sql(args: &[&str], env: &[(&str, &str)]) -> String {
    let args = [&["role-sql", "--role", ODD_ROLE], args].concat();
    let output = run(AgentSpec {
        args: &args,
        env,
        config: None,
        ..AgentSpec::default()
    })
    .await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("SQL in UTF-8")
}

fn refusal<T>(result: Result<T, Error>) -> SqlState {
    let error = result.err().expect("a refusal");
    error.code().expect("of the server").clone()
}

const ODD_ROLE: &str = "we\"ird one";
const ODD_PASSWORD: &str = " p@ss'/ü";

/// Creates the role for the agent as the printed SQL does.
async fn create_printed_role(cluster: &Cluster) {
    let version = cluster.major_version().await.to_string();
    let by_flag = role_sql(&["--server-version", &version], &[]).await;
    let by_server = role_sql(&[], &[("DATABASE_URL", &cluster.superuser_url())]).await;
    assert_eq!(by_server, by_flag);
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    writeln!(file, "{ODD_PASSWORD}").expect("a temporary file can be written");
    let path = file.path().to_str().expect("a path in UTF-8");
    let args = ["--password-file", path, "--server-version", &version];
    cluster.sql(&role_sql(&args, &[]).await).await;
}

#[tokio::test]
async fn the_printed_role_is_all_that_the_agent_needs() {
    // This server asks for passwords.
    let cluster = Cluster::start(&[]);
    create_tenant(&cluster, "app", 50).await;
    let _session = sessions(&cluster, "app", 1).await;
    cluster
        .sql_in("app", "CREATE TABLE secret AS SELECT 42 AS answer")
        .await;
    create_printed_role(&cluster).await;

    let url = cluster.url(ODD_ROLE, ODD_PASSWORD, "postgres");
    let env = [("DATABASE_URL", &*url)];
    let agent = Agent::start(AgentSpec {
        env: &env,
        ..AgentSpec::default()
    })
    .await;
    let page = until_it_sees(&agent, true).await;
    let used = page.value("pgcommons_database_connections", &[("datname", "app")]);
    assert_eq!(used, Some(1.0));
    assert_eq!(privilege(&page, "superuser"), Some(0.0));
    let reserved = (cluster.major_version().await >= 16).then_some(1.0);
    assert_eq!(privilege(&page, "pg_use_reserved_connections"), reserved);

    let wrong_password = cluster
        .connect(ODD_ROLE, ODD_PASSWORD.trim(), "postgres")
        .await;
    assert_eq!(refusal(wrong_password), SqlState::INVALID_PASSWORD);
    let session = cluster.connect(ODD_ROLE, ODD_PASSWORD, "app").await;
    let session = session.expect("PUBLIC may connect");
    let reading = session.batch_execute("SELECT * FROM public.secret").await;
    assert_eq!(refusal(reading), SqlState::INSUFFICIENT_PRIVILEGE);
    let writing = session.batch_execute("CREATE TABLE public.mine ()").await;
    assert_eq!(refusal(writing), SqlState::READ_ONLY_SQL_TRANSACTION);
}

#[tokio::test]
async fn the_session_outlives_an_idle_session_timeout() {
    let cluster = trusting(&[]).await;
    if cluster.major_version().await < 14 {
        return; // the setting exists since 14
    }
    cluster.append_conf(&[("idle_session_timeout", "500ms")]);
    cluster.reload().await;
    create_agent_role(&cluster).await;
    let url = cluster.url(AGENT, AGENT, "postgres");
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &url)],
        config: Some("poll: {interval: 2s}"),
        ..AgentSpec::default()
    })
    .await;
    let up = |page: &Scrape| page.value("pg_up", &[]) == Some(1.0);
    agent.scrape_until("a poll", up).await;
    let own = "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgcommons'";
    let before = cluster.query_one_i64(own).await;

    // Other idle sessions end.
    let idle = cluster.admin().await;
    let ended = async || idle.is_closed().then_some(());
    eventually(LIMIT, "an idle session ends", ended).await;
    let page = fresh(&agent).await;
    assert_eq!(cluster.query_one_i64(own).await, before);
    assert_eq!(failed_polls(&page), [""; 0]);
}

/// Functions and operators that a session would call instead of the server's own if `public` came first in its search path.
const TRAPS: &str = "
CREATE FUNCTION public.trap() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT public.trap(); SELECT pg_catalog.now()';
CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE sql AS 'SELECT public.trap(); SELECT $1';
CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT public.trap(); SELECT $1';
CREATE FUNCTION public.first(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT public.trap(); SELECT $1';
CREATE AGGREGATE public.count(*) (sfunc = public.first, stype = bigint, initcond = 0);
CREATE FUNCTION public.differs(integer, integer) RETURNS bool LANGUAGE sql AS 'SELECT public.trap(); SELECT true';
CREATE OPERATOR public.<> (leftarg = integer, rightarg = integer, function = public.differs);
ALTER DATABASE postgres SET search_path = public, pg_catalog;";

#[tokio::test]
async fn functions_planted_in_public_are_not_called() {
    let cluster = trusting(&[]).await;
    cluster.sql(TRAPS).await;
    let victim = cluster.admin().await;
    let uses = [
        "now()",
        "lower('A')",
        "current_setting('port')",
        "count(*)",
        "1 <> 2",
    ];
    for expression in uses {
        let trapped = victim.batch_execute(&format!("SELECT {expression}")).await;
        assert_eq!(refusal(trapped), SqlState::RAISE_EXCEPTION, "{expression}");
    }
    let agent = watch(&cluster, "").await;
    let queried = |page: &Scrape| {
        let locks = [("resource", "lock_table")];
        page.value("pgcommons_resource_utilization_ratio", &locks)
            .is_some()
            && !page.series("pg_database_size_bytes").is_empty()
    };
    let page = agent.scrape_until("all queries have run", queried).await;
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
}
