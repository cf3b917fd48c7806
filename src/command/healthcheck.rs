//! `pgcommons healthcheck`: asks the agent beside it whether it answers, for containers without a shell. Speaks just enough
//! HTTP for a status. It has neither passwords nor certificates: who refuses it has answered.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::cli::HealthArgs;

/// For each step: an agent that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(3);
/// As in `HTTP/1.1 200`.
const STATUS_BYTES: usize = 12;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Does the process answer?
    Healthy,
    /// Is at least one server up?
    Ready,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum HealthcheckError {
    #[error("asking {address}")]
    NoAnswer {
        address: String,
        #[source]
        source: io::Error,
    },
    #[error("{address}: not a pgcommons agent")]
    Stranger { address: String },
    #[error("not ready: no server is up")]
    NotReady,
    #[error(
        "whether it is ready cannot be asked: the listener is protected (it answers with {status})"
    )]
    Refused { status: u16 },
}

/// `address` is where the agent listens, as in `web.listen_address`.
pub(super) fn run(args: &HealthArgs, address: &str) -> anyhow::Result<()> {
    let question = if args.ready {
        Question::Ready
    } else {
        Question::Healthy
    };
    Ok(ask(address, question)?)
}

/// Asks the agent that listens at this address of `web.listen_address`. Blocks.
pub(crate) fn ask(address: &str, question: Question) -> Result<(), HealthcheckError> {
    let answer = answer(address, question).map_err(|source| HealthcheckError::NoAnswer {
        address: address.to_owned(),
        source,
    })?;
    match (question, status(&answer)) {
        // 400 is what plain HTTP gets from a port for TLS, 429 comes of a rate limit.
        (Question::Healthy, Some(200 | 400 | 401 | 429)) | (Question::Ready, Some(200)) => Ok(()),
        (Question::Ready, Some(503)) => Err(HealthcheckError::NotReady),
        (Question::Ready, Some(status @ (400 | 401 | 429))) => {
            Err(HealthcheckError::Refused { status })
        }
        (_, _) => Err(HealthcheckError::Stranger {
            address: address.to_owned(),
        }),
    }
}

fn answer(address: &str, question: Question) -> io::Result<[u8; STATUS_BYTES]> {
    let path = match question {
        Question::Healthy => "/-/healthy",
        Question::Ready => "/-/ready",
    };
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    // At one stroke: who answers the beginning of it may be gone before the rest.
    stream.write_all(request.as_bytes())?;
    let mut answer = [0; STATUS_BYTES];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut failure = io::ErrorKind::AddrNotAvailable.into();
    for address in near(address)? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Who listens on every address of the machine is asked on its own.
fn near(address: &str) -> io::Result<Vec<SocketAddr>> {
    const LOOPBACK: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let spelt_out = if address.starts_with(':') {
        format!("[::]{address}")
    } else {
        address.to_owned()
    };
    let near = spelt_out.to_socket_addrs()?.flat_map(|address| {
        let hosts = if address.ip().is_unspecified() {
            LOOPBACK.to_vec()
        } else {
            vec![address.ip()]
        };
        hosts
            .into_iter()
            .map(move |host| SocketAddr::new(host, address.port()))
    });
    Ok(near.collect())
}

fn status(answer: &[u8]) -> Option<u16> {
    let status = answer.strip_prefix(b"HTTP/1.")?.get(2..)?;
    str::from_utf8(status).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_on_every_address_is_asked_on_the_loopback() {
        for (listening, asked) in [
            (":19187", &["127.0.0.1:19187", "[::1]:19187"] as &[&str]),
            ("0.0.0.0:1", &["127.0.0.1:1", "[::1]:1"]),
            ("[::]:1", &["127.0.0.1:1", "[::1]:1"]),
            ("192.0.2.7:80", &["192.0.2.7:80"]),
            ("[2001:db8::7]:80", &["[2001:db8::7]:80"]),
        ] {
            let near: Vec<_> = near(listening).expect("addresses").into_iter().collect();
            let near: Vec<_> = near.iter().map(ToString::to_string).collect();
            assert_eq!(near, asked, "{listening}");
        }
    }

    #[test]
    fn only_a_status_of_http_is_one() {
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
