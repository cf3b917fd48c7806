//! The largest numbers that a tenant can cause.

use super::{MEMORY, peak_memory, resident};
use crate::support::{Scrape, create_tenant, failed_polls, fresh, sessions, trusting, watch};

const LARGEST: i32 = i32::MAX;

#[tokio::test]
async fn the_largest_limits_add_up() {
    let cluster = trusting(&[]).await;
    for name in ["a", "b", "c"] {
        create_tenant(&cluster, name, LARGEST).await;
        cluster
            .sql(&format!("ALTER ROLE {name} CONNECTION LIMIT {LARGEST}"))
            .await;
    }
    let _open = sessions(&cluster, "a", 1).await;
    let agent = watch(&cluster, "").await;
    let page = fresh(&agent).await;
    let largest = f64::from(LARGEST);
    let server = page
        .value("pgcommons_server_connections_limit", &[])
        .expect("a limit");
    let committed = page.value("pgcommons_server_connections_committed", &[]);
    assert_eq!(committed, Some(3.0 * largest + server));
    for (kind, label) in [("database", "datname"), ("role", "rolname")] {
        let limit = page.value(
            &format!("pgcommons_{kind}_connections_limit"),
            &[(label, "a"), ("kind", kind)],
        );
        assert_eq!(limit, Some(largest));
        let headroom = page.value(
            &format!("pgcommons_{kind}_connections_headroom"),
            &[(label, "a")],
        );
        assert_eq!(headroom, Some(server - 2.0), "the server's own binds");
    }
}

#[tokio::test]
async fn a_hundred_thousand_advisory_locks_are_one_series() {
    let cluster = trusting(&[("max_locks_per_transaction", "1100")]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "").await;
    let open = sessions(&cluster, "app", 1).await;
    let lock = "SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 100000) AS n";
    open[0].batch_execute(lock).await.expect("locks");
    let of = [("datname", "app"), ("mode", "exclusivelock")];
    let counted = |page: &Scrape| page.value("pg_locks_count", &of) == Some(100_000.0);
    let page = agent.scrape_until("the locks are counted", counted).await;
    // The count may exceed the first limit of a slow job, one second. The agent then asks again with more time. No other poll may fail.
    let of_stats = |failed: &String| failed.contains("\"stats\"");
    assert!(failed_polls(&page).iter().all(of_stats), "{}", page.text());
    let bytes = resident(&page);
    assert!(bytes < MEMORY, "{bytes}");
}

/// The agent does not read query texts, however long they are.
#[tokio::test]
async fn long_queries_do_not_reach_the_agent() {
    let cluster = trusting(&[("track_activity_query_size", "1MB")]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "").await;
    fresh(&agent).await;
    let before = peak_memory(&agent);
    let open = sessions(&cluster, "app", 20).await;
    let query = format!("SELECT length('{}')", "x".repeat(1_000_000));
    for session in &open {
        session.batch_execute(&query).await.expect("an answer");
    }
    let kept = "SELECT sum(length(query)) FROM pg_stat_activity WHERE datname = 'app'";
    assert!(cluster.query_one_i64(kept).await > 20_000_000);
    for _ in 0..3 {
        let page = fresh(&agent).await;
        let sessions = page.sum("pg_stat_activity_count", &[("datname", "app")]);
        assert_eq!(Some(sessions), Some(20.0));
        assert_eq!(failed_polls(&page), [""; 0]);
        assert!(!page.text().contains("xxxx"));
    }
    let after = peak_memory(&agent);
    assert!(
        after < before + 2_000,
        "{before} kB at most before, {after} after"
    );
}
