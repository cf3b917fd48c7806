//! Many clients at once who do the same, and come back when they are thrown out.

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

/// Who was thrown out comes back after so long at most.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two bytes of those who are slow.
const DRIP: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub(super) enum Attack {
    /// Says nothing.
    Idle,
    /// Half a head, a byte at a time.
    SlowHead,
    /// The beginning of a handshake in the same way.
    SlowHandshake,
    /// Asks for the page and reads a byte at a time.
    SlowReader,
}

pub(super) struct Siege {
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    connected: mpsc::UnboundedReceiver<()>,
}

impl Siege {
    /// From this address; returns once so many have been connected.
    pub(super) async fn lay(
        (from, to): (Ipv4Addr, SocketAddr),
        attack: Attack,
        count: usize,
    ) -> Self {
        allow_files();
        let (end, ended) = oneshot::channel();
        let (come, mut connected) = mpsc::unbounded_channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let mut attackers = JoinSet::new();
                for _ in 0..count {
                    attackers.spawn(attacker((from, to), attack, come.clone()));
                }
                drop(ended.await);
            });
        });
        for _ in 0..count {
            let come = timeout(super::LIMIT, connected.recv()).await;
            come.expect("all are connected").expect("the siege goes on");
        }
        Self {
            end,
            thread,
            connected,
        }
    }

    /// Ends it; how many came back.
    pub(super) fn lift(mut self) -> usize {
        drop(self.end);
        self.thread.join().expect("no attacker panicked");
        std::iter::from_fn(|| self.connected.try_recv().ok()).count()
    }
}

/// Debian lets a process have 1,024 files unless it asks for more.
pub(super) fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum.map(|most| most.min(16_384)).or(Some(16_384));
    setrlimit(Resource::Nofile, limit).expect("below the hard limit");
}

async fn attacker((from, to): (Ipv4Addr, SocketAddr), attack: Attack, come: UnboundedSender<()>) {
    let mut pauses = interval(PAUSE);
    pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pauses.tick().await;
        let socket = TcpSocket::new_v4().expect("files enough");
        socket
            .bind((from, 0).into())
            .expect("an address of this machine");
        if let Ok(stream) = socket.connect(to).await {
            let _ = come.send(());
            // Being thrown out is what it is for.
            drop(act(stream, attack).await);
        }
    }
}

async fn act(mut stream: TcpStream, attack: Attack) -> std::io::Result<()> {
    match attack {
        Attack::Idle => {
            stream.read_u8().await?;
        }
        Attack::SlowHead => drip(stream, b"GET /metrics HTTP/1.1\r\nX-Name: ").await?,
        Attack::SlowHandshake => {
            drip(stream, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await?;
        }
        Attack::SlowReader => {
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\nHost: agent\r\n\r\n")
                .await?;
            let mut drips = interval(DRIP);
            loop {
                stream.read_u8().await?;
                drips.tick().await;
            }
        }
    }
    Ok(())
}

/// Sends these and then one byte after another, until it is thrown out.
async fn drip(mut stream: TcpStream, begin: &[u8]) -> std::io::Result<()> {
    for byte in begin.iter().chain(std::iter::repeat(&b'a')) {
        stream.write_u8(*byte).await?;
        let answer = timeout(DRIP, stream.read_u8()).await;
        answer.map_or(Ok(0), |answer| answer)?;
    }
    Ok(())
}
