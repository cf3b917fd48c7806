//! A minimal HTTP/1.1 client: one request per connection.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long to wait for an answer. On a busy machine a good answer may take long.
const LIMIT: Duration = Duration::from_mins(1);

#[derive(Clone, Debug)]
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    /// By lower-cased name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl HttpReply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }
}

/// Sends a request and reads the reply to its end. Blocks.
pub(crate) fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<HttpReply> {
    exchange_over(connect(address)?, method, path, headers)
}

pub(super) fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    Ok(stream)
}

/// [`exchange`] over an open connection, which it reads to the end.
pub(super) fn exchange_over(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<HttpReply> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: agent\r\n");
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.push_str("Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    parse(&reply, method == "HEAD")
}

/// [`exchange`] on another thread, so that the tasks of the test's sessions continue.
pub(crate) async fn exchange_async(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<HttpReply> {
    let (method, path) = (method.to_owned(), path.to_owned());
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let exchange = tokio::task::spawn_blocking(move || {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        exchange(address, &method, &path, &headers)
    });
    exchange.await?
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

fn parse(reply: &[u8], is_head: bool) -> Result<HttpReply> {
    let (head, rest) = split_at_marker(reply, b"\r\n\r\n").ok_or_else(|| malformed("no head"))?;
    let head = str::from_utf8(head).map_err(|_| malformed("the head is not UTF-8"))?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 "))
        .and_then(|line| line.get(..3)?.parse().ok())
        .ok_or_else(|| malformed("status line"))?;
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect::<Option<BTreeMap<_, _>>>()
        .ok_or_else(|| malformed("header line"))?;
    let body = if is_head && rest.is_empty() {
        Vec::new()
    } else {
        body(&headers, rest)?
    };
    Ok(HttpReply {
        status,
        headers,
        body,
    })
}

fn body(headers: &BTreeMap<String, String>, rest: &[u8]) -> Result<Vec<u8>> {
    if headers.get("transfer-encoding").map(String::as_str) == Some("chunked") {
        return dechunked(rest).ok_or_else(|| malformed("chunks"));
    }
    if let Some(length) = headers.get("content-length") {
        // Extra bytes are as wrong as missing ones.
        if length.parse() != Ok(rest.len()) {
            return Err(malformed(
                "the length of the body differs from content-length",
            ));
        }
    }
    Ok(rest.to_vec())
}

fn dechunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (size, after) = split_at_marker(rest, b"\r\n")?;
        let size = str::from_utf8(size).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let (chunk, after) = after.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n")?;
    }
}

fn split_at_marker<'a>(bytes: &'a [u8], marker: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes
        .windows(marker.len())
        .position(|window| window == marker)?;
    Some((bytes.get(..at)?, bytes.get(at + marker.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn decodes_chunks() {
        let reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            5\r\nhello\r\nA;x=y\r\n, wide wor\r\n2\r\nld\r\n0\r\n\r\n";
        let reply = parse(reply, false).unwrap();
        assert_eq!(
            (reply.status, reply.text()),
            (200, "hello, wide world".to_owned())
        );
    }

    #[test]
    fn checks_the_length() {
        let reply = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n";
        let reply = parse(reply, false).unwrap();
        assert_eq!(
            (reply.status, reply.header("content-length")),
            (404, Some("3"))
        );
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", false).is_err());
    }
}
