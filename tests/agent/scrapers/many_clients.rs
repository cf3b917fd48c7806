//! More connections than the agent serves, which clients keep open as long as they can.

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::attackers::{Attack, Attackers};
use super::scraper::scrape_during;
use super::{GET, connect, expect_recovery, held, with_a_large_page, without_server};
use crate::support::{Agent, HttpReply, WebFolder, exchange};

const SCRAPER_ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OTHER_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const ATTACK_TIME: Duration = Duration::from_secs(4);

/// Runs these numbers of attackers while a scraper opens a new connection from the same address for each scrape.
async fn attack(
    agent: &Agent,
    attacks: &[(Attack, usize)],
    scrape: impl FnMut() -> std::io::Result<HttpReply>,
    least_polls: f64,
) {
    let name = format!("{attacks:?}");
    let before = held(agent);
    let mut attackers = Vec::new();
    for (attack, count) in attacks {
        let addresses = (SCRAPER_ADDRESS, agent.address());
        attackers.push(Attackers::start(addresses, *attack, *count).await);
    }
    scrape_during(&name, (ATTACK_TIME, least_polls), scrape);
    let during = held(agent);
    let reconnects: Vec<_> = attackers.into_iter().map(Attackers::stop).collect();
    eprintln!("{name}: disconnected and reconnected: {reconnects:?}");
    assert!(during.files < before.files + 560, "{before:?}, {during:?}");
    expect_recovery(agent, &name, before, during).await;
}

#[tokio::test]
async fn thousands_of_idle_and_slow_clients_lock_out_no_scraper() {
    let (_cluster, agent) = with_a_large_page().await;
    let scrape = || exchange(agent.address(), "GET", "/metrics", &[]);
    for attacks in [
        [(Attack::Idle, 1000)].as_slice(),
        &[(Attack::SlowHead, 1000)],
        &[(Attack::SlowReader, 1000)],
        &[
            (Attack::Idle, 1000),
            (Attack::SlowHead, 1000),
            (Attack::SlowReader, 1000),
        ],
    ] {
        attack(&agent, attacks, scrape, 1.0).await;
    }
}

#[tokio::test]
async fn a_thousand_unfinished_handshakes_lock_out_no_scraper() {
    let folder = WebFolder::new();
    let web = folder.write("tls_server_config: {cert_file: web.crt, key_file: web.key}\n");
    let agent = Agent::start(crate::support::AgentSpec {
        args: &["--web.config.file", &web],
        env: &[("DATABASE_URL", "postgres://127.0.0.1:1")],
        ..crate::support::AgentSpec::default()
    })
    .await;
    let client = folder.client();
    let scrape = || client.get(agent.address(), "/metrics");
    for kind in [Attack::Idle, Attack::SlowHandshake, Attack::SlowHead] {
        attack(&agent, &[(kind, 1000)], scrape, 0.0).await;
    }
}

/// Clients from another address than the attackers' keep even their open connections.
#[tokio::test]
async fn clients_from_other_addresses_keep_their_connections() {
    let agent = without_server().await;
    let mut kept = connect(agent.address());
    let mut request = || {
        kept.write_all(format!("{GET}\r\n").as_bytes())
            .expect("it is open");
        let mut answer = [0; 15];
        kept.read_exact(&mut answer).expect("it is open");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let mut rest = Vec::new();
        while !rest.ends_with(b"healthy\n") {
            let mut byte = [0];
            kept.read_exact(&mut byte).expect("it is open");
            rest.extend(byte);
        }
    };
    request();
    let from = (OTHER_ADDRESS, agent.address());
    let attackers = Attackers::start(from, Attack::Idle, 1000).await;
    let scrape = || exchange(agent.address(), "GET", "/metrics", &[]);
    scrape_during("1000 from another address", (ATTACK_TIME, 0.0), scrape);
    request();
    assert!(attackers.stop() > 500, "too few were disconnected");
}
