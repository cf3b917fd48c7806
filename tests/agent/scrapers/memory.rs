//! Clients that stop reading, while the agent runs in a control group with the memory limit of the shipped compose files.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use tokio::net::TcpSocket;

use super::attackers::raise_file_limit;
use super::{LIMIT, connect};
use crate::support::{Agent, AgentSpec, Cluster, ControlGroup, Scrape, eventually, trusting};

const MEGABYTE: u64 = 1 << 20;
/// `mem_limit` of the compose files. The files for Kubernetes and systemd allow more.
const LIMIT_BYTES: u64 = 32 * MEGABYTE;
const METRICS: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: agent\r\n\r\n";

/// A control group with that limit, if this machine allows creating one.
fn group() -> Option<ControlGroup> {
    let group = ControlGroup::new(LIMIT_BYTES);
    let skipped = |why: &String| eprintln!("skipped, no control group can be made: {why}");
    group.inspect_err(skipped).ok()
}

/// Inserts rows into the catalogue, because the agent reads nothing else of a database, and a thousand real ones take 7 GB.
async fn insert_databases(cluster: &Cluster, count: u32) {
    let insert = format!(
        "DO $$ BEGIN
            CREATE TEMP TABLE tenant AS SELECT * FROM pg_database WHERE datname = 'postgres';
            UPDATE tenant SET datconnlimit = 7;
            FOR n IN 1..{count} LOOP
                UPDATE tenant SET oid = 100000 + n, datname = 'tenant_' || n;
                INSERT INTO pg_database SELECT * FROM tenant;
            END LOOP;
        END $$"
    );
    cluster.sql(&insert).await;
}

/// An agent in the group, with a page that changes ten times a second.
async fn confined(cluster: &Cluster, group: &ControlGroup, databases: u32) -> Agent {
    insert_databases(cluster, databases).await;
    let entrance = group.entrance();
    let agent = Agent::start(AgentSpec {
        env: &[("DATABASE_URL", &cluster.superuser_url())],
        config: Some("poll: {interval: 100ms}\nseries_limits: {databases: 2000}"),
        through: &entrance.each_ref().map(String::as_str),
        ..AgentSpec::default()
    })
    .await;
    let all = format!("datname=\"tenant_{databases}\"");
    let complete = |page: &Scrape| {
        let stats = [("poll", "stats"), ("outcome", "ok")];
        page.text().contains(&all) && page.value("pgcommons_polls_total", &stats) > Some(0.0)
    };
    agent.scrape_until("all databases", complete).await;
    agent
}

/// The line of the page that changes with each poll.
async fn poll_count(agent: &Agent) -> String {
    let page = agent.get("/metrics").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let is_count = |line: &&str| {
        line.starts_with("pgcommons_polls_total")
            && line.contains("poll=\"activity\",outcome=\"ok\"")
    };
    text.lines().find(is_count).expect("polls").to_owned()
}

/// Requests the page, reads the beginning of the answer and stops reading.
fn stopped_reader(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(METRICS).expect("it reads");
    stream
        .read_exact(&mut [0; 100])
        .expect("the newest answer is always sent");
    stream
}

async fn stopped_readers_of_different_pages(databases: u32, readers: usize) {
    let Some(group) = group() else { return };
    let cluster = trusting(&[]).await;
    let agent = confined(&cluster, &group, databases).await;
    let before = group.used();
    let (mut open, mut most, mut last) = (Vec::new(), before, poll_count(&agent).await);
    for _ in 0..readers {
        open.push(stopped_reader(agent.address()));
        most = most.max(group.used());
        let next = eventually(LIMIT, "another page", async || {
            let now = poll_count(&agent).await;
            (now != last).then_some(now)
        });
        last = next.await;
    }
    eprintln!(
        "{databases} databases, {readers} stopped readers: {before} bytes before, {most} at most"
    );
    assert_eq!(group.kills(), 0);
    assert!(most < LIMIT_BYTES, "{most}");
}

#[tokio::test]
async fn stopped_readers_of_300_databases_fit_into_32_megabytes() {
    stopped_readers_of_different_pages(300, 60).await;
}

#[tokio::test]
async fn stopped_readers_of_1000_databases_fit_into_32_megabytes() {
    stopped_readers_of_different_pages(1_000, 25).await;
}

/// A client with a minimal receive buffer, so that its answer stays in the kernel's memory.
async fn client_that_reads_nothing(address: SocketAddr, request: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("files enough");
    socket.set_recv_buffer_size(1).expect("the minimum");
    let stream = socket.connect(address).await.expect("it listens");
    let mut stream = stream.into_std().expect("a socket");
    stream.write_all(request).expect("it reads");
    stream
}

/// The whole answer fits into the kernel's buffer, and the client wants the connection closed after it.
#[tokio::test]
async fn unread_answers_before_a_close_fit_into_32_megabytes() {
    let Some(group) = group() else { return };
    raise_file_limit();
    let cluster = trusting(&[]).await;
    let agent = confined(&cluster, &group, 300).await;
    let (before, mut most, mut open) = (group.used(), 0, Vec::new());
    let request = b"GET /metrics HTTP/1.1\r\nHost: agent\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    for _ in 0..60 {
        for _ in 0..10 {
            open.push(client_that_reads_nothing(agent.address(), request).await);
        }
        poll_count(&agent).await;
        most = most.max(group.used());
    }
    eprintln!("600 closed connections: {before} bytes before, {most} at most");
    assert_eq!(group.kills(), 0);
    assert!(most < LIMIT_BYTES, "{most}");
}
