//! Clocks that are set an hour ahead and an hour back: on the agent's machine, and on the server's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use tokio::time::Instant;

use super::monitor::FaultMonitor;
use super::{FREQUENT, assert_unready, up};
use crate::support::{
    AGENT, Agent, AgentSpec, CLIENT_ROLE, Cluster, Scrape, create_agent_role, create_tenant,
    failed_polls, fresh, must_run, sessions, trusting,
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const QUICK: &str = "poll: {interval: 100ms}\nstats: {interval: 1s}\nsizes: {interval: 1s, max_time_fraction: 0.5}\n";
const PASSWORD: &str = "agent-pw";

/// A wall clock for one process and its children, with an offset from a file. Other clocks are not affected, as on a machine
/// whose clock is set.
struct WallClock {
    folder: TempDir,
}

impl WallClock {
    fn new() -> Self {
        let clock = Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        };
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(clock.folder.path(), open).expect("the folder is ours");
        let source = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/agent/faults/wall_clock.c"
        );
        let mut compiler = Command::new("cc");
        must_run(
            compiler
                .args(["-shared", "-fPIC", source, "-o"])
                .arg(clock.library()),
        );
        clock.set(0);
        clock
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("wall_clock.so")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Sets the offset in seconds.
    fn set(&self, offset: i64) {
        let new = self.folder.path().join("new");
        fs::write(&new, offset.to_string()).expect("the folder is ours");
        fs::rename(new, self.file()).expect("the folder is ours");
    }

    fn env(&self) -> [(&str, String); 2] {
        [
            ("LD_PRELOAD", self.library().display().to_string()),
            ("WALL_CLOCK", self.file().display().to_string()),
        ]
    }
}

fn now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("it is after 1970").as_secs_f64()
}

async fn start_by(clock: &WallClock, config: &str) -> Agent {
    let env = clock.env();
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let spec = AgentSpec {
        config: Some(config),
        env: &env,
        ..AgentSpec::default()
    };
    Agent::start(spec).await
}

/// A tenant that uses all its connections.
async fn exhausted(cluster: &Cluster) -> Vec<crate::support::TestSession> {
    create_agent_role(cluster).await;
    create_tenant(cluster, "shop", 2).await;
    sessions(cluster, "shop", 2).await
}

fn of_shop(page: &Scrape, family: &str) -> f64 {
    let value = page.value(family, &[("datname", "shop")]);
    value.unwrap_or_else(|| panic!("{family}\n{}", page.text()))
}

fn last_success(page: &Scrape, poll: &str) -> f64 {
    let family = "pgcommons_poll_last_success_timestamp_seconds";
    page.value(family, &[("poll", poll)]).expect("a success")
}

async fn until_measured(agent: &Agent) -> Scrape {
    let shop = [("datname", "shop")];
    let measured = |page: &Scrape| {
        page.value("pg_database_size_bytes", &shop).is_some()
            && page.value("pg_stat_database_numbackends", &shop).is_some()
    };
    agent.scrape_until("sizes and statistics", measured).await
}

/// Checks that counters grow with real time and that no poll failed.
fn assert_continuous(before: &Scrape, since: Instant, after: &Scrape, what: &str) {
    let elapsed = since.elapsed().as_secs_f64();
    let grown = |family: &str| of_shop(after, family) - of_shop(before, family);
    let exhausted = grown("pgcommons_database_connections_exhausted_seconds_total");
    assert!(
        (0.0..elapsed + 1.0).contains(&exhausted),
        "{what}: {exhausted} s in {elapsed} s"
    );
    assert!(of_shop(after, "pgcommons_database_connections_peak") >= 2.0);
    let polls = |page: &Scrape| page.sum("pgcommons_polls_total", &[("poll", "activity")]);
    let polled = polls(after) - polls(before);
    assert!(
        polled >= 2.0 && polled < elapsed / 0.1 + 3.0,
        "{what}: {polled} in {elapsed} s"
    );
    assert_eq!(failed_polls(after), [""; 0], "{what}");
    let family = "pgcommons_poll_duration_seconds";
    for duration in after.series(family) {
        assert!((0.0..5.0).contains(&duration.value), "{what}: {duration:?}");
    }
}

#[tokio::test]
async fn an_agent_whose_clock_is_set_keeps_counting() {
    let cluster = trusting(&[]).await;
    let _open = exhausted(&cluster).await;
    let clock = WallClock::new();
    let dsn = cluster.url(AGENT, AGENT, "postgres");
    let agent = start_by(
        &clock,
        &format!("{QUICK}servers: {{a: {{dsn: '{dsn}'}}}}\n"),
    )
    .await;
    let mut before = until_measured(&agent).await;
    for offset in [HOUR, -HOUR, 0] {
        let since = Instant::now();
        clock.set(offset);
        let shown = |page: &Scrape| {
            let off = last_success(page, "activity") - now() - offset as f64;
            off.abs() < 5.0
        };
        agent.scrape_until("the new time", shown).await;
        let page = fresh(&agent).await;
        let measured = "pgcommons_database_sizes_oldest_timestamp_seconds";
        let age = now() + offset as f64 - page.value(measured, &[]).expect("sizes are known");
        assert!(
            (-0.1..30.0).contains(&age),
            "{offset} s: sizes are {age} s old"
        );
        assert_continuous(&before, since, &page, &format!("{offset} s"));
        before = page;
    }
}

#[tokio::test]
async fn a_server_whose_clock_is_set_is_still_polled() {
    let clock = WallClock::new();
    let env = clock.env();
    let env: Vec<_> = env
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let cluster = Cluster::start_with_env(&env, &[]);
    cluster.prepend_hba("host all all 127.0.0.1/32 trust");
    cluster.reload().await;
    let open = exhausted(&cluster).await;
    open[0]
        .batch_execute("BEGIN; SELECT 1")
        .await
        .expect("a transaction");
    let dsn = cluster.url(AGENT, AGENT, "postgres");
    let agent = super::start(&format!("{QUICK}servers: {{a: {{dsn: '{dsn}'}}}}\n")).await;
    let mut before = until_measured(&agent).await;
    for offset in [HOUR, -HOUR, 0] {
        let since = Instant::now();
        clock.set(offset);
        let servers = cluster
            .query_one_i64("SELECT extract(epoch FROM now())::int8")
            .await;
        let off = servers as f64 - now() - offset as f64;
        assert!(off.abs() < 5.0, "the server's clock is {off} s off");
        let step = last_success(&fresh(&agent).await, "activity");
        let again = |page: &Scrape| last_success(page, "stats") > step;
        let page = agent.scrape_until("new statistics", again).await;
        assert_continuous(&before, since, &page, &format!("{offset} s"));
        let oldest = page.series("pg_stat_activity_max_tx_duration");
        assert!(!oldest.is_empty());
        for oldest in oldest {
            assert!(oldest.value >= 0.0, "{offset} s: {oldest:?}");
        }
        assert!((last_success(&page, "activity") - now()).abs() < 5.0);
        before = page;
    }
}

/// The certificates of the server and its CA are valid for a month.
#[tokio::test]
async fn a_certificate_is_refused_outside_its_validity() {
    let cluster = Cluster::start_tls(&[], "");
    let create =
        format!("CREATE ROLE {CLIENT_ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor");
    cluster.sql(&create).await;
    let clock = WallClock::new();
    for (offset, fault, reason) in [
        (60 * DAY, "a certificate that has expired", "expired"),
        (
            -60 * DAY,
            "a certificate that is not valid yet",
            "not valid yet",
        ),
    ] {
        clock.set(offset);
        let (port, root): (u16, &Path) = (cluster.port(), &cluster.tls().ca);
        let keys = format!(
            "host: localhost, port: {port}, user: {CLIENT_ROLE}, password: {PASSWORD}, \
             sslmode: verify-full, sslrootcert: '{}'",
            root.display()
        );
        let agent = start_by(&clock, &format!("{FREQUENT}servers: {{a: {{{keys}}}}}\n")).await;
        let mut monitor = FaultMonitor::start(fault, &agent);
        let refused = |page: &Scrape| super::failures(page, "tls") > 0.0;
        agent.scrape_until("refused", refused).await;
        assert_unready(&agent, "tls").await;
        assert!(agent.log().contains(reason), "{}", agent.log());
        clock.set(0);
        monitor.fault_ended();
        agent.scrape_until("up", |page| up(page, "a")).await;
        monitor.assert_recovered();
    }
}
