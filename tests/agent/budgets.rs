//! Budgets for a poll and a page, in figures that do not depend on the machine or on time.

use tokio::time::Instant;

use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Relay, Scrape, create_agent_role, create_tenant, sessions,
    trusting,
};

const BYTES_PER_SERIES: f64 = 110.0;
/// Series of a database with one session: 25 for its statistics, 3 for its load, 3 for its isolation, one for temporary files, the others
/// for its connections and size; without locks.
const SERIES_PER_DATABASE: f64 = 41.0;
const POLLS: f64 = 20.0;
/// Only primary polls.
const PRIMARY_ONLY: &str =
    "poll: {interval: 100ms}\nstats: {interval: 1h}\nsizes: {interval: 1h}\n";

async fn cluster() -> Cluster {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    cluster
}

async fn watching(port: u16, timing: &str, max_time_fraction: &str) -> Agent {
    let config = format!(
        "{timing}servers: {{main: {{dsn: 'postgres://{AGENT}:{AGENT}@127.0.0.1:{port}/postgres?sslmode=disable'}}}}\n"
    );
    Agent::start(AgentSpec {
        config: Some(&config),
        env: &[("PGCOMMONS__POLL__MAX_TIME_FRACTION", max_time_fraction)],
        ..AgentSpec::default()
    })
    .await
}

fn polls(page: &Scrape) -> f64 {
    page.sum("pgcommons_polls_total", &[("poll", "activity")])
}

/// The types of a client's messages, without the startup messages, which have no type.
fn messages(mut sent: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [kind, length @ ..] = sent {
        let length = length.first_chunk().expect("a whole message");
        let length = usize::try_from(u32::from_be_bytes(*length)).expect("a length");
        kinds.push(*kind);
        sent = &sent[1 + length..];
    }
    kinds
}

#[tokio::test]
async fn a_poll_is_one_statement_in_one_round_trip_over_one_connection() {
    let cluster = cluster().await;
    for tenant in ["one", "two", "three"] {
        create_tenant(&cluster, tenant, 10).await;
    }
    let relay = Relay::start(cluster.port());
    let agent = watching(relay.port(), PRIMARY_ONLY, "0.5").await;
    let sized = |page: &Scrape| page.series("pg_database_size_bytes").len() == 4;
    let before = polls(&agent.scrape_until("sizes are known", sized).await);
    relay.capture(true);
    let many = |page: &Scrape| polls(page) >= before + POLLS;
    agent.scrape_until("polls", many).await;
    relay.capture(false);
    let polls = polls(&agent.scrape().await) - before;

    let messages = messages(&relay.captured());
    let count = |kind| {
        let of_kind: Vec<_> = messages
            .iter()
            .filter(|&&message| message == kind)
            .collect();
        of_kind.len() as f64
    };
    let (statements, round_trips) = (count(b'E'), count(b'S'));
    // Some polls began before or ended after, and the catalogue, which is due every 15 s, may have been read.
    assert!(
        statements >= POLLS - 2.0 && statements <= polls + 2.0,
        "{statements} statements in {polls} polls"
    );
    assert_eq!(
        round_trips.to_bits(),
        statements.to_bits(),
        "{round_trips} round trips"
    );
    let held = "select count(*) from pg_stat_activity where usename = 'agent'";
    assert_eq!(cluster.query_one_i64(held).await, 1);
}

/// Minor page faults of the process, from proc(5).
fn page_faults(pid: i64) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let minflt = fields.split_whitespace().nth(7);
    minflt.and_then(|it| it.parse().ok()).expect("a number")
}

#[tokio::test]
async fn a_poll_takes_no_memory_from_the_system_of_the_server() {
    let cluster = trusting(&[("max_connections", "1200")]).await;
    create_agent_role(&cluster).await;
    create_tenant(&cluster, "tenant", 100).await;
    let _held = sessions(&cluster, "tenant", 50).await;
    let agent = watching(cluster.port(), PRIMARY_ONLY, "0.5").await;
    let after = |count| move |page: &Scrape| polls(page) >= count;
    let before = polls(&agent.scrape_until("settled", after(POLLS)).await);
    let backend = "select pid::int8 from pg_stat_activity where usename = 'agent'";
    let backend = cluster.query_one_i64(backend).await;
    let before_faults = page_faults(backend);
    agent
        .scrape_until("polls", after(before + POLLS + 2.0))
        .await;
    let each = (page_faults(backend) - before_faults) / POLLS;
    assert!(each < 1.0, "{each} page faults per poll");
}

#[tokio::test]
async fn polls_that_cost_too_much_come_less_often_and_show_the_interval() {
    const OFTEN: f64 = 0.1;
    let cluster = cluster().await;
    let interval = |page: &Scrape| page.value("pgcommons_poll_interval_seconds", &[]);
    let often = "poll: {interval: 100ms}\n";
    let agent = watching(cluster.port(), often, "0.5").await;
    let page = agent.scrape_until("polls", |page| polls(page) > 5.0).await;
    assert_eq!(interval(&page).map(f64::to_bits), Some(OFTEN.to_bits()));
    drop(agent);

    // This allows 10 us per poll, which is less than any poll costs.
    let agent = watching(cluster.port(), often, "0.0001").await;
    let slowed = |page: &Scrape| interval(page).is_some_and(|now| now > OFTEN * 1.5);
    let before = agent.scrape_until("slower polls", slowed).await;
    let start = Instant::now();
    let more = polls(&before) + 4.0;
    let after = agent
        .scrape_until("polls", |page| polls(page) >= more)
        .await;
    let as_configured = start.elapsed().as_secs_f64() / OFTEN;
    let made = polls(&after) - polls(&before);
    assert!(made < as_configured * 0.8, "{made} in {as_configured}");
}

#[tokio::test]
async fn series_and_their_bytes_have_a_budget() {
    let cluster = cluster().await;
    create_tenant(&cluster, "tenant_0", 10).await;
    let agent = watching(cluster.port(), "stats: {interval: 1s}\n", "0.5").await;
    let known = |databases: usize| {
        move |page: &Scrape| {
            let all = |name: &str| page.series(name).len() == databases + 1; // and postgres
            all("pg_database_size_bytes")
                && all("pg_stat_database_xact_commit")
                && all("pgcommons_database_foreign_connect_roles")
        }
    };
    let few = agent.scrape_until("one tenant", known(1)).await;
    let mut held = Vec::new();
    for tenant in 1..=10 {
        let name = format!("tenant_{tenant}");
        create_tenant(&cluster, &name, 10).await;
        held.extend(sessions(&cluster, &name, 1).await);
    }
    let many = agent.scrape_until("eleven tenants", known(11)).await;
    // Each database has a role. Locks vary.
    let count = |page: &Scrape| {
        page.text()
            .lines()
            .filter(|line| !line.starts_with('#') && !line.starts_with("pg_locks_count"))
            .count()
    };
    let each = (count(&many) - count(&few)) as f64 / 10.0;
    assert!(
        each <= SERIES_PER_DATABASE + 6.0,
        "{each} series for a database and its role"
    );
    let size = many.text().len() as f64 / count(&many) as f64;
    assert!(size <= BYTES_PER_SERIES, "{size} bytes a series");
    drop(held);
}
