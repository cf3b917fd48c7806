//! `pgcommons workspaces`: the estimate, the scan, and what it says if it does not know.

use serde_json::Value;

use super::{GRANT, SHARED, TWO, config, shared};
use crate::support::{AgentSpec, Cluster, run};

async fn workspaces(cluster: &Cluster, args: &[&str]) -> (String, Option<i32>) {
    let config = config(cluster, SHARED);
    let args = [&["workspaces"], args].concat();
    let output = run(AgentSpec {
        args: &args,
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    (text, output.status.code())
}

async fn json(cluster: &Cluster, args: &[&str]) -> Value {
    let (text, _) = workspaces(cluster, &[&["--json"], args].concat()).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn the_estimate_and_the_scan_agree() {
    let cluster = shared(&format!("{TWO} {GRANT}")).await;
    let (text, code) = workspaces(&cluster, &[]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.starts_with("a, database shared: rows, estimated from statistics "),
        "{text}"
    );
    assert!(text.contains("globex") && text.contains("75 %"), "{text}");
    assert!(!text.contains("BYTES"), "{text}");

    let exact = json(&cluster, &["--exact"]).await;
    let database = &exact["databases"][0];
    let rows = |n: usize| {
        (
            &database["workspaces"][n]["workspace"],
            &database["workspaces"][n]["rows"],
        )
    };
    assert_eq!(rows(0), (&"globex".into(), &6000.0.into()), "{exact:#}");
    assert_eq!(rows(1), (&"acme".into(), &2000.0.into()), "{exact:#}");
    assert_eq!(
        database["workspaces"][0]["bytes"],
        Value::Null,
        "one column is not all"
    );

    cluster
        .sql_in("shared", "GRANT SELECT ON lightrag_doc TO agent")
        .await;
    let exact = json(&cluster, &["--exact"]).await;
    // An integer, a text of one byte, and 'acme' or 'globex', each text with a header of one byte.
    let bytes = |n: usize| exact["databases"][0]["workspaces"][n]["bytes"].as_f64();
    assert_eq!(
        (bytes(0), bytes(1)),
        (Some(6000.0 * 13.0), Some(2000.0 * 11.0)),
        "{exact:#}"
    );
    let (text, _) = workspaces(&cluster, &["--exact"]).await;
    assert!(text.contains("BYTES") && text.contains("78000"), "{text}");
}

#[tokio::test]
async fn what_is_not_known_is_said_and_the_exit_code_is_3() {
    let cluster = shared(TWO).await;
    for args in [&[][..], &["--exact"]] {
        let (text, code) = workspaces(&cluster, args).await;
        assert!(
            text.contains("workspaces are unknown: the role may not read"),
            "{text}"
        );
        assert_eq!(code, Some(3), "{text}");
    }
    cluster.sql_in("shared", GRANT).await;
    let locker = cluster.admin_of("shared").await;
    locker
        .batch_execute("BEGIN; LOCK TABLE lightrag_doc IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("a lock");
    let (text, code) = workspaces(&cluster, &["--exact"]).await;
    assert!(text.contains("lock timeout"), "{text}");
    assert_eq!(code, Some(3), "{text}");
    locker.batch_execute("ROLLBACK").await.expect("it ends");
    let (text, code) = workspaces(&cluster, &["--exact", "--timeout", "1ms"]).await;
    assert_eq!(code, Some(3), "{text}");
    let (text, code) = workspaces(&cluster, &["--database", "another"]).await;
    assert_eq!((text.as_str(), code), ("", Some(3)));
}
