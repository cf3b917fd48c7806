//! Notifications to systemd, received on a socket of the test.

mod unit;

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::time::{Instant, timeout};

use crate::support::{Agent, AgentSpec, Cluster, StopMode, run};

const LIMIT: Duration = Duration::from_secs(20);

/// The socket at `NOTIFY_SOCKET`.
struct Systemd {
    name: String,
    socket: UnixDatagram,
    _folder: TempDir,
}

impl Systemd {
    fn listen(is_abstract: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("notify");
        let path = path.to_str().expect("a UTF-8 path");
        let (name, address) = if is_abstract {
            (format!("@{path}"), SocketAddr::from_abstract_name(path))
        } else {
            (path.to_owned(), SocketAddr::from_pathname(path))
        };
        let address = address.expect("an address");
        let socket = std::os::unix::net::UnixDatagram::bind_addr(&address).expect("a socket");
        socket.set_nonblocking(true).expect("it can be set");
        Self {
            name,
            socket: UnixDatagram::from_std(socket).expect("a runtime"),
            _folder: folder,
        }
    }

    async fn message(&self) -> String {
        let mut buffer = [0; 4096];
        let received = timeout(LIMIT, self.socket.recv(&mut buffer)).await;
        let length = received.expect("a message in time").expect("a message");
        String::from_utf8(buffer[..length].to_vec()).expect("UTF-8")
    }

    /// All messages up to this one.
    async fn until(&self, wanted: &str) -> Vec<String> {
        let mut messages = Vec::new();
        while messages.last().is_none_or(|last| last != wanted) {
            messages.push(self.message().await);
        }
        messages
    }
}

/// Microseconds since boot.
fn uptime() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").expect("/proc is mounted");
    let seconds = text.split_whitespace().next().expect("a number");
    seconds.parse::<f64>().expect("a number") * 1e6
}

async fn notified_from_start_to_stop(is_abstract: bool) {
    let systemd = Systemd::listen(is_abstract);
    let mut cluster = Cluster::start(&[]);
    let (url, interval) = (cluster.superuser_url(), "100ms");
    let mut agent = Agent::start(AgentSpec {
        env: &[
            ("DATABASE_URL", &url),
            ("PGCOMMONS__POLL__INTERVAL", interval),
            ("NOTIFY_SOCKET", &systemd.name),
        ],
        ..AgentSpec::default()
    })
    .await;
    assert_eq!(systemd.message().await, "READY=1");
    systemd.until("STATUS=1 of 1 servers up").await;
    cluster.stop(StopMode::Fast);
    assert_eq!(systemd.message().await, "STATUS=0 of 1 servers up");
    cluster.start_again();
    assert_eq!(systemd.message().await, "STATUS=1 of 1 servers up");

    let before = uptime();
    agent.signal("HUP");
    let message = systemd.message().await;
    let at = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    let at: f64 = at.and_then(|at| at.parse().ok()).expect(&message);
    // Uptime has a resolution of 10 ms, and it also counts time in suspend.
    assert!(at > before - 1e6 && at < uptime() + 1e6, "{at} {before}");
    assert_eq!(systemd.message().await, "READY=1");

    agent.signal("TERM");
    assert_eq!(systemd.message().await, "STOPPING=1\nSTATUS=stopping");
    let ended = agent.wait(LIMIT).await.expect("it ends");
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn systemd_is_notified_from_start_to_stop() {
    notified_from_start_to_stop(false).await;
}

#[tokio::test]
async fn an_abstract_socket_works() {
    notified_from_start_to_stop(true).await;
}

#[tokio::test]
async fn two_keep_alives_are_sent_in_each_watchdog_period() {
    let systemd = Systemd::listen(false);
    let agent = Agent::start(AgentSpec {
        env: &[
            ("DATABASE_URL", "postgres://agent@127.0.0.1:1/postgres"),
            ("NOTIFY_SOCKET", &systemd.name),
            ("WATCHDOG_USEC", "400000"),
        ],
        ..AgentSpec::default()
    })
    .await;
    systemd.until("WATCHDOG=1").await;
    let start = Instant::now();
    for _ in 0..5 {
        systemd.until("WATCHDOG=1").await;
    }
    let took = start.elapsed();
    assert!(took > Duration::from_millis(900), "{took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}: too late for it");
    drop(agent);
}

#[tokio::test]
async fn without_a_listener_it_is_not_ready() {
    let systemd = Systemd::listen(false);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it listens").to_string();
    let output = run(AgentSpec {
        args: &["--web.listen-address", &address],
        env: &[
            ("DATABASE_URL", "postgres://agent@127.0.0.1:1/postgres"),
            ("NOTIFY_SOCKET", &systemd.name),
        ],
        ..AgentSpec::default()
    })
    .await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let mut buffer = [0; 64];
    let received = systemd.socket.try_recv(&mut buffer);
    assert!(received.is_err(), "{}", String::from_utf8_lossy(&buffer));
}

/// The agent works without systemd.
#[tokio::test]
async fn a_missing_socket_does_not_stop_the_agent() {
    for (name, warnings) in [("/nowhere/notify", 0), ("@pgcommons-nowhere", 0), ("x", 1)] {
        let agent = Agent::start(AgentSpec {
            env: &[
                ("DATABASE_URL", "postgres://agent@127.0.0.1:1/postgres"),
                ("NOTIFY_SOCKET", name),
                ("WATCHDOG_USEC", "1000"),
            ],
            ..AgentSpec::default()
        })
        .await;
        assert_eq!(agent.get("/-/healthy").await.status, 200);
        let log = agent.log();
        let logged = log.matches("NOTIFY_SOCKET cannot be used").count();
        assert_eq!(logged, warnings, "{log}");
    }
}
