//! Requests that no regular scraper sends.

use std::io::Write;

use super::{GET, answer_to, connect, expect_recovery, held, rest_of, statuses, without_server};

/// The last request of a connection.
fn last(first_line: &str, headers: &str) -> Vec<u8> {
    format!("{first_line} HTTP/1.1\r\nHost: agent\r\n{headers}Connection: close\r\n\r\n").into()
}

#[tokio::test]
async fn odd_targets_and_methods_are_answered() {
    let agent = without_server().await;
    let long = |length| format!("GET /{}", "a".repeat(length));
    for (line, status) in [
        ("OPTIONS *", "405"),
        ("GET *", "404"),
        ("CONNECT agent:19187", "405"),
        ("CONNECT /metrics", "405"),
        ("GET agent:19187", "404"),
        ("GET https://other.example/metrics", "200"),
        ("GET http://other.example", "200"),
        ("GET http://[::1", "400"),
        ("GET /metrics%00", "404"),
        ("GET /%00/../metrics", "404"),
        ("GET /-/../metrics", "404"),
        ("GET /../../etc/passwd", "404"),
        ("GET /metrics;x=1", "404"),
        ("GET /metrics?server=%00", "404"),
        ("GET /metrics?%zz&server", "404"),
        ("GET /metrics#fragment", "200"),
        ("GET /m\u{e9}trics", "404"),
        ("GET metrics", "404"),
        ("get /metrics", "405"),
        ("TRACE /metrics", "405"),
        ("M-SEARCH /metrics", "405"),
        ("G\u{e9}T /metrics", "400"),
        (&long(8_000), "404"),
        (&long(70_000), "431"),
    ] {
        let shown = line.get(..40).unwrap_or(line);
        let answer = answer_to(agent.address(), &last(line, ""));
        eprintln!("{shown}: {:?}", statuses(&answer));
        assert_eq!(statuses(&answer), [status], "{shown}: {answer}");
    }
}

#[tokio::test]
async fn other_protocols_and_broken_heads_are_refused() {
    const REFUSED: &[&str] = &["400"];
    // Without an answer, because the client would read HTTP/1.1 as frames.
    const CLOSED: &[&str] = &[];
    let agent = without_server().await;
    for (bytes, answers) in [
        (b"GET /metrics\r\n".as_slice(), REFUSED),
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            CLOSED,
        ),
        (b"GET /metrics HTTP/3.0\r\n\r\n", REFUSED),
        (b"GET  /metrics  HTTP/1.1\r\n\r\n", REFUSED),
        (b"GET /metrics HTTP/1.1\r\n folded: x\r\n\r\n", REFUSED),
        (b"GET /metrics HTTP/1.1\r\nX\0: y\r\n\r\n", REFUSED),
        (b"GET /metrics HTTP/1.1\r\nX : y\r\n\r\n", REFUSED),
        (b"SSH-2.0-client\r\n", REFUSED),
        (b"\x05\x01\0\r\n\r\n", REFUSED),
    ] {
        let answer = answer_to(agent.address(), bytes);
        let shown = bytes.escape_ascii();
        eprintln!("{shown}: {:?}", statuses(&answer));
        assert_eq!(statuses(&answer), answers, "{shown}: {answer}");
    }
}

#[tokio::test]
async fn unknown_request_headers_are_ignored() {
    let agent = without_server().await;
    for header in [
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n",
        "Expect: 100-continue\r\n",
        "Range: bytes=0-9\r\n",
        "If-Modified-Since: Sat, 01 Jan 2050 00:00:00 GMT\r\nIf-None-Match: *\r\n",
        "Accept: application/openmetrics-text; version=1.0.0\r\n",
        "Accept-Encoding: gzip;q=nan, gzip;q=-1, identity;q=0, *;q=\r\n",
        "Host: other\r\n",
        "X-Byte: \u{e9}\r\n",
    ] {
        let answer = answer_to(agent.address(), &last("GET /metrics", header));
        assert_eq!(statuses(&answer), ["200"], "{header}: {answer}");
        assert!(answer.contains("pg_up"), "{header}: {answer}");
    }
}

#[tokio::test]
async fn endless_heads_are_refused() {
    let agent = without_server().await;
    let before = held(&agent);
    let one = format!("{GET}X-Long: {}", "x".repeat(10_000_000));
    let many = format!("{GET}{}", "X-Many: y\r\n".repeat(500_000));
    for head in [one, many] {
        let mut clients: Vec<_> = (0..20).map(|_| connect(agent.address())).collect();
        for client in &mut clients {
            // The agent closes the connection long before the end.
            assert!(client.write_all(head.as_bytes()).is_err());
        }
        let during = held(&agent);
        for client in &mut clients {
            // The reset for the unread bytes may discard the answer.
            let answer = rest_of(client);
            assert!(
                answer.is_empty() || statuses(&answer) == ["431"],
                "{answer}"
            );
        }
        expect_recovery(&agent, "heads of 10 MB, 20 times", before, during).await;
    }
    assert_eq!(agent.get("/metrics").await.status, 200);
}
