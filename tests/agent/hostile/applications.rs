//! Names of applications, of which a tenant may have as many as it likes.

use std::collections::BTreeSet;

use super::{MEMORY, folded, resident};
use crate::support::{
    Scrape, StopMode, create_tenant, failed_polls, fresh, sessions, trusting, watch,
};

const SESSIONS: &str = "pg_stat_activity_count";
const CROWD: usize = 40;

/// 250 names for each of the sessions, so quickly one after the other that no two polls see the same.
const RENAME: &str = "DO $$ BEGIN
    FOR n IN 1..250 LOOP
        PERFORM set_config('application_name', 'job ' || pg_backend_pid() || '-' || n, false), pg_sleep(0.03);
    END LOOP;
END $$";

#[tokio::test]
async fn ten_thousand_application_names_are_a_handful_of_series() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    let web = sessions(&cluster, "app", 2).await;
    for session in &web {
        let named = session.batch_execute("SET application_name = 'web'").await;
        named.expect("a name");
    }
    let agent = watch(&cluster, "activity: {application_names: 5}").await;
    let before = resident(&fresh(&agent).await);
    let crowd = sessions(&cluster, "app", CROWD).await;
    fresh(&agent).await;

    let renaming = crowd.into_iter().map(|session| {
        tokio::spawn(async move {
            let done = session.batch_execute(RENAME).await;
            done.expect("names");
            session
        })
    });
    let renaming: Vec<_> = renaming.collect();
    let (mut series, mut most_folded, mut after) = (BTreeSet::new(), 0.0, before);
    while !renaming.iter().all(tokio::task::JoinHandle::is_finished) {
        let page = fresh(&agent).await;
        let sessions = page.sum(SESSIONS, &[("datname", "app")]);
        assert_eq!(Some(sessions), Some(42.0));
        let web = [("datname", "app"), ("application_name", "web")];
        let of_web = Some(page.sum(SESSIONS, &web));
        assert_eq!(of_web, Some(2.0), "a tenant lost its series");
        series.extend(
            page.series(SESSIONS)
                .into_iter()
                .map(|series| series.labels),
        );
        most_folded = folded(&page, "application_name")
            .expect("known")
            .max(most_folded);
        after = resident(&page);
        assert_eq!(failed_polls(&page), [""; 0]);
    }
    for session in renaming {
        session.await.expect("a session");
    }
    let names: BTreeSet<_> = series
        .iter()
        .filter(|labels| {
            labels
                .get("datname")
                .is_some_and(|datname| datname == "app")
        })
        .filter_map(|labels| labels.get("application_name"))
        .collect();
    // Beside the nameless one, which has no such label.
    assert!(names.len() <= 5, "{names:?}");
    assert!(names.iter().any(|name| *name == "other"), "{names:?}");
    assert!(most_folded >= 35.0, "{most_folded}");
    assert!(after < MEMORY, "{before} bytes, then {after}");
}

/// Series outlive the database and the server that they are of, and so do the seats.
#[tokio::test]
async fn a_database_made_anew_gets_no_more_names() {
    let mut cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "activity: {application_names: 1}").await;
    let mut names = BTreeSet::new();
    for round in ["drop", "restart", "end"] {
        let open = sessions(&cluster, "app", 1).await;
        let rename = format!("SET application_name = 'before {round}'");
        open[0].batch_execute(&rename).await.expect("a name");
        let counted = |page: &Scrape| page.sum(SESSIONS, &[("datname", "app")]) > 0.0;
        agent.scrape_until("the session is there", counted).await;
        for series in fresh(&agent).await.series(SESSIONS) {
            if series.label("datname") == Some("app") {
                names.extend(series.label("application_name").map(str::to_owned));
            }
        }
        for session in open {
            session.close().await;
        }
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
    names.remove("before drop");
    assert_eq!(names, ["other".to_owned()].into());
}
