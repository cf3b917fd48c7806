//! An hour of polls at full speed while tenants are created and dropped: memory and file descriptors do not grow. It takes
//! minutes, so only `make soak` runs it.

use std::convert::Infallible;
use std::fs;

use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, Scrape, create_agent_role, create_tenant, sessions, trusting,
};

/// Three pollers need two minutes.
const SERVERS: [&str; 3] = ["a", "b", "c"];
const POLLS: f64 = 3_600.0;
const SAMPLES: u32 = 24;
/// Only large growth fails: the allocator takes and returns pages at any time.
const MAX_GROWTH: f64 = 1_000_000.0;
/// Scrapes and logins may be in progress when a sample is taken.
const MAX_MORE_FILES: f64 = 6.0;

/// The resources after a number of polls.
#[derive(Clone, Copy, Debug)]
struct Sample {
    polls: f64,
    resident: f64,
    anonymous: f64,
    files: f64,
}

impl Sample {
    fn take(agent: &Agent, page: &Scrape) -> Self {
        let status = fs::read_to_string(format!("/proc/{}/status", agent.pid()));
        let status = status.expect("it runs");
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            kilobytes.map_or_else(|| panic!("{name} in {status}"), |kb: f64| kb * 1024.0)
        };
        Self {
            polls: polls(page),
            resident: bytes("VmRSS:"),
            anonymous: bytes("RssAnon:"),
            files: page.value("process_open_fds", &[]).expect("its files"),
        }
    }
}

fn polls(page: &Scrape) -> f64 {
    page.sum("pgcommons_polls_total", &[("poll", "activity")])
}

async fn start(cluster: &Cluster) -> Agent {
    create_agent_role(cluster).await;
    let url = cluster.url(AGENT, AGENT, "postgres");
    let servers = SERVERS.map(|name| format!("  {name}: {{dsn: '{url}'}}\n"));
    let config = format!(
        "poll: {{interval: 100ms, window: 5s}}\nstats: {{interval: 1s}}\n\
         sizes: {{interval: 1s, max_time_fraction: 0.1}}\nservers:\n{}",
        servers.concat()
    );
    Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await
}

/// Tenants with sessions, application names and queries. Sometimes the agent loses its sessions or reads its configuration
/// again.
async fn churn(cluster: &Cluster, agent: &Agent) -> Infallible {
    let admin = cluster.admin().await;
    let mut turn: u32 = 0;
    loop {
        turn += 1;
        let tenant = format!("tenant_{}", turn % 10);
        create_tenant(cluster, &tenant, 5).await;
        for (n, session) in sessions(cluster, &tenant, 3).await.into_iter().enumerate() {
            let sql = format!("SET application_name = 'app_{turn}_{n}'; SELECT {turn} AS x{n}");
            session.batch_execute(&sql).await.expect("a statement");
            session.close().await;
        }
        let drops = [
            format!("DROP DATABASE {tenant} WITH (FORCE)"),
            format!("DROP ROLE {tenant}"),
        ];
        for sql in drops {
            admin.batch_execute(&sql).await.expect("a dropped tenant");
        }
        match turn % 20 {
            5 => agent.signal("HUP"),
            15 => {
                let ours = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                            WHERE application_name = 'pgcommons'";
                admin.value(ours).await;
            }
            _ => {}
        }
    }
}

async fn scrape(agent: &Agent) -> Infallible {
    loop {
        for path in [
            "/metrics",
            "/metrics?server=a",
            "/",
            "/-/ready",
            "/metrics?server=x",
        ] {
            agent.get_with(path, &[("accept-encoding", "gzip")]).await;
        }
    }
}

async fn measured(agent: &Agent, most: f64) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    eprintln!("   polls  resident  anonymous  files");
    for n in 1..=SAMPLES {
        let wanted = most * f64::from(n) / f64::from(SAMPLES);
        let page = agent
            .scrape_until("more polls", |page| polls(page) >= wanted)
            .await;
        let Sample {
            polls,
            resident,
            anonymous,
            files,
        } = Sample::take(agent, &page);
        eprintln!("{polls:8} {resident:9} {anonymous:10} {files:6}");
        samples.push(Sample::take(agent, &page));
    }
    samples
}

fn mean(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    let count = u32::try_from(samples.len()).expect("some samples");
    samples.iter().map(of).sum::<f64>() / f64::from(count)
}

/// The slope of the regression line through all samples, in bytes per thousand polls.
fn slope(samples: &[Sample]) -> f64 {
    let (x, y) = (mean(samples, |s| s.polls), mean(samples, |s| s.anonymous));
    let of = |s: &Sample| (s.polls - x) * (s.anonymous - y);
    1000.0 * mean(samples, of) / mean(samples, |s| (s.polls - x).powi(2))
}

#[tokio::test]
#[ignore = "takes minutes: make soak"]
async fn memory_and_files_stay_flat_over_an_hour_of_polls() {
    let most = std::env::var("SOAK_POLLS").ok();
    let most = most.map_or(POLLS, |most| most.parse().expect("a number of polls"));
    let cluster = trusting(&[]).await;
    let agent = start(&cluster).await;
    let samples = tokio::select! {
        samples = measured(&agent, most) => samples,
        never = churn(&cluster, &agent) => match never {},
        never = scrape(&agent) => match never {},
    };
    let slope = slope(&samples);
    eprintln!("slope: {slope:.0} bytes of anonymous memory for 1,000 polls");
    let third = samples.len() / 3;
    let (first, last) = (&samples[..third], &samples[samples.len() - third..]);
    let growth = mean(last, |s| s.anonymous) - mean(first, |s| s.anonymous);
    eprintln!("last third against the first: {growth:.0} bytes");
    assert!(growth < MAX_GROWTH, "{growth} bytes more");
    let files = mean(last, |s| s.files) - mean(first, |s| s.files);
    assert!(files < MAX_MORE_FILES, "{files} files more");
}
