//! Names of applications, of which a tenant may have as many as it likes.

use std::collections::BTreeSet;

use tokio::task::JoinHandle;

use super::{MEMORY, folded, resident};
use crate::support::{
    Scrape, StopMode, TestSession, create_tenant, failed_polls, fresh, sessions, trusting, watch,
};

const SESSIONS: &str = "pg_stat_activity_count";
const CROWD: usize = 40;

/// 250 names for each of the sessions, so quickly one after the other that no two polls see the same.
const RENAME: &str = "DO $$ BEGIN
    FOR n IN 1..250 LOOP
        PERFORM set_config('application_name', 'job ' || pg_backend_pid() || '-' || n, false), pg_sleep(0.03);
    END LOOP;
END $$";

/// The names that the series of the database have; one without a name has no such label.
fn names(page: &Scrape) -> BTreeSet<String> {
    let mut series = page.series(SESSIONS);
    series.retain(|series| series.label("datname") == Some("app"));
    let names = series
        .iter()
        .filter_map(|series| series.label("application_name"));
    names.map(str::to_owned).collect()
}

/// Sessions that take ever new names, until they have had enough of them.
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

    let (mut seen, mut most_folded, mut after) = (BTreeSet::new(), 0.0, before);
    while !crowd.iter().all(JoinHandle::is_finished) {
        let page = fresh(&agent).await;
        let of_web = page.sum(SESSIONS, &[("datname", "app"), ("application_name", "web")]);
        assert_eq!(Some(of_web), Some(2.0), "a tenant lost its series");
        let of_all = page.sum(SESSIONS, &[("datname", "app")]);
        let connections = page.value("pgcommons_database_connections", &[("datname", "app")]);
        assert_eq!(Some(of_all), connections, "a sum that is not the whole");
        seen.extend(names(&page));
        let folded = folded(&page, "application_name").expect("known");
        most_folded = folded.max(most_folded);
        after = resident(&page);
        assert_eq!(failed_polls(&page), [""; 0]);
    }
    for session in crowd {
        session.await.expect("all names were taken");
    }
    assert!(seen.len() <= 5, "{seen:?}");
    assert!(seen.contains("other"), "{seen:?}");
    assert!(most_folded >= 35.0, "{most_folded}");
    assert!(after < MEMORY, "{before} bytes, then {after}");
}

/// Series outlive the database and the server that they are of, and so do the seats.
#[tokio::test]
async fn a_database_made_anew_gets_no_more_names() {
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
    // The first may have been seen before it had its name.
    seen.remove("before drop");
    assert_eq!(seen, ["other".to_owned()].into());
}
