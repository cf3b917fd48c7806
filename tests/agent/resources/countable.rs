//! Workers, walsenders, replication slots and prepared transactions.

use std::process::{Command, Stdio};

use tokio_postgres::error::SqlState;

use super::{held, ratio};
use crate::support::{create_tenant, trusting, watch};

#[tokio::test]
async fn prepared_transactions_are_full_when_the_next_is_refused() {
    let cluster = trusting(&[("max_prepared_transactions", "2")]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "").await;
    let full = |count| move |page: &_| ratio(page, "prepared_transactions") == Some(count);
    agent.scrape_until("none is prepared", full(0.0)).await;
    let session = cluster.admin_of("app").await;
    for gid in ["one", "two"] {
        let prepare = format!("BEGIN; PREPARE TRANSACTION '{gid}'");
        session.batch_execute(&prepare).await.expect("it fits");
    }
    let page = agent.scrape_until("two are prepared", full(1.0)).await;
    assert_eq!(held(&page, "app", "prepared_transactions"), Some(2.0));
    let refused = session
        .batch_execute("BEGIN; PREPARE TRANSACTION 'x'")
        .await;
    let refused = refused.expect_err("both slots are taken");
    assert_eq!(refused.code(), Some(&SqlState::OUT_OF_MEMORY));
}

#[tokio::test]
async fn replication_slots_are_full_when_the_next_is_refused() {
    let cluster = trusting(&[("max_replication_slots", "2")]).await;
    let agent = watch(&cluster, "").await;
    let admin = cluster.admin().await;
    let create = |name| format!("SELECT pg_create_physical_replication_slot('{name}')");
    for name in ["one", "two"] {
        admin.batch_execute(&create(name)).await.expect("it fits");
    }
    let full = |page: &_| ratio(page, "replication_slots") == Some(1.0);
    agent.scrape_until("both slots are taken", full).await;
    let refused = admin.batch_execute(&create("three")).await;
    let refused = refused.expect_err("both slots are taken");
    assert_eq!(
        refused.code(),
        Some(&SqlState::CONFIGURATION_LIMIT_EXCEEDED)
    );
}

/// `psql` with a replication connection, which the driver of the tests cannot open.
fn walsender(port: u16) -> Command {
    let target =
        format!("host=127.0.0.1 port={port} user=postgres dbname=app replication=database");
    let mut command = Command::new("psql");
    command.args(["-X", &target]);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command
}

#[tokio::test]
async fn walsenders_are_full_when_the_next_is_refused() {
    let cluster = trusting(&[("max_wal_senders", "1"), ("wal_level", "replica")]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "").await;
    let none = |page: &_| ratio(page, "wal_senders") == Some(0.0);
    agent.scrape_until("no walsender", none).await;
    let mut first = walsender(cluster.port()).spawn().expect("psql");
    // A walsender has no database while it logs in.
    let full = |page: &_| {
        ratio(page, "wal_senders") == Some(1.0) && held(page, "app", "wal_senders") == Some(1.0)
    };
    agent.scrape_until("one walsender", full).await;
    let mut second = walsender(cluster.port());
    let second = second.stdin(Stdio::null()).output().expect("psql");
    let refused = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(refused.contains("max_wal_senders"), "{refused}");
    first.kill().expect("psql ends");
    first.wait().expect("psql has ended");
}

/// A scan that both parallel workers share, and that waits in each row.
const PARALLEL: &str = "
    SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
    SET max_parallel_workers_per_gather = 2;
    SELECT count(*) FROM rows WHERE (SELECT pg_sleep(0.01) IS NULL)";

#[tokio::test]
async fn workers_are_full_when_a_query_gets_none() {
    let settings = [
        ("max_parallel_workers", "2"),
        ("max_worker_processes", "4"),
        ("autovacuum", "off"),
    ];
    let cluster = trusting(&settings).await;
    create_tenant(&cluster, "app", -1).await;
    let table = "CREATE TABLE rows AS SELECT g FROM generate_series(1, 50000) g; ANALYZE rows";
    cluster.sql_in("app", table).await;
    let agent = watch(&cluster, "").await;
    let busy = cluster.admin_of("app").await;
    let sleeping = PARALLEL.replace("(SELECT pg_sleep(0.01) IS NULL)", "pg_sleep(0.01) IS NULL");
    let query = busy.batch_execute(&sleeping);
    let full = |page: &_| ratio(page, "parallel_workers") == Some(1.0);
    let page = tokio::select! {
        ended = query => panic!("the query ended: {ended:?}"),
        page = agent.scrape_until("both workers run", full) => page,
    };
    assert_eq!(held(&page, "app", "parallel_workers"), Some(2.0));
    // The launcher of logical replication takes a worker process too.
    assert_eq!(ratio(&page, "worker_processes"), Some(0.75));
    let second = cluster.admin_of("app").await;
    let plan = PARALLEL.replace("SELECT count", "EXPLAIN (ANALYZE, COSTS OFF) SELECT count");
    let plan = plan.replace("(SELECT pg_sleep(0.01) IS NULL)", "g < 0");
    let lines = second.simple_query(&plan).await.expect("a plan");
    let text = format!("{lines:?}");
    assert!(text.contains("Workers Launched: 0"), "{text}");
}

/// A worker that vacuums so slowly that it does not end.
#[tokio::test]
async fn a_starved_autovacuum_is_seen_with_the_database_that_holds_it() {
    let settings = [
        ("autovacuum", "on"),
        ("autovacuum_max_workers", "1"),
        ("autovacuum_naptime", "1s"),
        ("autovacuum_vacuum_cost_delay", "100ms"),
        ("autovacuum_vacuum_cost_limit", "1"),
    ];
    let cluster = trusting(&settings).await;
    create_tenant(&cluster, "app", -1).await;
    let rows = "CREATE TABLE rows AS SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g;
                DELETE FROM rows WHERE g % 2 = 0";
    cluster.sql_in("app", rows).await;
    let agent = watch(&cluster, "").await;
    let full = |page: &_| {
        ratio(page, "autovacuum_workers") == Some(1.0)
            && held(page, "app", "autovacuum_workers") == Some(1.0)
    };
    agent
        .scrape_until("the worker vacuums the table", full)
        .await;
}
