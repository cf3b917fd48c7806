//! Counts of sessions equal those of PostgreSQL, include bursts between scrapes, and need one session of the agent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use crate::support::{
    Cluster, Scrape, TestSession, create_tenant, eventually, exchange, fresh, sessions, trusting,
    watch,
};

const LIMIT: Duration = Duration::from_secs(20);
const SESSIONS: &str = "pg_stat_activity_count";

type Counts = BTreeMap<Vec<String>, f64>;

/// The answer to a superuser's query: some columns, and a count for each combination of them.
async fn queried(session: &TestSession, sql: &str) -> Counts {
    let answer = session.simple_query(sql).await.expect("an answer");
    let rows = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let counts = rows.map(|row| {
        let columns = (0..row.len()).map(|n| row.get(n).unwrap_or_default().to_owned());
        let mut key: Vec<String> = columns.collect();
        let count = key.pop().and_then(|count| count.parse().ok());
        (key, count.expect("the last column is a number"))
    });
    counts.collect()
}

/// The sums of a family by these labels. Zeros are left out, because `queried` has none.
fn shown(page: &Scrape, family: &str, labels: &[&str], without: &[&str]) -> Counts {
    let mut counts = Counts::new();
    for series in page.series(family) {
        let of = |label: &&str| series.label(label).unwrap_or_default().to_owned();
        if series.value > 0.0 && !without.contains(&&*of(&"application_name")) {
            *counts.entry(labels.iter().map(of).collect()).or_default() += series.value;
        }
    }
    counts
}

/// Sessions in several states, some in databases of other roles.
async fn mixed_sessions(cluster: &Cluster, observer: &TestSession) -> Vec<TestSession> {
    let mut mixed = sessions(cluster, "calibre", 3).await;
    let wiki = sessions(cluster, "wiki", 2).await;
    wiki[0].batch_execute("BEGIN").await.expect("a transaction");
    wiki[1].batch_execute("BEGIN").await.expect("a transaction");
    let failed = wiki[1].batch_execute("SELECT 1/0").await;
    failed.expect_err("a failed transaction");
    mixed.extend(wiki);
    mixed.push(cluster.admin_of("wiki").await);

    let visitor = cluster.connect("calibre", "calibre", "wiki").await;
    let visitor = visitor.expect("PUBLIC may connect");
    tokio::spawn(async move { visitor.batch_execute("SELECT pg_sleep(600)").await });
    let sleeping = "SELECT true FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    eventually(LIMIT, "a statement runs", async || {
        observer.value(sleeping).await
    })
    .await;
    mixed
}

#[tokio::test]
async fn counts_are_those_of_pg_stat_activity() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "calibre", 50).await;
    create_tenant(&cluster, "wiki", 50).await;
    let agent = watch(&cluster, "").await;
    let observer = cluster.admin().await;
    let rename = observer.batch_execute("SET application_name = 'observer'");
    rename.await.expect("a name");
    let _sessions = mixed_sessions(&cluster, &observer).await;

    let page = fresh(&agent).await;
    // The agent and the observer see each other in different states.
    let of_others = "SELECT datname, usename, state, count(*) FROM pg_stat_activity WHERE datid <> 0 \
                     AND application_name NOT IN ('observer', 'pgcommons') GROUP BY 1, 2, 3";
    let by = ["datname", "usename", "state"];
    let seen = shown(&page, SESSIONS, &by, &["observer", "pgcommons"]);
    assert_eq!(seen, queried(&observer, of_others).await);
    assert_eq!(seen.len(), 5, "{seen:?}");

    let clients = "pg_stat_activity WHERE backend_type = 'client backend'";
    for (family, label, column) in [
        ("pgcommons_database_connections", "datname", "datname"),
        ("pgcommons_role_connections", "rolname", "usename"),
    ] {
        let sql = format!("SELECT {column}, count(*) FROM {clients} GROUP BY 1");
        let of_server = queried(&observer, &sql).await;
        assert_eq!(shown(&page, family, &[label], &[]), of_server);
    }
    let all = queried(&observer, &format!("SELECT count(*) FROM {clients}")).await;
    assert_eq!(shown(&page, "pgcommons_server_connections", &[], &[]), all);
}

#[tokio::test]
async fn an_open_transaction_gets_older() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "").await;
    let open = sessions(&cluster, "app", 2).await;
    open[0].batch_execute("BEGIN").await.expect("a transaction");

    let age = |page: &Scrape, state| {
        let of = [("datname", "app"), ("state", state)];
        page.value("pg_stat_activity_max_tx_duration", &of)
    };
    let page = fresh(&agent).await;
    let before = age(&page, "idle in transaction").expect("a transaction is open");
    assert_eq!(age(&page, "idle"), None);
    let after = age(&fresh(&agent).await, "idle in transaction");
    assert!(after > Some(before), "{after:?} after {before}");
}

#[tokio::test]
async fn a_burst_between_two_scrapes_shows_in_the_peak() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", 50).await;
    let agent = watch(&cluster, "").await;
    let of = |page: &Scrape, family| page.value(family, &[("datname", "app")]);
    let peak = "pgcommons_database_connections_peak";
    assert_eq!(of(&fresh(&agent).await, peak), Some(0.0));

    let burst = sessions(&cluster, "app", 40).await;
    // All forty sessions for two seconds, and a poll of the agent in that time.
    let burst_seen = "WITH burst AS (SELECT count(*) AS size, max(backend_start) AS complete
                                      FROM pg_stat_activity WHERE datname = 'app')
                     SELECT true FROM burst, pg_stat_activity AS agent
                      WHERE size = 40 AND complete < clock_timestamp() - interval '2 s'
                        AND agent.application_name = 'pgcommons' AND agent.query_start > complete
                        AND agent.state = 'idle' AND agent.query LIKE '%pg_stat_get_activity%'";
    let observer = cluster.admin().await;
    eventually(LIMIT, "a poll while the burst lasts", async || {
        observer.value(burst_seen).await
    })
    .await;
    TestSession::close_all(burst).await;

    let gone = |page: &Scrape| of(page, "pgcommons_database_connections") == Some(0.0);
    let page = agent.scrape_until("the burst is over", gone).await;
    assert_eq!(of(&page, peak), Some(40.0));
    assert_eq!(
        of(&page, "pgcommons_database_connections_headroom"),
        Some(50.0)
    );
}

#[tokio::test]
async fn any_number_of_scrapers_share_one_session() {
    let cluster = trusting(&[]).await;
    let agent = watch(&cluster, "").await;
    let observer = cluster.admin().await;
    let own = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgcommons'";
    fresh(&agent).await;

    let address = agent.address();
    let scrape = move || {
        let replies = (0..4).map(|_| exchange(address, "GET", "/metrics", &[]));
        replies
            .map(|reply| reply.map_or(0, |reply| reply.status))
            .collect()
    };
    let scrapers: Vec<_> = (0..50).map(|_| std::thread::spawn(scrape)).collect();
    eventually(LIMIT, "all scrapers are done", async || {
        assert_eq!(observer.value(own).await.as_deref(), Some("1"));
        scrapers
            .iter()
            .all(std::thread::JoinHandle::is_finished)
            .then_some(())
    })
    .await;
    for scraper in scrapers {
        let statuses: Vec<u16> = scraper.join().expect("a scraper that ended");
        assert_eq!(statuses, [200; 4]);
    }
}

/// PostgreSQL counts a login that a limit refused and a session that timed out in the same counter.
#[tokio::test]
async fn ended_sessions_are_counted_by_cause() {
    let cluster = trusting(&[]).await;
    if cluster.major_version().await < 14 {
        return; // the counters exist since 14
    }
    create_tenant(&cluster, "full", 2).await;
    let agent = watch(&cluster, "").await;
    let two = sessions(&cluster, "full", 2).await;
    for _ in 0..3 {
        let refused = cluster.connect("full", "full", "full").await;
        let error = refused.err().expect("a refusal");
        assert_eq!(error.code(), Some(&SqlState::TOO_MANY_CONNECTIONS));
    }
    let timeout = "SET idle_session_timeout = 1";
    two[0].batch_execute(timeout).await.expect("a setting");
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE datname = 'full' AND query NOT LIKE '%timeout%'";
    cluster.sql(terminate).await;
    let lost = |page: &Scrape| {
        ["abandoned", "fatal", "killed"].map(|how| {
            let of = [("datname", "full"), ("how", how)];
            page.value("pgcommons_database_sessions_lost_total", &of)
        })
    };
    let wanted = [0.0, 4.0, 1.0].map(Some);
    let page = agent
        .scrape_until("all of them", |page| lost(page) == wanted)
        .await;
    let full = [("datname", "full")];
    let begun = page.value("pgcommons_database_sessions_total", &full);
    assert!(begun >= Some(2.0), "{begun:?}");
    let at_limit = "pgcommons_database_connections_exhausted_seconds_total";
    assert!(page.value(at_limit, &full).is_some());
}

#[tokio::test]
async fn rare_application_names_are_summed_up_as_other() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", -1).await;
    let workers = sessions(&cluster, "app", 31).await;
    for (n, worker) in workers.iter().enumerate() {
        // The last name twice, the others once: 30 names.
        let name = format!("SET application_name = 'worker-{:02}'", n.min(29));
        worker.batch_execute(&name).await.expect("a name");
    }
    let agent = watch(&cluster, "series_limits: {application_names: 5}").await;

    let page = fresh(&agent).await;
    let mut series = page.series(SESSIONS);
    series.retain(|series| series.label("datname") == Some("app"));
    let names: BTreeSet<_> = series
        .iter()
        .filter_map(|series| series.label("application_name"))
        .collect();
    assert_eq!(names.len(), 6, "{names:?}");
    let count = |name| page.value(SESSIONS, &[("datname", "app"), ("application_name", name)]);
    assert_eq!(count("other"), Some(31.0 - 2.0 - 4.0));
    assert_eq!(
        count("worker-29"),
        Some(2.0),
        "the busiest have series of their own"
    );
    let sums = shown(&page, SESSIONS, &["datname"], &[]);
    assert_eq!(sums.get(&vec!["app".to_owned()]), Some(&31.0));
}

#[tokio::test]
async fn parallel_workers_use_up_no_limit() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "app", 2).await;
    let agent = watch(&cluster, "").await;
    let session = cluster
        .connect("app", "app", "app")
        .await
        .expect("a session");
    let force = if cluster.major_version().await < 16 {
        "SET force_parallel_mode = on"
    } else {
        "SET debug_parallel_query = on"
    };
    session.batch_execute(force).await.expect("a setting");
    tokio::spawn(async move { session.batch_execute("SELECT pg_sleep(600)").await });

    let of = |page: &Scrape, family| page.value(family, &[("datname", "app")]);
    agent
        .scrape_until("two backends", |page| {
            of(page, "pg_stat_database_numbackends") == Some(2.0)
        })
        .await;
    // The statistics may be read before the sessions.
    let page = fresh(&agent).await;
    let worker = [("datname", "app"), ("backend_type", "parallel worker")];
    assert_eq!(page.value(SESSIONS, &worker), Some(1.0));
    assert_eq!(of(&page, "pgcommons_database_connections"), Some(1.0));
    let headroom = of(&page, "pgcommons_database_connections_headroom");
    assert_eq!(headroom, Some(1.0));
    assert_eq!(cluster.fill("app", "app", "app").await.len(), 1);
}
