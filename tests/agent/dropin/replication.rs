//! `pg_replication_*` and `pg_stat_replication_*`, with a standby.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{
    AGENT, Cluster, Scrape, create_agent_role, create_tenant, failed_polls, fresh, trusting,
    watch_as,
};

const DIFF: &str = "pg_stat_replication_pg_wal_lsn_diff";
const CURRENT: &str = "pg_stat_replication_pg_current_wal_lsn_bytes";

const LABELS: [(&str, &str); 3] = [
    ("application_name", "walreceiver"),
    ("state", "streaming"),
    ("slot_name", "standby_1"),
];

/// A primary and its standby, which uses a slot.
async fn pair() -> (Cluster, Cluster) {
    let mut primary = trusting(&[]).await;
    create_agent_role(&primary).await;
    create_tenant(&primary, "shop", 5).await;
    let standby = primary.start_standby();
    primary
        .sql("SELECT pg_create_physical_replication_slot('standby_1')")
        .await;
    standby.append_conf(&[("primary_slot_name", "standby_1")]);
    standby.reload().await;
    (primary, standby)
}

fn lag(page: &Scrape) -> Option<f64> {
    page.value("pg_replication_lag_seconds", &[])
}

fn last_replay(page: &Scrape) -> Option<f64> {
    page.value("pg_replication_last_replay_seconds", &[])
}

#[tokio::test]
async fn a_standby_that_does_not_replay_is_seen_on_both_servers() {
    let (primary, standby) = pair().await;
    let (on_primary, on_standby) = (
        watch_as(&primary, AGENT, "").await,
        watch_as(&standby, AGENT, "").await,
    );
    let replayed = |page: &Scrape| page.value(DIFF, &LABELS) == Some(0.0);
    let page = on_primary.scrape_until("it streams", replayed).await;
    assert_eq!((lag(&page), last_replay(&page)), (Some(0.0), None));
    let names: Vec<_> = page.series(DIFF)[0].labels.keys().cloned().collect();
    assert_eq!(names, ["application_name", "server", "slot_name", "state"]);
    let current = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8";
    let position = primary.query_one_i64(current).await as f64;
    assert!(page.value(CURRENT, &LABELS) <= Some(position));

    primary.sql("CREATE TABLE t (n int)").await;
    let committed = |page: &Scrape| last_replay(page).is_some();
    on_standby.scrape_until("a commit", committed).await;
    standby.sql("SELECT pg_wal_replay_pause()").await;
    primary
        .sql("INSERT INTO t SELECT generate_series(1, 100000)")
        .await;
    let behind = |page: &Scrape| page.value(DIFF, &LABELS) > Some(1e6);
    on_primary
        .scrape_until("the standby is behind", behind)
        .await;
    let late = |page: &Scrape| lag(page) > Some(0.0) && lag(page) == last_replay(page);
    let page = on_standby.scrape_until("it is behind", late).await;
    assert!(page.series(DIFF).is_empty(), "it has no standby of its own");

    standby.sql("SELECT pg_wal_replay_resume()").await;
    let caught_up = |page: &Scrape| lag(page) == Some(0.0) && last_replay(page).is_some();
    let page = on_standby
        .scrape_until("it has replayed all", caught_up)
        .await;
    assert_eq!(failed_polls(&page), [""; 0], "{}", on_standby.log());
    let page = on_primary
        .scrape_until("it has replayed all", replayed)
        .await;
    assert_eq!(failed_polls(&page), [""; 0], "{}", on_primary.log());
}

/// A connection of a client that may replicate, which sends nothing after its login.
fn wal_sender(cluster: &Cluster, application_name: &[u8]) -> TcpStream {
    let mut startup = vec![0, 3, 0, 0];
    let user = AGENT.as_bytes();
    for text in [
        b"user",
        user,
        b"replication",
        b"true",
        b"application_name",
        application_name,
    ] {
        startup.extend_from_slice(text);
        startup.push(0);
    }
    startup.push(0);
    let length = u32::try_from(startup.len() + 4).expect("it is short");
    let mut stream = TcpStream::connect((cluster.host(), cluster.port())).expect("it listens");
    stream.write_all(&length.to_be_bytes()).expect("it reads");
    stream.write_all(&startup).expect("it reads");
    let mut answer = [0];
    stream.read_exact(&mut answer).expect("it answers");
    assert_eq!(answer, *b"R", "{}", cluster.log());
    stream
}

#[tokio::test]
async fn many_wal_senders_with_odd_names_are_a_bounded_number_of_series() {
    let cluster = trusting(&[("max_wal_senders", "50")]).await;
    cluster.prepend_hba("host replication all 127.0.0.1/32 trust");
    cluster.reload().await;
    create_agent_role(&cluster).await;
    cluster.sql("ALTER ROLE agent REPLICATION").await;
    let agent = watch_as(&cluster, AGENT, "").await;
    let odd: [&[u8]; 4] = [b"a\"b\\c", b"line\nbreak", b"caf\xc3\xa9", b"\xff\xfe"];
    let mut open: Vec<_> = odd.iter().map(|name| wal_sender(&cluster, name)).collect();
    let named = |name: &'static str| {
        move |page: &Scrape| page.value(CURRENT, &[("application_name", name)]).is_some()
    };
    agent.scrape_until("an odd name", named("a\"b\\c")).await;
    // Equal labels are one series.
    open.extend((0..3).map(|_| wal_sender(&cluster, b"twin")));
    agent.scrape_until("twins", named("twin")).await;
    open.extend((0..40).map(|n| wal_sender(&cluster, format!("{n:02}").as_bytes())));
    let full = |page: &Scrape| page.series(CURRENT).len() == 32;
    agent.scrape_until("the limit", full).await;
    let page = fresh(&agent).await;
    assert!(page.series(CURRENT).len() <= 32, "{}", page.text());
    assert!(page.series(DIFF).is_empty(), "none reports a position");
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
    assert_eq!(open.len(), 47);
}
