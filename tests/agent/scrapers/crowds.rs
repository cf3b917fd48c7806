//! More connections than are served, which are held for as long as the agent lets them.

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::good::scrapes;
use super::siege::{Attack, Siege};
use super::{GET, connect, expect_recovery, held, with_a_large_page, without_server};
use crate::support::{Agent, HttpReply, WebFolder, exchange};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const SIEGE: Duration = Duration::from_secs(4);

/// Lays siege with these and so many, while a scraper comes from the same address, with a new connection each time.
async fn besiege(
    agent: &Agent,
    attacks: &[(Attack, usize)],
    scrape: impl FnMut() -> std::io::Result<HttpReply>,
    least_polls: f64,
) {
    let name = format!("{attacks:?}");
    let before = held(agent);
    let mut sieges = Vec::new();
    for (attack, count) in attacks {
        sieges.push(Siege::lay((HERE, agent.address()), *attack, *count).await);
    }
    scrapes(&name, (SIEGE, least_polls), scrape);
    let during = held(agent);
    let back: Vec<_> = sieges.into_iter().map(Siege::lift).collect();
    eprintln!("{name}: thrown out and back: {back:?}");
    assert!(during.files < before.files + 560, "{before:?}, {during:?}");
    expect_recovery(agent, &name, before, during).await;
}

#[tokio::test]
async fn a_thousand_idle_and_a_thousand_slow_clients_keep_nobody_out() {
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
        besiege(&agent, attacks, scrape, 1.0).await;
    }
}

#[tokio::test]
async fn a_thousand_who_never_shake_hands_keep_nobody_out() {
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
    for attack in [Attack::Idle, Attack::SlowHandshake, Attack::SlowHead] {
        besiege(&agent, &[(attack, 1000)], scrape, 0.0).await;
    }
}

/// Those who come from another address keep even the connections that they have.
#[tokio::test]
async fn those_from_elsewhere_keep_their_connections() {
    let agent = without_server().await;
    let mut kept = connect(agent.address());
    let mut ask = || {
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
    ask();
    let from = (ELSEWHERE, agent.address());
    let siege = Siege::lay(from, Attack::Idle, 1000).await;
    let scrape = || exchange(agent.address(), "GET", "/metrics", &[]);
    scrapes("1000 from elsewhere", (SIEGE, 0.0), scrape);
    ask();
    assert!(siege.lift() > 500, "they were thrown out");
}
