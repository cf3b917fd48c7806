//! Names of applications: a tenant may use any number of them.

use std::collections::BTreeSet;

use tokio::task::JoinHandle;

use super::{MEMORY, overflow, resident};
use crate::support::{
    Scrape, StopMode, TestSession, create_tenant, failed_polls, fresh, sessions, trusting, watch,
};

const SESSIONS: &str = "pg_stat_activity_count";
const CROWD: usize = 40;

/// 250 names per session, changed so quickly that no two polls see the same.
const RENAME: &str = "DO $$ BEGIN
    FOR n IN 1..250 LOOP
        PERFORM set_config('application_name', 'job ' || pg_backend_pid() || '-' || n, false), pg_sleep(0.03);
    END LOOP;
END $$";

/// The application names in the series of the database. A session without a name has no such label.
fn names(page: &Scrape) -> BTreeSet<String> {
    let mut series = page.series(SESSIONS);
    series.retain(|series| series.label("datname") == Some("app"));
    let names = series
        .iter()
        .filter_map(|series| series.label("application_name"));
    names.map(str::to_owned).collect()
}

/// Sessions that change their names 250 times.
fn renaming(crowd: Vec<TestSession>) -> Vec<JoinHandle<()>> {
    let rename = |session: TestSession| {
        tokio::spawn(async move { session.batch_execute(RENAME).await.expect("names") })
    };
    crowd.into_iter().map(rename).collect()
}

#[tokio::test]
async fn ten_thousand_application_names_are_a_handful_of_series() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    let web = sessions(&cluster, "app", 2).await;
    for session in &web {
        let named = session.batch_execute("SET application_name = 'web'").await;
        named.expect("a name");
    }
    let agent = watch(&cluster, "series_limits: {application_names: 5}").await;
    let before = resident(&fresh(&agent).await);
    let crowd = renaming(sessions(&cluster, "app", CROWD).await);

    let (mut seen, mut max_overflow, mut after) = (BTreeSet::new(), 0.0, before);
    while !crowd.iter().all(JoinHandle::is_finished) {
        let page = fresh(&agent).await;
        let of_web = page.sum(SESSIONS, &[("datname", "app"), ("application_name", "web")]);
        assert_eq!(Some(of_web), Some(2.0), "a tenant lost its series");
        let of_all = page.sum(SESSIONS, &[("datname", "app")]);
        let connections = page.value("pgcommons_database_connections", &[("datname", "app")]);
        assert_eq!(Some(of_all), connections, "the sum is incomplete");
        seen.extend(names(&page));
        let overflow = overflow(&page, "application_name").expect("known");
        max_overflow = overflow.max(max_overflow);
        after = resident(&page);
        assert_eq!(failed_polls(&page), [""; 0]);
    }
    for session in crowd {
        session.await.expect("all names were taken");
    }
    assert!(seen.len() <= 5, "{seen:?}");
    assert!(seen.contains("other"), "{seen:?}");
    assert!(max_overflow >= 35.0, "{max_overflow}");
    assert!(after < MEMORY, "{before} bytes, then {after}");
}

/// Series slots, like series, are kept when the database is dropped or the server restarts.
#[tokio::test]
async fn a_recreated_database_gets_no_more_names() {
    let mut cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "series_limits: {application_names: 1}").await;
    let mut seen = BTreeSet::new();
    for round in ["drop", "restart", "end"] {
        let open = sessions(&cluster, "app", 1).await;
        let rename = format!("SET application_name = 'before {round}'");
        open[0].batch_execute(&rename).await.expect("a name");
        let counted = |page: &Scrape| page.sum(SESSIONS, &[("datname", "app")]) > 0.0;
        agent.scrape_until("the session is there", counted).await;
        seen.extend(names(&fresh(&agent).await));
        TestSession::close_all(open).await;
        match round {
            "drop" => {
                for sql in ["DROP DATABASE app", "CREATE DATABASE app OWNER app"] {
                    cluster.sql(sql).await;
                }
            }
            "restart" => cluster.restart(StopMode::Fast),
            _ => {}
        }
    }
    // The first session may have been polled before it had its name.
    seen.remove("before drop");
    assert_eq!(seen, ["other".to_owned()].into());
}
