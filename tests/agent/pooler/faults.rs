//! Faults of the pooler affect only its own series.

use super::{SECOND, STATS, entries, of, tenants, up, watch};
use crate::support::{PgBouncer, PoolerClients, Scrape};

fn failures(page: &Scrape, reason: &str) -> f64 {
    let labels = [("pooler", "edge"), ("reason", reason)];
    page.sum("pgcommons_connect_failures_total", &labels)
}

fn activity(page: &Scrape) -> f64 {
    let labels = [("poll", "activity"), ("outcome", "ok")];
    page.sum("pgcommons_polls_total", &labels)
}

fn server_is_undisturbed(page: &Scrape) {
    assert_eq!(page.value("pg_up", &[]), Some(1.0), "{}", page.text());
    let failed = page
        .series("pgcommons_polls_total")
        .into_iter()
        .filter(|polls| {
            polls.label("pooler").is_none()
                && polls.label("outcome") != Some("ok")
                && polls.value > 0.0
        });
    assert_eq!(failed.count(), 0, "{}", page.text());
}

#[tokio::test]
async fn a_pooler_that_is_killed_frozen_paused_or_reloaded() {
    let cluster = tenants(&[("shop", -1)]).await;
    let databases = entries(&cluster, &[("shop", "shop", "pool_size=3")]);
    let mut pooler = PgBouncer::start(&databases, STATS, &["shop"]).await;
    let agent = watch(&cluster, &pooler, "").await;
    let is_up = |page: &Scrape| up(page) == Some(1.0) && activity(page) > 3.0;
    agent.scrape_until("up", is_up).await;

    pooler.kill();
    let page = agent
        .scrape_until("down", |page| up(page) == Some(0.0))
        .await;
    assert!(
        page.series("pgbouncer_pools_client_active_connections")
            .is_empty()
    );
    server_is_undisturbed(&page);
    pooler.start_again().await;
    agent.scrape_until("up again", is_up).await;

    pooler.signal("STOP");
    let frozen = agent
        .scrape_until("frozen", |page| {
            up(page) == Some(0.0) && failures(page, "timeout") > 0.0
        })
        .await;
    let polls = activity(&frozen);
    let page = agent
        .scrape_until("polls go on", |page| activity(page) > polls + 10.0)
        .await;
    server_is_undisturbed(&page);
    pooler.signal("CONT");
    agent.scrape_until("thawed", is_up).await;

    pooler.console("PAUSE shop").await;
    let mut clients = PoolerClients::default();
    clients.add(&pooler, 2, "shop", "shop");
    agent
        .scrape_until("paused", |page| {
            of(page, "clients_waiting", "shop") == Some(2.0)
        })
        .await;
    pooler.console("RESUME shop").await;
    agent
        .scrape_until("resumed", |page| {
            of(page, "clients_waiting", "shop") == Some(0.0)
        })
        .await;

    pooler.reload(&databases.replace("pool_size=3", "pool_size=8"), STATS);
    agent
        .scrape_until("reloaded", |page| of(page, "ceiling", "shop") == Some(8.0))
        .await;
    server_is_undisturbed(&agent.scrape().await);
    let log = agent.log();
    assert!(log.contains("pooler down"), "{log}");
}

#[tokio::test]
async fn a_pooler_that_refuses_the_agent_says_so() {
    let cluster = tenants(&[("shop", -1)]).await;
    let databases = entries(&cluster, &[("shop", "shop", "")]);
    let pooler = PgBouncer::start(&databases, "", &["shop"]).await;
    let agent = watch(&cluster, &pooler, "").await;
    let page = agent
        .scrape_until("refused", |page| {
            up(page) == Some(0.0) && activity(page) > 3.0
        })
        .await;
    server_is_undisturbed(&page);
    assert!(failures(&page, "auth") > 0.0);
    crate::support::eventually(SECOND * 10, "the log says why", async || {
        agent.log().contains("not allowed").then_some(())
    })
    .await;
    pooler.reload(&databases, STATS);
    agent.scrape_until("up", |page| up(page) == Some(1.0)).await;
}

#[tokio::test]
async fn users_that_clients_invent_are_bounded() {
    let cluster = tenants(&[("shop", -1)]).await;
    let databases = entries(
        &cluster,
        &[("shop", "shop", "user=shop"), ("open", "shop", "")],
    );
    let settings = format!("{STATS}\nmax_client_conn = 400\nmax_user_connections = 1");
    let names: Vec<String> = (0..300).map(|n| format!("invented {n} \"<b>")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let pooler = PgBouncer::start(&databases, &settings, &names).await;
    let agent = watch(&cluster, &pooler, "").await;
    let mut clients = PoolerClients::default();
    for name in &names {
        clients.add(&pooler, 1, name, "open");
    }
    let overflow = [("pooler", "edge"), ("label", "user")];
    let page = agent
        .scrape_until("many pools", |page| {
            page.value("pgcommons_pooler_series_overflow", &overflow) > Some(50.0)
        })
        .await;
    let pools = page.series("pgbouncer_pools_client_waiting_connections");
    assert!(pools.len() <= 201, "{}", pools.len());
    assert!(page.series("pgcommons_pooler_role_ceiling").len() <= 200);
}
