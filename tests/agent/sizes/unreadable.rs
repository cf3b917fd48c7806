//! A database whose files PostgreSQL cannot read has no size. The reason is not a missing privilege.

use std::fs;

use super::{size, unknown, until_known};
use crate::support::{Scrape, create_tenant, trusting, watch};

#[tokio::test]
async fn an_unreadable_size_is_not_reported_as_forbidden() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "torn", 7).await;
    let oid = "SELECT oid FROM pg_database WHERE datname = 'torn'";
    let oid = cluster.query_one_i64(oid).await;
    let folder = cluster.data_dir().join(format!("base/{oid}"));
    let away = cluster.data_dir().join("away");
    let agent = watch(&cluster, "").await;
    let page = until_known(&agent, "torn").await;
    assert_eq!(unknown(&page, "unreadable"), Some(0.0));

    // Write all dirty pages before the files disappear.
    cluster.sql("CHECKPOINT").await;
    fs::rename(&folder, &away).expect("a folder can be moved");
    let cannot = |page: &Scrape| unknown(page, "unreadable") == Some(1.0);
    let page = agent.scrape_until("it cannot be read", cannot).await;
    assert_eq!(size(&page, "torn"), None);
    assert_eq!(unknown(&page, "forbidden"), Some(0.0));
    let logged = || agent.log().matches("cannot read the files").count();
    let measured = |page: &Scrape| page.sum("pgcommons_polls_total", &[("poll", "sizes")]);
    let before = measured(&page);
    agent
        .scrape_until("later batches", |page| measured(page) > before + 3.0)
        .await;
    assert_eq!(logged(), 1, "{}", agent.log());
    assert!(
        agent.log().contains(r#"databases=["torn"]"#),
        "{}",
        agent.log()
    );

    fs::rename(&away, &folder).expect("a folder can be moved");
    let page = until_known(&agent, "torn").await;
    assert_eq!(unknown(&page, "unreadable"), Some(0.0));
}
