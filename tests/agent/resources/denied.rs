//! A managed service that refuses the lists of files: the figures that need them are absent, and all others stay.

use crate::support::{AGENT, AgentSpec, Scrape, run, trusting, watch};

#[tokio::test]
async fn a_refused_function_takes_only_its_own_series_away() {
    let cluster = trusting(&[]).await;
    cluster
        .sql("REVOKE EXECUTE ON FUNCTION pg_ls_waldir() FROM pg_monitor")
        .await;
    let agent = watch(&cluster, "").await;
    let denied = [("poll", "wal"), ("outcome", "denied")];
    let refused = |page: &Scrape| page.value("pgcommons_polls_total", &denied) == Some(1.0);
    let page = agent.scrape_until("it is refused", refused).await;
    assert_eq!(page.value("pg_up", &[]), Some(1.0));
    assert_eq!(page.value("pg_wal_size_bytes", &[]), None);
    let part = |part| page.value("pgcommons_server_storage_bytes", &[("part", part)]);
    assert_eq!(part("wal"), None);
    assert!(
        part("temporary").is_some() && part("databases").is_some(),
        "{}",
        page.text()
    );
    let logged = agent.log().matches("pg_ls_waldir").count();
    assert_eq!(logged, 1, "{}", agent.log());

    let url = cluster.url(AGENT, AGENT, "postgres");
    let check = run(AgentSpec {
        args: &["check"],
        env: &[("DATABASE_URL", &url)],
        ..AgentSpec::default()
    })
    .await;
    let text = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(text.contains("note      wal is unknown: "), "{text}");
    assert_eq!(check.status.code(), Some(0), "{text}");
}
