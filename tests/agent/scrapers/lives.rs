//! Connections that live long, or end at the wrong moment.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use tokio::time::Instant;

use super::{
    GET, connect, expect_recovery, held, rest_of, statuses, with_a_large_page, without_server,
};
use crate::support::{Agent, eventually};

const METRICS: &str = "GET /metrics HTTP/1.1\r\nHost: agent\r\n";

/// Reads the answers to so many requests, of whatever length.
fn read_answers(stream: &TcpStream, count: usize) {
    let mut reader = BufReader::new(stream);
    for n in 0..count {
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader
                .read_line(&mut line)
                .expect("an answer within the limit");
            if let Some(bytes) = line.strip_prefix("content-length: ") {
                length = bytes.trim_end().parse().expect("a number");
            }
            assert!(!line.is_empty(), "closed after {n} answers");
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the whole body");
    }
}

#[tokio::test]
async fn a_connection_serves_thousands_of_requests_without_growing() {
    let agent = without_server().await;
    let before = held(&agent);
    let stream = connect(agent.address());
    let request = format!("{METRICS}\r\n");
    for _ in 0..5_000 {
        (&stream).write_all(request.as_bytes()).expect("it is open");
        read_answers(&stream, 1);
    }
    let during = held(&agent);
    drop(stream);
    expect_recovery(&agent, "5,000 requests in one connection", before, during).await;
}

#[tokio::test]
async fn a_thousand_requests_at_once_are_a_thousand_answers() {
    let agent = without_server().await;
    let before = held(&agent);
    let requests = format!("{METRICS}\r\n").repeat(1_000);
    let streams: Vec<_> = (0..10).map(|_| connect(agent.address())).collect();
    for stream in &streams {
        let mut writing = stream.try_clone().expect("files enough");
        let requests = requests.clone();
        // What is not read is not written for ever.
        let writer = std::thread::spawn(move || writing.write_all(requests.as_bytes()));
        read_answers(stream, 1_000);
        writer.join().expect("no panic").expect("all are taken");
    }
    let during = held(&agent);
    drop(streams);
    expect_recovery(&agent, "1,000 requests at once, 10 times", before, during).await;
}

/// Leaves the answer where it is. A process that was stopped for a moment has its waiting interrupted, which is no answer.
fn until_answered(stream: &TcpStream) {
    while let Err(error) = stream.peek(&mut [0]) {
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    }
}

#[tokio::test]
async fn whoever_has_only_stopped_to_write_gets_the_whole_answer() {
    let (_cluster, agent) = with_a_large_page().await;
    for path in ["/-/healthy", "/metrics"] {
        let mut stream = connect(agent.address());
        let request = format!("GET {path} HTTP/1.1\r\nHost: agent\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        until_answered(&stream);
        stream.shutdown(Shutdown::Write).expect("it is open");
        // By then the agent has seen it, in the middle of a page that nobody reads.
        assert_eq!(agent.get("/-/healthy").await.status, 200);
        let answer = rest_of(&mut stream);
        assert_eq!(statuses(&answer), ["200"], "{path}");
        let whole = agent.get(path).await.body.len();
        assert!(
            answer.len() > whole * 9 / 10,
            "{path}: {} of {whole}",
            answer.len()
        );
    }
}

#[tokio::test]
async fn connections_cut_in_the_middle_of_the_page_leave_nothing() {
    let (_cluster, agent) = with_a_large_page().await;
    let before = held(&agent);
    for _ in 0..10 {
        let mut clients: Vec<_> = (0..50).map(|_| connect(agent.address())).collect();
        for client in &mut clients {
            let request = format!("{METRICS}\r\n");
            client.write_all(request.as_bytes()).expect("it reads");
            client
                .read_exact(&mut [0; 10_000])
                .expect("the beginning of the page");
        }
        // What they have not read makes a reset of each end.
    }
    let during = held(&agent);
    expect_recovery(&agent, "500 connections cut in the page", before, during).await;
}

/// A client that has begun, and how it goes on.
struct Lingerer {
    name: &'static str,
    stream: TcpStream,
    go_on: fn(&mut TcpStream),
}

fn lingerer(agent: &Agent, name: &'static str, begin: &str, go_on: fn(&mut TcpStream)) -> Lingerer {
    let mut stream = connect(agent.address());
    stream.write_all(begin.as_bytes()).expect("it reads");
    Lingerer {
        name,
        stream,
        go_on,
    }
}

fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("it can be set");
    // A reset is seen even before what has come is read.
    let reset = stream.take_error().expect("it can be asked").is_some();
    reset
        || match stream.peek(&mut [0]) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
}

/// Also when nobody else wants the seat.
#[tokio::test]
async fn whoever_makes_no_request_for_long_is_closed() {
    let (_cluster, agent) = with_a_large_page().await;
    let (page, healthy) = (format!("{METRICS}\r\n"), format!("{GET}\r\n"));
    let mut lingerers = vec![
        lingerer(&agent, "silent", "", |_| {}),
        lingerer(&agent, "a slow head", GET, |stream| {
            drop(stream.write(b"x"));
        }),
        lingerer(&agent, "idle after an answer", &healthy, |stream| {
            drop(stream.read(&mut [0; 999]));
        }),
        lingerer(&agent, "a slow reader", &page, |stream| {
            drop(stream.read(&mut [0; 100]));
        }),
    ];
    let start = Instant::now();
    let all_closed = async || {
        lingerers.retain_mut(|lingerer| {
            let (name, time) = (lingerer.name, start.elapsed());
            let closed = is_closed(&lingerer.stream);
            if closed {
                eprintln!("{name}: closed after {time:?}");
                assert!(time > Duration::from_secs(35), "{name}: {time:?}");
            } else {
                (lingerer.go_on)(&mut lingerer.stream);
            }
            !closed
        });
        lingerers.is_empty().then_some(())
    };
    eventually(Duration::from_mins(1), "all are closed", all_closed).await;
    let page = agent.scrape().await;
    let closed = "pgcommons_http_connections_closed_total";
    for (reason, count) in [("no_request", 4.0), ("connection_limit", 0.0)] {
        let closed = page.value(closed, &[("reason", reason)]);
        assert_eq!(closed, Some(count), "{reason}");
    }
}
