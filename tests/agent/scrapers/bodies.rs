//! Request bodies, which the agent never reads.

use std::io::Write;

use super::{answer_to, connect, expect_recovery, held, rest_of, statuses, without_server};

#[tokio::test]
async fn lengths_that_lie_are_refused_or_end_the_connection() {
    let agent = without_server().await;
    let next = "GET /-/healthy HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";
    for (method, headers, answers) in [
        (
            "POST",
            "Content-Length: 18446744073709551616",
            ["400"].as_slice(),
        ),
        ("POST", "Content-Length: -1", &["400"]),
        ("POST", "Content-Length: 5, 6", &["400"]),
        ("POST", "Content-Length: 5\r\nContent-Length: 6", &["400"]),
        ("POST", "Transfer-Encoding: gzip", &["400"]),
        // The announced body is missing. The next request must not be read as its body.
        ("POST", "Content-Length: 1000000000000", &["405"]),
        ("GET", "Content-Length: 1000000000000", &["200"]),
        ("GET", "Transfer-Encoding: chunked", &["200"]),
        ("GET", "Content-Length: 0", &["200", "200"]),
    ] {
        let request =
            format!("{method} /metrics HTTP/1.1\r\nHost: agent\r\n{headers}\r\n\r\n{next}");
        let answer = answer_to(agent.address(), request.as_bytes());
        eprintln!("{method} {headers}: {:?}", statuses(&answer));
        assert_eq!(statuses(&answer), answers, "{method} {headers}: {answer}");
    }
}

/// One request for a proxy in front of the agent must not be two requests for the agent.
#[tokio::test]
async fn a_length_and_chunks_do_not_hide_a_request() {
    let agent = without_server().await;
    let hidden = "0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: agent\r\n\r\n";
    let length = hidden.len();
    for order in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
    ] {
        let request = format!("POST /metrics HTTP/1.1\r\nHost: agent\r\n{order}\r\n\r\n{hidden}");
        let answer = answer_to(agent.address(), request.as_bytes());
        eprintln!("{order}: {:?}", statuses(&answer));
        assert!(!statuses(&answer).contains(&"404"), "{order}: {answer}");
    }
}

#[tokio::test]
async fn endless_bodies_are_not_read() {
    let agent = without_server().await;
    let before = held(&agent);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for (method, length) in [
        ("GET", "Transfer-Encoding: chunked"),
        ("POST", "Transfer-Encoding: chunked"),
        ("POST", "Content-Length: 1000000000000"),
        (
            "POST",
            "Expect: 100-continue\r\nContent-Length: 1000000000000",
        ),
    ] {
        let mut clients: Vec<_> = (0..20).map(|_| connect(agent.address())).collect();
        let mut most = 0;
        for client in &mut clients {
            let head = format!("{method} / HTTP/1.1\r\nHost: agent\r\n{length}\r\n\r\n");
            client.write_all(head.as_bytes()).expect("it reads");
            let chunks = (0..1600).take_while(|_| client.write_all(chunk.as_bytes()).is_ok());
            most = most.max(chunks.count());
        }
        let during = held(&agent);
        eprintln!("{method} {length}: {most} of 1600 chunks of 64 kB were accepted");
        assert!(most < 1600, "{method} {length}");
        for client in &mut clients {
            let answer = rest_of(client);
            assert!(!answer.contains(" 100 "), "a request to continue: {answer}");
        }
        expect_recovery(&agent, &format!("{method} {length}"), before, during).await;
    }
    assert_eq!(agent.get("/metrics").await.status, 200);
}
