//! Hostile scrapers: they cost the agent little memory and few file descriptors, and they do not delay other scrapers.

mod attackers;
mod bodies;
mod connections;
mod files;
mod many_clients;
mod memory;
mod requests;
mod scraper;
mod slow;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::support::{Agent, AgentSpec, Cluster, Scrape, eventually, trusting};

const LIMIT: Duration = Duration::from_secs(20);
/// Memory that an attack may cost a test build of the agent, in kB.
const MEMORY: u64 = 48_000;
const GET: &str = "GET /-/healthy HTTP/1.1\r\nHost: agent\r\n";

async fn without_server() -> Agent {
    let spec = AgentSpec {
        env: &[("DATABASE_URL", "postgres://127.0.0.1:1")],
        ..AgentSpec::default()
    };
    Agent::start(spec).await
}

/// An agent with a page of 1 MB, which changes every second.
async fn with_a_large_page() -> (Cluster, Agent) {
    let cluster = trusting(&[]).await;
    let create = "DO $$ BEGIN FOR n IN 1..2400 LOOP EXECUTE 'CREATE ROLE role_' || n || ' LOGIN'; END LOOP; END $$";
    cluster.sql(create).await;
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &cluster.superuser_url())],
        config: Some("series_limits: {roles: 5000}"),
        ..AgentSpec::default()
    })
    .await;
    let page = agent.scrape_until("all roles", |page| page.text().len() > 1_000_000);
    page.await;
    (cluster, agent)
}

/// The agent's memory in kB, and its open file descriptors.
#[derive(Clone, Copy, Debug)]
struct Held {
    memory: u64,
    files: usize,
}

fn held(agent: &Agent) -> Held {
    let folder = format!("/proc/{}", agent.pid());
    let status = std::fs::read_to_string(format!("{folder}/status")).expect("the agent runs");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = resident.and_then(|size| size.split_whitespace().next()?.parse().ok());
    let files = std::fs::read_dir(Path::new(&folder).join("fd"));
    Held {
        memory: memory.expect("a number"),
        files: files.expect("the agent runs").count(),
    }
}

/// Prints the cost of an attack. Waits until the file descriptors are closed, and asserts the limit of memory.
async fn expect_recovery(agent: &Agent, attack: &str, before: Held, during: Held) {
    let closed = async || {
        let now = held(agent);
        (now.files <= before.files + 2).then_some(now)
    };
    let after = eventually(LIMIT, "the file descriptors are closed", closed).await;
    eprintln!("{attack}: before {before:?}, during {during:?}, after {after:?}");
    let most = during.memory.max(after.memory);
    assert!(
        most < before.memory + MEMORY,
        "{attack}: {before:?}, {during:?}, {after:?}"
    );
}

fn polls(page: &Scrape) -> f64 {
    let ok = [("poll", "activity"), ("outcome", "ok")];
    page.sum("pgcommons_polls_total", &ok)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, LIMIT).expect("it listens");
    let set = stream.set_read_timeout(Some(LIMIT));
    set.and_then(|()| stream.set_write_timeout(Some(LIMIT)))
        .expect("a timeout can be set");
    stream
}

/// Sends these bytes, or as many as the agent accepts, and reads until the agent closes the connection.
fn answer_to(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    // The agent may close the connection before it has read everything.
    let _ = stream.write_all(bytes);
    rest_of(&mut stream)
}

fn rest_of(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
    String::from_utf8(answer).expect("answers are UTF-8")
}

fn statuses(answer: &str) -> Vec<&str> {
    let lines = answer.lines();
    lines
        .filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3))
        .collect()
}
