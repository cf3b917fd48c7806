//! The statement that has run longest, by database and application.

use super::run;
use crate::support::{
    Scrape, TestSession, create_tenant, eventually, fresh, sessions, trusting, watch,
};

const NAME: &str = "pgcommons_database_oldest_statement_start_timestamp_seconds";
const ENDLESS: &str = "SELECT pg_sleep(3600)";

fn start(page: &Scrape, datname: &str, application: &str) -> Option<f64> {
    let labels = [("datname", datname), ("application_name", application)];
    page.value(NAME, &labels)
}

async fn named(session: TestSession, application: &str) -> TestSession {
    let set = format!("SET application_name = '{application}'");
    session.batch_execute(&set).await.expect("a setting");
    session
}

#[tokio::test]
async fn the_start_of_the_oldest_statement_is_that_of_pg_stat_activity() {
    let cluster = trusting(&[("autovacuum", "off")]).await;
    for name in ["long|\n", "calm"] {
        create_tenant(&cluster, name, -1).await;
    }
    for _ in 0..2 {
        let session = sessions(&cluster, "long|\n", 1).await.remove(0);
        run(named(session, "batch").await, ENDLESS);
    }
    // Its transaction is older than its statement.
    let session = sessions(&cluster, "long|\n", 1).await.remove(0);
    let session = named(session, "web").await;
    session.batch_execute("BEGIN").await.expect("a transaction");
    run(session, ENDLESS);
    let _idle = named(sessions(&cluster, "calm", 1).await.remove(0), "web").await;
    let agent = watch(&cluster, "").await;
    let page = agent
        .scrape_until("three statements run", |page| {
            start(page, "long|\n", "web").is_some() && start(page, "long|\n", "batch").is_some()
        })
        .await;
    let admin = cluster.admin().await;
    for application in ["batch", "web"] {
        let sql = format!(
            "SELECT extract(epoch FROM min(query_start)) FROM pg_stat_activity WHERE state = 'active' AND application_name = '{application}'"
        );
        let wanted: f64 = admin
            .value(&sql)
            .await
            .and_then(|it| it.parse().ok())
            .expect("a time");
        let shown = start(&page, "long|\n", application).expect("a series");
        assert!(
            (wanted - shown).abs() < 0.001,
            "{application}: {shown}, {wanted}"
        );
    }
    let shown: Vec<_> = page
        .series(NAME)
        .iter()
        .map(|it| it.labels.clone())
        .collect();
    assert_eq!(
        shown.len(),
        2,
        "neither idle sessions nor the agent: {shown:?}"
    );

    let end = "SELECT pg_cancel_backend(pid)::text FROM pg_stat_activity WHERE application_name IN ('batch', 'web')";
    admin.batch_execute(end).await.expect("a superuser");
    agent
        .scrape_until("none runs", |page| page.series(NAME).is_empty())
        .await;
}

#[tokio::test]
async fn applications_without_series_are_one() {
    let cluster = trusting(&[("autovacuum", "off")]).await;
    create_tenant(&cluster, "shop", -1).await;
    let mut open = Vec::new();
    for application in ["first", "second", "third"] {
        let session = sessions(&cluster, "shop", 1).await.remove(0);
        open.push(named(session, application).await);
    }
    let agent = watch(&cluster, "series_limits: {application_names: 1}").await;
    fresh(&agent).await;
    for session in open {
        run(session, ENDLESS);
    }
    let all = eventually(std::time::Duration::from_secs(30), "they run", async || {
        let page = agent.scrape().await;
        let count = page.sum(
            "pg_stat_activity_count",
            &[("datname", "shop"), ("state", "active")],
        );
        (count > 2.0).then_some(page)
    });
    let page = all.await;
    assert_eq!(page.series(NAME).len(), 2, "{}", page.text());
    assert!(start(&page, "shop", "other").is_some());
}
