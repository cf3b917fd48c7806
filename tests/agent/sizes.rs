//! Sizes equal `pg_database_size()`, follow created and dropped databases, and become unknown one by one.

mod endless;
mod unreadable;

use std::collections::BTreeMap;
use std::fs::File;
use std::time::Duration;

use tokio::time::Instant;

pub(crate) use endless::create_endless;

use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Scrape, TestSession, create_agent_role, create_tenant,
    failed_polls, fresh, sessions, trusting, watch,
};

const SIZE: &str = "pg_database_size_bytes";
const MEASURED: &str = "pgcommons_database_sizes_oldest_timestamp_seconds";

fn size(page: &Scrape, datname: &str) -> Option<f64> {
    page.value(SIZE, &[("datname", datname)])
}

fn unknown(page: &Scrape, reason: &str) -> Option<f64> {
    page.value("pgcommons_database_sizes_unknown", &[("reason", reason)])
}

async fn until_known(agent: &Agent, datname: &str) -> Scrape {
    let known = |page: &Scrape| size(page, datname).is_some();
    agent.scrape_until("its size is known", known).await
}

/// `pg_database_size()` of each database except templates.
async fn real_sizes(cluster: &Cluster) -> BTreeMap<String, f64> {
    let mut sizes = BTreeMap::new();
    let observer = cluster.admin().await;
    let names = "SELECT string_agg(datname, ',') FROM pg_database WHERE NOT datistemplate";
    for name in observer.value(names).await.expect("databases").split(',') {
        let size = format!("SELECT pg_database_size('{name}')");
        let size = observer
            .value(&size)
            .await
            .and_then(|size| size.parse().ok());
        sizes.insert(name.to_owned(), size.expect("a size"));
    }
    sizes
}

#[tokio::test]
async fn sizes_are_those_of_pg_database_size() {
    let cluster = trusting(&[]).await;
    for tenant in ["calibre", "wiki", "shop"] {
        create_tenant(&cluster, tenant, 50).await;
    }
    // The first session in a database creates a file there, so it must end before sizes are compared.
    TestSession::close_all(sessions(&cluster, "shop", 1).await).await;
    let agent = watch(&cluster, "databases: {exclude: [shop]}").await;
    until_known(&agent, "wiki").await;
    let grow = "CREATE TABLE page AS SELECT repeat('x', 1000) FROM generate_series(1, 3000)";
    cluster.sql_in("wiki", grow).await;

    let mut real = real_sizes(&cluster).await;
    real.remove("shop").expect("it exists, but is not watched");
    let now = cluster
        .query_one_i64("SELECT ceil(extract(epoch FROM clock_timestamp()))")
        .await;
    let page = agent
        .scrape_until("all are measured again", |page| {
            page.value(MEASURED, &[]) > Some(now as f64)
        })
        .await;
    let shown: BTreeMap<_, _> = page
        .series(SIZE)
        .into_iter()
        .map(|series| {
            (
                series.label("datname").expect("a label").to_owned(),
                series.value,
            )
        })
        .collect();
    assert_eq!(shown, real);
    assert!(shown["wiki"] > shown["calibre"] + 3e6, "{shown:?}");
}

/// The next poll is an hour away.
#[tokio::test]
async fn answers_of_slow_jobs_are_published_at_once() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &cluster.url(AGENT, AGENT, "postgres"))],
        config: Some("poll: {interval: 1h, window: 1h}"),
        ..AgentSpec::default()
    })
    .await;
    let page = until_known(&agent, "postgres").await;
    let own = page.value("pg_stat_database_numbackends", &[("datname", "postgres")]);
    assert_eq!(own, Some(1.0));
    assert_eq!(page.value(MEASURED, &[]).map(|at| at > 0.0), Some(true));
}

#[tokio::test]
async fn created_renamed_and_dropped_databases_are_followed() {
    let cluster = trusting(&[]).await;
    let agent = watch(&cluster, "").await;
    fresh(&agent).await;
    cluster.sql("CREATE DATABASE young").await;
    let page = until_known(&agent, "young").await;
    let bytes = size(&page, "young");

    cluster.sql("ALTER DATABASE young RENAME TO older").await;
    let page = fresh(&agent).await;
    assert_eq!(size(&page, "older"), bytes);
    assert!(!page.text().contains("young"), "{}", page.text());

    cluster.sql("DROP DATABASE older").await;
    let page = fresh(&agent).await;
    assert!(!page.text().contains("older"), "{}", page.text());

    // Another database of that name has no history.
    cluster.sql("CREATE DATABASE older").await;
    let grow = "CREATE TABLE page AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)";
    cluster.sql_in("older", grow).await;
    agent
        .scrape_until("the size of the new one", |page| {
            size(page, "older") > bytes
        })
        .await;
}

/// Whether an interrupted DROP marks the database as invalid in this version.
pub(crate) fn has_invalid_databases(version_num: i64) -> bool {
    let first_minor = match version_num / 10_000 {
        13 => 12,
        14 => 9,
        15 => 4,
        _ => 0,
    };
    version_num % 10_000 >= first_minor
}

#[tokio::test]
async fn an_invalid_database_has_no_size_and_no_headroom() {
    let cluster = trusting(&[]).await;
    if !has_invalid_databases(cluster.query_one_i64("SHOW server_version_num").await) {
        return;
    }
    create_tenant(&cluster, "torn", 7).await;
    let agent = watch(&cluster, "").await;
    let committed = |page: &Scrape| page.value("pgcommons_server_connections_committed", &[]);
    let before = committed(&until_known(&agent, "torn").await).expect("a sum");
    let tear = "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'torn'";
    cluster.sql(tear).await;

    let page = fresh(&agent).await;
    let torn = [("datname", "torn")];
    assert_eq!(
        page.value("pg_database_connection_limit", &torn),
        Some(-2.0)
    );
    assert_eq!(size(&page, "torn"), None);
    assert_eq!(unknown(&page, "invalid"), Some(1.0));
    assert_eq!(
        page.value("pgcommons_database_connections_headroom", &torn),
        None
    );
    let limits = page.series("pgcommons_database_connections_limit");
    assert!(
        limits
            .iter()
            .all(|limit| limit.label("datname") != Some("torn"))
    );
    assert_eq!(committed(&page), Some(before - 7.0));
    assert_eq!(page.value("pg_up", &[]), Some(1.0));
    assert!(size(&page, "postgres").is_some());
}

#[tokio::test]
async fn a_closed_database_hides_its_size_only_without_pg_monitor() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "closed", 50).await;
    create_tenant(&cluster, "open", 50).await;
    cluster
        .sql("REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
        .await;
    let agent = watch(&cluster, "").await;
    // With pg_monitor the agent may measure every database.
    let page = until_known(&agent, "closed").await;
    assert_eq!(unknown(&page, "forbidden"), Some(0.0));

    cluster
        .sql(&format!("REVOKE pg_monitor FROM {AGENT}"))
        .await;
    let page = agent
        .scrape_until("a size is hidden", |page| {
            unknown(page, "forbidden") == Some(1.0)
        })
        .await;
    assert_eq!(size(&page, "closed"), None);
    for datname in ["open", "postgres"] {
        assert!(size(&page, datname).is_some(), "{datname}");
    }

    cluster.sql(&format!("GRANT pg_monitor TO {AGENT}")).await;
    let page = until_known(&agent, "closed").await;
    assert_eq!(unknown(&page, "forbidden"), Some(0.0));
}

/// SQL that waits in the server, without round trips, until the agent's session meets this condition, or for two seconds.
pub(crate) fn wait_until(condition: &str) -> String {
    format!(
        "DO $$ DECLARE began timestamptz := clock_timestamp();
         BEGIN
             FOR n IN 1 .. 2000 LOOP
                 PERFORM pg_stat_clear_snapshot();
                 EXIT WHEN EXISTS (SELECT FROM pg_stat_activity
                                    WHERE application_name = 'pgcommons' AND {condition});
                 PERFORM pg_sleep(0.001);
             END LOOP;
         END $$"
    )
}

/// A database that takes about 30 ms to measure.
pub(crate) async fn create_large(cluster: &Cluster) {
    cluster.sql("CREATE DATABASE large").await;
    let oid = "SELECT oid FROM pg_database WHERE datname = 'large'";
    let oid = cluster.query_one_i64(oid).await;
    let folder = cluster.data_dir().join(format!("base/{oid}"));
    for n in 0..20_000 {
        let file = File::create(folder.join(format!("x{n}")));
        drop(file.expect("a file can be made"));
    }
}

/// Creates and drops databases: at any time at first, then while the statement runs that measures them after the large
/// database.
async fn churn(cluster: &Cluster, begin: Instant) {
    let session = cluster.admin().await;
    // Every other poll measures the large database, and every poll measures new ones: begin with the poll in between.
    let next_poll = wait_until("query_start > began");
    let measuring = wait_until(
        "state = 'active' AND query LIKE '%pg_database_size%' \
         AND query_start < clock_timestamp() - interval '3 ms'",
    );
    let any_time = ["CREATE DATABASE brief", "DROP DATABASE brief"];
    let while_measuring = [
        &next_poll,
        "CREATE DATABASE brief",
        &measuring,
        "DROP DATABASE brief",
    ];
    for (round, seconds) in [(&any_time[..], 2), (&while_measuring[..], 10)] {
        while begin.elapsed() < Duration::from_secs(seconds) {
            for statement in round {
                let done = session.batch_execute(statement).await;
                done.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
            }
        }
    }
}

#[tokio::test]
async fn databases_that_come_and_go_fail_no_poll() {
    let cluster = trusting(&[]).await;
    create_large(&cluster).await;
    create_agent_role(&cluster).await;
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &cluster.url(AGENT, AGENT, "postgres"))],
        config: Some("poll: {interval: 600ms}\nsizes: {interval: 1s, max_time_fraction: 0.5}"),
        ..AgentSpec::default()
    })
    .await;
    until_known(&agent, "large").await;
    let begin = Instant::now();
    let watched = async {
        while begin.elapsed() < Duration::from_secs(10) {
            let page = agent.scrape().await;
            assert_eq!(page.value("pg_up", &[]), Some(1.0), "{}", agent.log());
        }
    };
    tokio::join!(churn(&cluster, begin), watched);

    let page = fresh(&agent).await;
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
    let sizes = [("poll", "sizes"), ("outcome", "ok")];
    assert!(page.value("pgcommons_polls_total", &sizes) > Some(3.0));
}
