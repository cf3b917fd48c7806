//! Connections with many requests, without requests, and ones that are closed early.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use tokio::time::Instant;

use super::{
    GET, connect, expect_recovery, held, rest_of, statuses, with_a_large_page, without_server,
};
use crate::support::{Agent, eventually};

const METRICS: &str = "GET /metrics HTTP/1.1\r\nHost: agent\r\n";

/// Reads this many answers of any length.
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
        // The agent stops reading while its answers are not read.
        let writer = std::thread::spawn(move || writing.write_all(requests.as_bytes()));
        read_answers(stream, 1_000);
        writer.join().expect("no panic").expect("all are accepted");
    }
    let during = held(&agent);
    drop(streams);
    expect_recovery(&agent, "1,000 requests at once, 10 times", before, during).await;
}

/// Waits for an answer without reading it. SIGSTOP and SIGCONT interrupt the call, so it is repeated.
fn wait_for_answer(stream: &TcpStream) {
    while let Err(error) = stream.peek(&mut [0]) {
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
    }
}

#[tokio::test]
async fn a_client_that_stops_sending_gets_the_whole_answer() {
    let (_cluster, agent) = with_a_large_page().await;
    for path in ["/-/healthy", "/metrics"] {
        let mut stream = connect(agent.address());
        let request = format!("GET {path} HTTP/1.1\r\nHost: agent\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        wait_for_answer(&stream);
        stream.shutdown(Shutdown::Write).expect("it is open");
        // After this answer the agent has noticed the shutdown, while the page is still unread.
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
        // The unread data turns each close into a reset.
    }
    let during = held(&agent);
    expect_recovery(&agent, "500 connections cut in the page", before, during).await;
}

/// A client that makes no further request, and what it does meanwhile.
struct IdleClient {
    name: &'static str,
    stream: TcpStream,
    act: fn(&mut TcpStream),
}

fn idle_client(
    agent: &Agent,
    name: &'static str,
    begin: &str,
    act: fn(&mut TcpStream),
) -> IdleClient {
    let mut stream = connect(agent.address());
    stream.write_all(begin.as_bytes()).expect("it reads");
    IdleClient { name, stream, act }
}

fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("it can be set");
    // A reset is visible even before received data is read.
    let reset = stream.take_error().expect("it can be asked").is_some();
    reset
        || match stream.peek(&mut [0]) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
}

/// Even if the connection table is not full.
#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let (_cluster, agent) = with_a_large_page().await;
    let (page, healthy) = (format!("{METRICS}\r\n"), format!("{GET}\r\n"));
    let mut clients = vec![
        idle_client(&agent, "silent", "", |_| {}),
        idle_client(&agent, "a slow head", GET, |stream| {
            drop(stream.write(b"x"));
        }),
        idle_client(&agent, "idle after an answer", &healthy, |stream| {
            drop(stream.read(&mut [0; 999]));
        }),
        idle_client(&agent, "a slow reader", &page, |stream| {
            drop(stream.read(&mut [0; 100]));
        }),
    ];
    let start = Instant::now();
    let all_closed = async || {
        clients.retain_mut(|client| {
            let (name, time) = (client.name, start.elapsed());
            let closed = is_closed(&client.stream);
            if closed {
                eprintln!("{name}: closed after {time:?}");
                assert!(time > Duration::from_secs(35), "{name}: {time:?}");
            } else {
                (client.act)(&mut client.stream);
            }
            !closed
        });
        clients.is_empty().then_some(())
    };
    eventually(Duration::from_mins(1), "all are closed", all_closed).await;
    let page = agent.scrape().await;
    let closed = "pgcommons_http_connections_closed_total";
    for (reason, count) in [("no_request", 4.0), ("connection_limit", 0.0)] {
        let closed = page.value(closed, &[("reason", reason)]);
        assert_eq!(closed, Some(count), "{reason}");
    }
}
