//! Slow readers: the memory limit of all their answers, and which of them are reset above it.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{connect, with_a_large_page};
use crate::support::{Agent, Scrape, exchange};

const METRICS: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";
/// The limit of unread answers for pages of a megabyte.
const MAX_UNREAD: f64 = 10.0 * 1024.0 * 1024.0;

/// Requests the page and reads the beginning of the answer.
fn begin(agent: &Agent) -> TcpStream {
    let mut stream = connect(agent.address());
    stream.write_all(METRICS).expect("it reads");
    stream
        .read_exact(&mut [0; 15])
        .expect("the newest answer is sent");
    stream
}

fn closed(page: &Scrape, reason: &str) -> Option<f64> {
    let reason = [("reason", reason)];
    page.value("pgcommons_http_connections_closed_total", &reason)
}

fn unread(page: &Scrape) -> Option<f64> {
    page.value("pgcommons_http_unread_bytes", &[])
}

/// Whether the connection was reset, even if received data is unread. Only the first call reports a reset.
fn is_reset(stream: &TcpStream) -> bool {
    stream.take_error().expect("it can be asked").is_some()
}

/// Reads to the end, and asserts that the page is complete.
fn read_page(stream: &mut TcpStream) {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("no reset");
    let page = rest.split_once("\r\n\r\n").expect("a head").1;
    assert!(
        Scrape::parse(page)
            .value("pgcommons_build_info", &[])
            .is_some()
    );
}

#[tokio::test]
async fn beyond_the_limit_the_slowest_are_reset_and_counted() {
    let (_cluster, agent) = with_a_large_page().await;
    assert_eq!(unread(&agent.scrape().await), Some(0.0));
    let mut readers = Vec::new();
    for _ in 0..6 {
        readers.extend((0..20).map(|_| begin(&agent)));
        let page = agent.scrape().await;
        assert!(unread(&page) <= Some(MAX_UNREAD), "{:?}", unread(&page));
    }
    read_page(&mut begin(&agent));
    let mut reset = 0;
    let counts_resets = |page: &Scrape| {
        reset += readers.extract_if(.., |reader| is_reset(reader)).count();
        // On a slow machine some of them are closed because they made no request for too long.
        let counted = page.sum("pgcommons_http_connections_closed_total", &[]);
        counted.to_string() == reset.to_string()
    };
    let page = agent
        .scrape_until("every reset is counted", counts_resets)
        .await;
    assert!(closed(&page, "unread_limit") >= Some(30.0));
    drop(readers);
    agent
        .scrape_until("no answer is unread", |page| unread(page) == Some(0.0))
        .await;
}

/// They read like scrapers in a slow network, each another page.
#[tokio::test]
async fn slow_scrapers_get_the_whole_page_while_there_is_room() {
    let (_cluster, agent) = with_a_large_page().await;
    let polls = |page: &Scrape| super::polls(page);
    let mut scrapers = Vec::new();
    for _ in 0..4 {
        scrapers.push(begin(&agent));
        let before = polls(&agent.scrape().await);
        agent
            .scrape_until("another page", |page| polls(page) > before)
            .await;
    }
    let mut piece = vec![0; 64 * 1024];
    for _ in 0..10 {
        for scraper in &mut scrapers {
            scraper.read_exact(&mut piece).expect("no reset");
        }
        assert_eq!(agent.get("/-/healthy").await.status, 200);
    }
    assert!(unread(&agent.scrape().await) > Some(1e6));
    for mut scraper in scrapers {
        let mut rest = Vec::new();
        scraper.read_to_end(&mut rest).expect("no reset");
        assert!(
            rest.ends_with(b"\n") && rest.len() > 300_000,
            "{}",
            rest.len()
        );
    }
    assert_eq!(closed(&agent.scrape().await, "unread_limit"), Some(0.0));
}

/// Many concurrent scrapers are not slow readers.
#[tokio::test]
async fn two_dozen_scrapers_at_once_are_all_answered() {
    let (_cluster, agent) = with_a_large_page().await;
    let address = agent.address();
    let scrape = move || {
        for _ in 0..3 {
            let page = exchange(address, "GET", "/metrics", &[]).expect("no reset");
            assert!(page.body.ends_with(b"\n") && page.body.len() > 1_000_000);
        }
    };
    let scrapers: Vec<_> = (0..24).map(|_| std::thread::spawn(scrape)).collect();
    for scraper in scrapers {
        scraper.join().expect("all are answered");
    }
    assert_eq!(closed(&agent.scrape().await, "unread_limit"), Some(0.0));
}
