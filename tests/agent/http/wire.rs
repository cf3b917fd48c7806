//! Unusual bytes on the connection: reused connections, pipelined requests, malformed heads.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::without_server;

const LIMIT: Duration = Duration::from_secs(10);
const GET: &str = "GET /-/healthy HTTP/1.1\r\nHost: agent\r\n";

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, LIMIT).expect("it listens");
    stream
        .set_read_timeout(Some(LIMIT))
        .expect("a timeout can be set");
    stream
}

/// Sends these bytes and reads until the agent closes the connection.
fn answer_to(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(bytes).expect("it reads");
    let mut answer = Vec::new();
    // Unread bytes cause a reset after the answer. The answer is complete before it.
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    String::from_utf8(answer).expect("answers are UTF-8")
}

/// Reads one answer of `/-/healthy`.
fn read_healthy(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\nhealthy\n") {
        let mut byte = [0];
        let read = stream.read_exact(&mut byte);
        read.unwrap_or_else(|error| panic!("{error} after {answer:?}"));
        answer.push(char::from(byte[0]));
    }
    answer
}

/// An open connection that the agent has accepted.
pub(super) fn kept_open(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream
        .write_all(format!("{GET}\r\n").as_bytes())
        .expect("it reads");
    read_healthy(&mut stream);
    stream
}

fn statuses(answer: &str) -> Vec<&str> {
    answer
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3))
        .collect()
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let agent = without_server().await;
    let mut stream = kept_open(agent.address());
    for _ in 0..2 {
        stream
            .write_all(format!("{GET}\r\n").as_bytes())
            .expect("it is still open");
        assert_eq!(statuses(&read_healthy(&mut stream)), ["200"]);
    }
}

#[tokio::test]
async fn requests_sent_without_waiting_are_answered_in_order() {
    let agent = without_server().await;
    let requests = format!(
        "{GET}\r\nGET /nowhere HTTP/1.1\r\nHost: agent\r\n\r\n\
         POST / HTTP/1.1\r\nHost: agent\r\nContent-Length: 4\r\n\r\nbody{GET}Connection: close\r\n\r\n"
    );
    let answer = answer_to(agent.address(), requests.as_bytes());
    assert_eq!(statuses(&answer), ["200", "404", "405", "200"], "{answer}");
}

#[tokio::test]
async fn http_1_0_gets_an_answer_and_the_connection_is_closed() {
    let agent = without_server().await;
    let answer = answer_to(agent.address(), b"GET /-/healthy HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhealthy\n"), "{answer}");
}

#[tokio::test]
async fn a_request_for_an_absolute_url_is_answered_by_its_path() {
    let agent = without_server().await;
    let request =
        b"GET http://agent:9187/-/healthy HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&answer_to(agent.address(), request)), ["200"]);
}

#[tokio::test]
async fn malformed_and_endless_heads_are_refused_and_disturb_no_other_client() {
    let agent = without_server().await;
    let mut neighbour = kept_open(agent.address());
    let endless = format!("{GET}Cookie: {}", "x".repeat(64 * 1024));
    let many = format!("{GET}{}\r\n", "X-Header: y\r\n".repeat(500));
    for (bytes, status) in [
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
            "400",
        ),
        (b"GET /metrics\r\n\r\n", "400"),
        (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", "400"),
        (b"\0\r\n\r\n", "400"),
        (endless.as_bytes(), "431"),
        (many.as_bytes(), "431"),
    ] {
        let answer = answer_to(agent.address(), bytes);
        assert_eq!(
            statuses(&answer),
            [status],
            "{}: {answer}",
            bytes.escape_ascii()
        );
    }
    neighbour
        .write_all(format!("{GET}\r\n").as_bytes())
        .expect("it is still open");
    assert_eq!(statuses(&read_healthy(&mut neighbour)), ["200"]);
    assert_eq!(agent.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn silent_and_disconnecting_clients_disturb_no_other_client() {
    let agent = without_server().await;
    let silent: Vec<_> = (0..50).map(|_| connect(agent.address())).collect();
    for _ in 0..20 {
        let mut stream = connect(agent.address());
        stream.write_all(GET.as_bytes()).expect("it reads");
    }
    assert_eq!(agent.get("/metrics").await.status, 200);
    drop(silent);
    assert_eq!(agent.get("/-/healthy").await.status, 200);
}

#[tokio::test]
async fn open_connections_do_not_delay_the_shutdown() {
    let mut agent = without_server().await;
    let address = agent.address();
    let _idle = kept_open(address);
    let mut half = kept_open(address);
    half.write_all(b"GET /metrics HT")
        .expect("it is still open");
    agent.signal("TERM");
    let status = agent.wait(LIMIT).await.expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", agent.log());
}
