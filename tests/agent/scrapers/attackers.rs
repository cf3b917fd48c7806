//! Many concurrent clients that do the same, and reconnect after they are disconnected.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The maximum time until a disconnected client reconnects.
const RECONNECT: Duration = Duration::from_secs(1);
/// The time between two bytes of a slow client.
const BYTE_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub(super) enum Attack {
    /// Sends nothing.
    Idle,
    /// Sends a part of a head, one byte at a time.
    SlowHead,
    /// Sends the beginning of a TLS handshake in the same way.
    SlowHandshake,
    /// Requests the page and reads one byte at a time.
    SlowReader,
}

pub(super) struct Attackers {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    connected: mpsc::UnboundedReceiver<()>,
}

impl Attackers {
    /// Starts `count` clients at the address `from`, and waits until all were connected.
    pub(super) async fn start(
        (from, to): (Ipv4Addr, SocketAddr),
        attack: Attack,
        count: usize,
    ) -> Self {
        raise_file_limit();
        let (stop, stopped) = oneshot::channel();
        let (report, mut connected) = mpsc::unbounded_channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let mut attackers = JoinSet::new();
                for _ in 0..count {
                    attackers.spawn(attacker((from, to), attack, report.clone()));
                }
                drop(stopped.await);
            });
        });
        for _ in 0..count {
            let received = timeout(super::LIMIT, connected.recv()).await;
            received
                .expect("all are connected")
                .expect("a running attack");
        }
        Self {
            stop,
            thread,
            connected,
        }
    }

    /// Stops all clients. Returns how often they reconnected.
    pub(super) fn stop(mut self) -> usize {
        drop(self.stop);
        self.thread.join().expect("no attacker panicked");
        std::iter::from_fn(|| self.connected.try_recv().ok()).count()
    }
}

/// Raises this process's limit of file descriptors. Debian's default is 1,024.
pub(super) fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum.map(|most| most.min(16_384)).or(Some(16_384));
    setrlimit(Resource::Nofile, limit).expect("below the hard limit");
}

async fn attacker((from, to): (Ipv4Addr, SocketAddr), attack: Attack, report: UnboundedSender<()>) {
    let mut attempts = interval(RECONNECT);
    attempts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        attempts.tick().await;
        let socket = TcpSocket::new_v4().expect("files enough");
        socket
            .bind((from, 0).into())
            .expect("an address of this machine");
        if let Ok(stream) = socket.connect(to).await {
            let _ = report.send(());
            // An error is expected: the agent disconnects it.
            drop(act(stream, attack).await);
        }
    }
}

async fn act(mut stream: TcpStream, attack: Attack) -> std::io::Result<()> {
    match attack {
        Attack::Idle => {
            stream.read_u8().await?;
        }
        Attack::SlowHead => send_slowly(stream, b"GET /metrics HTTP/1.1\r\nX-Name: ").await?,
        Attack::SlowHandshake => {
            send_slowly(stream, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await?;
        }
        Attack::SlowReader => {
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\nHost: agent\r\n\r\n")
                .await?;
            let mut ticks = interval(BYTE_INTERVAL);
            loop {
                stream.read_u8().await?;
                ticks.tick().await;
            }
        }
    }
    Ok(())
}

/// Sends these bytes and then further ones, one at a time, until the agent disconnects it.
async fn send_slowly(mut stream: TcpStream, begin: &[u8]) -> std::io::Result<()> {
    for byte in begin.iter().chain(std::iter::repeat(&b'a')) {
        stream.write_u8(*byte).await?;
        let answer = timeout(BYTE_INTERVAL, stream.read_u8()).await;
        answer.map_or(Ok(0), |answer| answer)?;
    }
    Ok(())
}
