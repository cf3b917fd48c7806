//! Attacks of a tenant on the agent's session and on the connection slots.

use tokio_postgres::error::SqlState;

use crate::support::{create_tenant, failed_polls, fresh, sessions, trusting, watch};

#[tokio::test]
async fn a_tenant_can_neither_end_the_session_nor_lock_what_it_reads() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "mallory", 50).await;
    let agent = watch(&cluster, "").await;
    fresh(&agent).await;
    let mallory = cluster.connect("mallory", "mallory", "postgres").await;
    let mallory = mallory.expect("PUBLIC may connect");
    for attack in [
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgcommons'",
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgcommons'",
        "LOCK TABLE pg_catalog.pg_database IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE pg_catalog.pg_authid IN ACCESS SHARE MODE",
        "ALTER ROLE agent SET search_path = public",
        "ALTER DATABASE postgres SET search_path = public",
    ] {
        let refused = mallory.batch_execute(&format!("BEGIN; {attack}")).await;
        let error = refused.expect_err(attack);
        assert_eq!(
            error.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{attack}"
        );
        mallory.batch_execute("ROLLBACK").await.expect("a rollback");
    }
    let page = fresh(&agent).await;
    assert_eq!(failed_polls(&page), [""; 0]);
    assert_eq!(agent.log().matches("ready").count(), 1, "{}", agent.log());
}

#[tokio::test]
async fn a_flood_of_logins_does_not_stop_the_polls() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "mallory", 2).await;
    let agent = watch(&cluster, "").await;
    let _full = sessions(&cluster, "mallory", 2).await;
    fresh(&agent).await;
    let url = cluster.url("mallory", "mallory", "mallory");
    let flood = (0..30).map(|_| {
        let url = url.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                let refused = tokio_postgres::connect(&url, tokio_postgres::NoTls).await;
                assert!(refused.is_err(), "the database is full");
            }
        })
    });
    let flood: Vec<_> = flood.collect();
    let mut polls = 0;
    while !flood.iter().all(tokio::task::JoinHandle::is_finished) {
        let page = fresh(&agent).await;
        polls += 1;
        assert_eq!(failed_polls(&page), [""; 0]);
        let of = [("datname", "mallory")];
        assert_eq!(
            page.value("pgcommons_database_connections_headroom", &of),
            Some(0.0)
        );
    }
    for attacker in flood {
        attacker.await.expect("all logins are refused");
    }
    assert!(polls > 1);
}
