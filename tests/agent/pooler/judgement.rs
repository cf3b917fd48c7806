//! Pools against the limits of PostgreSQL: what a pooler may open, which clients wait, and which of the two is the reason.

use super::{SECOND, STATS, config, entries, of, tenants, watch};
use crate::support::{AgentSpec, Cluster, PgBouncer, PoolerClients, run};

/// The report of `check`.
async fn check(cluster: &Cluster, pooler: &PgBouncer, keys: &str) -> String {
    let config = config(cluster, pooler, keys);
    let output = run(AgentSpec {
        config: Some(&config),
        args: &["check", "--json"],
        ..AgentSpec::default()
    })
    .await;
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn clients_that_wait_are_counted_and_summed_up() {
    let cluster = tenants(&[("shop", -1), ("blog", -1)]).await;
    let databases = entries(
        &cluster,
        &[("shop", "shop", "pool_size=5"), ("blog", "blog", "")],
    );
    let pooler = PgBouncer::start(&databases, STATS, &["shop"]).await;
    let agent = watch(&cluster, &pooler, "").await;
    let mut clients = PoolerClients::default();
    clients.add(&pooler, 30, "shop", "shop");
    let is_full = |page: &crate::support::Scrape| of(page, "clients_waiting", "shop") == Some(25.0);
    let before = agent.scrape_until("25 wait", is_full).await;
    let began = tokio::time::Instant::now();
    tokio::time::sleep(SECOND * 3).await;
    let after = agent.scrape_until("25 wait", is_full).await;
    let took = began.elapsed().as_secs_f64();
    let seconds = |page| of(page, "waiting_seconds_total", "shop").expect("known");
    let waited = (seconds(&after) - seconds(&before)) / 25.0;
    assert!(
        (waited - took).abs() < 0.6,
        "{waited} s instead of {took} s"
    );
    assert_eq!(of(&after, "waiting_seconds_total", "blog"), Some(0.0));
    let text = check(&cluster, &pooler, "").await;
    assert!(
        text.contains("25 clients wait in pooler edge for shop"),
        "{text}"
    );
    assert!(text.contains("raise: shop pool_size 5"), "{text}");
    drop(clients);
    let page = agent
        .scrape_until("none waits", |page| {
            of(page, "clients_waiting", "shop") == Some(0.0)
        })
        .await;
    // At first all clients waited.
    assert!(of(&page, "clients_waiting_peak", "shop") >= Some(25.0));
}

#[tokio::test]
async fn a_database_at_its_limit_is_the_reason() {
    let cluster = tenants(&[("shop", 4)]).await;
    let databases = entries(&cluster, &[("shop", "shop", "pool_size=9")]);
    let pooler = PgBouncer::start(&databases, STATS, &["shop"]).await;
    let mut clients = PoolerClients::default();
    clients.add(&pooler, 4, "shop", "shop");
    let agent = watch(&cluster, &pooler, "").await;
    let used = |page: &crate::support::Scrape| {
        page.value("pgcommons_database_connections", &[("datname", "shop")])
    };
    agent
        .scrape_until("full", |page| used(page) == Some(4.0))
        .await;
    clients.add(&pooler, 8, "shop", "shop");
    agent
        .scrape_until("some wait", |page| {
            of(page, "clients_waiting", "shop") > Some(0.0)
        })
        .await;
    let text = check(&cluster, &pooler, "").await;
    assert!(
        text.contains("admits no more: raise the limit of the database, 4,"),
        "{text}"
    );
    assert!(
        text.contains(r#"ALTER DATABASE \"shop\" CONNECTION LIMIT"#),
        "{text}"
    );
    assert!(
        text.contains("open 9 connections to database shop, whose limit is 4"),
        "{text}"
    );
}

#[tokio::test]
async fn the_ceiling_is_what_the_pooler_opens_when_pushed() {
    let cluster = tenants(&[("t1", -1), ("t2", -1)]).await;
    let databases = entries(
        &cluster,
        &[
            ("t1", "t1", "pool_size=5 reserve_pool=2"),
            ("t1ro", "t1", "pool_size=4 reserve_pool=2"),
        ],
    );
    let settings = format!("{STATS}\nreserve_pool_timeout = 1");
    let pooler = PgBouncer::start(&databases, &settings, &["t1", "t2"]).await;
    cluster.sql("GRANT CONNECT ON DATABASE t1 TO t2").await;
    let mut clients = PoolerClients::default();
    for alias in ["t1", "t1ro"] {
        for user in ["t1", "t2"] {
            clients.add(&pooler, 10, user, alias);
        }
    }
    let agent = watch(&cluster, &pooler, "").await;
    agent
        .scrape_until("26 are open", |page| {
            let used = page.value("pgcommons_database_connections", &[("datname", "t1")]);
            used == Some(26.0) && of(page, "ceiling", "t1") == Some(26.0)
        })
        .await;
    let page = agent.scrape().await;
    let role = [("pooler", "edge"), ("rolname", "t2")];
    assert_eq!(
        page.value("pgcommons_pooler_role_ceiling", &role),
        Some(13.0)
    );
}

#[tokio::test]
async fn a_pooler_of_several_servers_needs_server_hosts() {
    let cluster = tenants(&[("shop", 3)]).await;
    let databases = entries(&cluster, &[("shop", "shop", "")]) + "away = host=127.0.0.2 port=1\n";
    let pooler = PgBouncer::start(&databases, STATS, &["shop"]).await;
    let text = check(&cluster, &pooler, "").await;
    assert!(
        text.contains("pooler edge leads to several servers"),
        "{text}"
    );
    let agent = watch(&cluster, &pooler, "").await;
    let page = agent
        .scrape_until("up", |page| super::up(page) == Some(1.0))
        .await;
    assert!(page.series("pgcommons_pooler_ceiling").is_empty());
    drop(agent);
    let agent = watch(&cluster, &pooler, "server_hosts: [127.0.0.1]").await;
    agent
        .scrape_until("known", |page| of(page, "ceiling", "shop") == Some(20.0))
        .await;
}
