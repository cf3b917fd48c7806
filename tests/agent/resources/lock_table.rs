//! One tenant fills the lock table. Then PostgreSQL refuses every login with 53200, and the agent still counts connections.

use tokio_postgres::error::SqlState;

use super::{held, ratio};
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Scrape, TestSession, create_tenant, sessions, trusting, watch,
};

async fn tenant(cluster: &Cluster) -> TestSession {
    let session = cluster.connect("app", "app", "app").await;
    let session = session.expect("the tenant may connect");
    session.batch_execute("BEGIN").await.expect("a transaction");
    session
}

/// Takes every entry of the lock table, and the free shared memory beside it.
async fn fill(session: &TestSession) {
    // Fewer and fewer at a time, so that nothing is left.
    let mut key = 0;
    for step in [1000, 100, 10, 1] {
        loop {
            let take = format!(
                "SAVEPOINT s; SELECT pg_advisory_xact_lock(g) FROM generate_series({}, {}) g",
                key + 1,
                key + step
            );
            match session.batch_execute(&take).await {
                Ok(()) => key += step,
                Err(error) => {
                    assert_eq!(error.code(), Some(&SqlState::OUT_OF_MEMORY), "{error:?}");
                    session
                        .batch_execute("ROLLBACK TO SAVEPOINT s")
                        .await
                        .expect("the locks before stay");
                    break;
                }
            }
        }
    }
}

fn used(page: &Scrape) -> Option<f64> {
    page.value("pgcommons_database_connections", &[("datname", "app")])
}

#[tokio::test]
async fn a_full_lock_table_names_its_holder_and_hides_no_connection() {
    let cluster = trusting(&[("max_connections", "20")]).await;
    create_tenant(&cluster, "app", -1).await;
    create_tenant(&cluster, "bystander", -1).await;
    let agent = watch(&cluster, "").await;
    let up = |page: &Scrape| ratio(page, "lock_table").is_some();
    agent.scrape_until("the agent has polled", up).await;
    let _open = sessions(&cluster, "app", 2).await;
    let holder = tenant(&cluster).await;
    fill(&holder).await;
    let full = |page: &Scrape| {
        ratio(page, "lock_table") > Some(1.4) && held(page, "app", "lock_table") > Some(3000.0)
    };
    let page = agent.scrape_until("the lock table is full", full).await;
    assert_eq!(page.value("pg_up", &[]), Some(1.0));
    assert_eq!(used(&page), Some(3.0), "{}", page.text());

    // The session of the agent goes on; a new one is refused, as those of applications are.
    let url = cluster.url(AGENT, AGENT, "postgres");
    let late = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    })
    .await;
    let refusals = [("reason", "out_of_memory")];
    let refused =
        |page: &Scrape| page.value("pgcommons_connect_failures_total", &refusals) > Some(0.0);
    late.scrape_until("its login is refused", refused).await;
    holder.close().await;
    let free = |page: &Scrape| ratio(page, "lock_table") < Some(0.1);
    agent.scrape_until("the lock table is free", free).await;
    let up = |page: &Scrape| page.value("pg_up", &[]) == Some(1.0);
    late.scrape_until("its login succeeds", up).await;
}

/// Strong locks on many tables take the fast path from others: then even a lock on `pg_database` needs an entry.
#[tokio::test]
async fn sessions_are_counted_when_even_the_catalogue_cannot_be_read() {
    let cluster = trusting(&[
        ("max_connections", "20"),
        ("max_locks_per_transaction", "256"),
    ])
    .await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "").await;
    let up = |page: &Scrape| page.value("pg_up", &[]) == Some(1.0);
    agent.scrape_until("the agent has polled", up).await;
    let holder = tenant(&cluster).await;
    let create = "CREATE SCHEMA AUTHORIZATION app; DO $$ BEGIN FOR n IN 1..4000 LOOP
                  EXECUTE format('CREATE TABLE app.t%s ()', n); END LOOP; END $$";
    holder.batch_execute(create).await.expect("tables");
    fill(&holder).await;
    let reduced = [("poll", "activity"), ("outcome", "out_of_memory")];
    let reduced = |page: &Scrape| page.value("pgcommons_polls_total", &reduced) > Some(0.0);
    let page = agent
        .scrape_until("a poll without the catalogue", reduced)
        .await;
    assert_eq!(page.value("pg_up", &[]), Some(1.0));
    let before = used(&page);
    holder
        .batch_execute("ROLLBACK")
        .await
        .expect("all locks are released");
    let _open = sessions(&cluster, "app", 2).await;
    let counted = |page: &Scrape| used(page) == before.map(|used| used + 2.0);
    agent.scrape_until("new sessions", counted).await;
}
