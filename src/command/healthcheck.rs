//! `pgcommons healthcheck`: checks that the agent on the same host answers, for containers without a shell. Reads only the
//! HTTP status. It has no password and no certificate, so an answer that refuses it counts as healthy.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::cli::HealthArgs;

/// Timeout of each step: connect, write, read.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The length of `HTTP/1.1 200`.
const STATUS_BYTES: usize = 12;

/// What to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// The process answers.
    Healthy,
    /// At least one server is up.
    Ready,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum HealthcheckError {
    #[error("no answer from {address}")]
    NoAnswer {
        address: String,
        #[source]
        source: io::Error,
    },
    #[error("{address}: not a pgcommons agent")]
    NotAnAgent { address: String },
    #[error("not ready: no server is up")]
    NotReady,
    #[error("readiness is unknown: the listener is protected (status {status})")]
    Refused { status: u16 },
}

/// `address` is the first of `web.listen_address`.
pub(super) fn run(args: &HealthArgs, address: &str) -> anyhow::Result<()> {
    let probe = if args.ready {
        Probe::Ready
    } else {
        Probe::Healthy
    };
    Ok(check(address, probe)?)
}

/// Sends one request to the agent. Blocks.
pub(crate) fn check(address: &str, probe: Probe) -> Result<(), HealthcheckError> {
    let answer = answer(address, probe).map_err(|source| HealthcheckError::NoAnswer {
        address: address.to_owned(),
        source,
    })?;
    match (probe, status(&answer)) {
        // A TLS port answers plain HTTP with 400; a rate limit answers 429.
        (Probe::Healthy, Some(200 | 400 | 401 | 429)) | (Probe::Ready, Some(200)) => Ok(()),
        (Probe::Ready, Some(503)) => Err(HealthcheckError::NotReady),
        (Probe::Ready, Some(status @ (400 | 401 | 429))) => {
            Err(HealthcheckError::Refused { status })
        }
        (_, _) => Err(HealthcheckError::NotAnAgent {
            address: address.to_owned(),
        }),
    }
}

fn answer(address: &str, probe: Probe) -> io::Result<[u8; STATUS_BYTES]> {
    let path = match probe {
        Probe::Healthy => "/-/healthy",
        Probe::Ready => "/-/ready",
    };
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    // One write for the whole request: the server may answer the first part and close before the rest.
    stream.write_all(request.as_bytes())?;
    let mut answer = [0; STATUS_BYTES];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut failure = io::ErrorKind::AddrNotAvailable.into();
    for address in local_addresses(address)? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The addresses to connect to. If the agent listens on all addresses, these are the loopback addresses.
fn local_addresses(address: &str) -> io::Result<Vec<SocketAddr>> {
    const LOOPBACK: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let with_host = if address.starts_with(':') {
        format!("[::]{address}")
    } else {
        address.to_owned()
    };
    let addresses = with_host.to_socket_addrs()?.flat_map(|address| {
        let hosts = if address.ip().is_unspecified() {
            LOOPBACK.to_vec()
        } else {
            vec![address.ip()]
        };
        hosts
            .into_iter()
            .map(move |host| SocketAddr::new(host, address.port()))
    });
    Ok(addresses.collect())
}

fn status(answer: &[u8]) -> Option<u16> {
    let status = answer.strip_prefix(b"HTTP/1.")?.get(2..)?;
    str::from_utf8(status).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_on_all_addresses_is_checked_on_the_loopback() {
        for (listening, expected) in [
            (":19187", &["127.0.0.1:19187", "[::1]:19187"] as &[&str]),
            ("0.0.0.0:1", &["127.0.0.1:1", "[::1]:1"]),
            ("[::]:1", &["127.0.0.1:1", "[::1]:1"]),
            ("192.0.2.7:80", &["192.0.2.7:80"]),
            ("[2001:db8::7]:80", &["[2001:db8::7]:80"]),
        ] {
            let found = local_addresses(listening).expect("addresses");
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{listening}");
        }
    }

    #[test]
    fn only_an_http_status_is_parsed() {
        for (answer, status) in [
            (b"HTTP/1.1 200" as &[u8], Some(200)),
            (b"HTTP/1.0 503", Some(503)),
            (b"HTTP/1.1 2xx", None),
            (b"SMTP/1.1 200", None),
            (b"\x15\x03\x03\0\x02\x02\x0a\0\0\0\0\0", None),
            (b"220 mail ESM", None),
        ] {
            assert_eq!(super::status(answer), status, "{answer:?}");
        }
    }
}
