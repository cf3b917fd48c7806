//! Replication slots that nothing reads.

use crate::support::{Cluster, Scrape, create_tenant, trusting, watch};

fn retained(page: &Scrape) -> Option<f64> {
    let of = [("datname", "app2")];
    page.value("pgcommons_database_wal_retained_bytes", &of)
}

fn has_status(page: &Scrape, status: &str) -> bool {
    let labels = [("slot_name", "cdc"), ("wal_status", status)];
    page.value("pg_replication_slots_wal_status", &labels) == Some(1.0)
}

async fn abandoned(settings: &[(&str, &str)]) -> Cluster {
    let mut all = vec![
        ("wal_level", "logical"),
        ("max_wal_size", "64MB"),
        ("min_wal_size", "32MB"),
    ];
    all.extend(settings);
    let cluster = trusting(&all).await;
    for name in ["app1", "app2"] {
        create_tenant(&cluster, name, -1).await;
    }
    let slot = "SELECT pg_create_logical_replication_slot('cdc', 'pgoutput')";
    cluster.sql_in("app2", slot).await;
    cluster
        .sql_in("app1", "CREATE TABLE noise (bytes text)")
        .await;
    cluster
}

/// About 20 MB of WAL.
async fn write(cluster: &Cluster) {
    let noise = "INSERT INTO noise SELECT repeat('x', 1000) FROM generate_series(1, 18000);
                 TRUNCATE noise";
    cluster.sql_in("app1", noise).await;
}

#[tokio::test]
async fn an_abandoned_slot_is_attributed_to_its_database() {
    let cluster = abandoned(&[]).await;
    let agent = watch(&cluster, "").await;
    for _ in 0..3 {
        write(&cluster).await;
    }
    let kept =
        "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int8 FROM pg_replication_slots";
    let kept = cluster.query_one_i64(kept).await as f64;
    assert!(kept > 40e6, "{kept}");
    let right =
        |page: &Scrape| retained(page).is_some_and(|it| it > kept * 0.95 && it < kept * 1.05);
    let page = agent.scrape_until("what the slot keeps", right).await;
    let of = [("slot_name", "cdc"), ("database", "app2")];
    assert_eq!(page.value("pg_replication_slots_active", &of), Some(0.0));
    assert_eq!(
        page.value("pg_replication_slots_pg_wal_lsn_diff", &of),
        retained(&page)
    );
    let wal = page.value("pg_wal_size_bytes", &[]);
    assert!(wal > Some(kept * 0.9), "{wal:?} bytes of WAL, {kept} kept");
    assert_eq!(super::ratio(&page, "wal"), None, "nothing limits it");
    let other = page.value(
        "pgcommons_database_wal_retained_bytes",
        &[("datname", "app1")],
    );
    assert_eq!(other, None);
}

#[tokio::test]
async fn a_slot_over_its_limit_is_unreserved_and_then_lost() {
    let cluster = abandoned(&[("max_slot_wal_keep_size", "64MB")]).await;
    let agent = watch(&cluster, "").await;
    let kept = "SELECT coalesce(safe_wal_size, 0) FROM pg_replication_slots";
    while cluster.query_one_i64(kept).await > 0 {
        write(&cluster).await;
    }
    let unreserved = |page: &Scrape| has_status(page, "unreserved") || has_status(page, "lost");
    let page = agent
        .scrape_until("the slot is unreserved", unreserved)
        .await;
    if has_status(&page, "unreserved") {
        assert!(super::ratio(&page, "wal") >= Some(1.0), "{}", page.text());
    }
    cluster.sql("CHECKPOINT").await;
    let page = agent
        .scrape_until("the slot is lost", |page| has_status(page, "lost"))
        .await;
    assert_eq!(retained(&page), Some(0.0));
    assert_eq!(super::ratio(&page, "wal"), Some(0.0));
    let safe = [("slot_name", "cdc")];
    assert_eq!(
        page.value("pg_replication_slots_safe_wal_size_bytes", &safe),
        None
    );
}

/// `safe_wal_size` of a slot that was never used is negative on every version, which means nothing.
#[tokio::test]
async fn a_slot_that_was_never_used_keeps_nothing() {
    let cluster = trusting(&[("max_slot_wal_keep_size", "64MB")]).await;
    cluster
        .sql("SELECT pg_create_physical_replication_slot('spare')")
        .await;
    let agent = watch(&cluster, "").await;
    let of = [("slot_name", "spare")];
    let seen = |page: &Scrape| {
        page.value("pg_replication_slots_slot_is_active", &of)
            .is_some()
    };
    let page = agent.scrape_until("the slot", seen).await;
    let diff = page.value("pg_replication_slots_pg_wal_lsn_diff", &of);
    assert_eq!(diff, Some(0.0));
    let safe = page.value("pg_replication_slots_safe_wal_size_bytes", &of);
    assert_eq!(safe, None);
}
