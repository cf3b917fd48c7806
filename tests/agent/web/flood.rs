//! Password guessing delays neither polls nor verified clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

use super::{basic, hash_of_cost};
use crate::support::{Agent, AgentSpec, Cluster, Scrape, WebFolder, exchange};

/// Many clients that send wrong passwords concurrently.
struct Flood {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<u16>>>,
}

impl Flood {
    fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |n| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || wrong_passwords(address, n, &stop))
        };
        let clients = (0..40).map(client).collect();
        Self { stop, clients }
    }

    /// Stops the clients and returns the statuses of all answers.
    fn stop(self) -> Vec<u16> {
        self.stop.store(true, Ordering::Relaxed);
        let clients = self.clients.into_iter();
        clients
            .flat_map(|client| client.join().expect("no panic"))
            .collect()
    }
}

fn wrong_passwords(address: SocketAddr, n: usize, stop: &AtomicBool) -> Vec<u16> {
    let mut statuses = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let name = ["alice", "unknown"][n % 2];
        let header = basic(name, &format!("{n}-{}", statuses.len()));
        let reply = exchange(address, "GET", "/metrics", &[("Authorization", &header)]);
        statuses.push(reply.map_or(0, |reply| reply.status));
    }
    statuses
}

fn polls(page: &Scrape) -> f64 {
    let ok = [("poll", "activity"), ("outcome", "ok")];
    page.sum("pgcommons_polls_total", &ok)
}

/// The slowest scrape in three seconds, and the number of polls in that time.
fn scrapes(agent: &Agent, header: &str) -> (Duration, f64) {
    let mut pages = Vec::new();
    let mut slowest = Duration::ZERO;
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        let start = Instant::now();
        let headers = [("Authorization", header)];
        let reply = exchange(agent.address(), "GET", "/metrics", &headers).expect("an answer");
        slowest = slowest.max(start.elapsed());
        assert_eq!(reply.status, 200);
        pages.push(Scrape::parse(&reply.text()));
    }
    let (first, last) = (&pages[0], &pages[pages.len() - 1]);
    (slowest, polls(last) - polls(first))
}

#[tokio::test]
async fn wrong_passwords_delay_neither_polls_nor_verified_clients() {
    let cluster = Cluster::start(&[]);
    let hash = hash_of_cost("a-pw", 8);
    let web = WebFolder::new();
    let web = web.write(&format!("basic_auth_users: {{alice: '{hash}'}}\n"));
    let agent = Agent::start(AgentSpec {
        args: &["--web.config.file", &web],
        env: &[("DATABASE_URL", &cluster.superuser_url())],
        config: Some("poll: {interval: 100ms}\n"),
        ..AgentSpec::default()
    })
    .await;
    let header = basic("alice", "a-pw");
    let verified = agent.get_with("/", &[("Authorization", &header)]).await;
    assert_eq!(verified.status, 200);
    let flood = Flood::start(agent.address());
    let (slowest, polled) = scrapes(&agent, &header);
    let mut answers = flood.stop();
    assert!(polled > 3.0, "{polled} polls in 3 s");
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    answers.sort_unstable();
    answers.dedup();
    assert_eq!(answers, [401, 503], "rejected, or too many were waiting");
}
