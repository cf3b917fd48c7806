//! A TCP proxy: its address stays the same while the server behind it changes, as with a DNS name or a load balancer. It can
//! delay data, block it, and drop connections without telling the client.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The relay is closed.
const CLOSED: u16 = 0;

/// Forwards connections to a port of this machine. When dropped it accepts no more.
pub(crate) struct Relay {
    port: u16,
    network: Arc<Network>,
}

struct Network {
    target: AtomicU16,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Forwards nothing. Blocked data is forwarded later, as with TCP retransmission.
    blocked: bool,
    /// The delay in each direction.
    delay: Duration,
    /// The connections that are forwarded.
    open: Vec<Connection>,
    /// What clients have sent while `capturing`.
    captured: Vec<u8>,
    capturing: bool,
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// The client's end stays open and receives no more data.
    dropped: bool,
}

impl Relay {
    pub(crate) fn start(target: u16) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, target)
    }

    pub(crate) fn start_at(address: Ipv4Addr, target: u16) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let network = Arc::new(Network {
            target: AtomicU16::new(target),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let current = Arc::clone(&network);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                match current.target.load(Ordering::SeqCst) {
                    CLOSED => return,
                    // A server that does not listen: the client sees its connection closed.
                    port => drop(forward(&current, client, port)),
                }
            }
        });
        Self { port, network }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Forwards new connections to this port. Open ones are not changed.
    pub(crate) fn redirect_to(&self, target: u16) {
        self.network.target.store(target, Ordering::SeqCst);
    }

    /// Stops forwarding without closing connections, or resumes it.
    pub(crate) fn block(&self, blocked: bool) {
        self.network.change(|state| state.blocked = blocked);
    }

    /// Delays data in each direction from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.network.change(|state| state.delay = delay);
    }

    /// Starts or stops capturing what clients send.
    pub(crate) fn capture(&self, capturing: bool) {
        self.network.change(|state| state.capturing = capturing);
    }

    /// All captured bytes.
    pub(crate) fn captured(&self) -> Vec<u8> {
        let state = self.network.state.lock();
        state
            .unwrap_or_else(PoisonError::into_inner)
            .captured
            .clone()
    }

    /// Drops the open connections as a firewall does: the server sees them closed, the client sees nothing.
    pub(crate) fn drop_silently(&self) {
        self.network.change(|state| {
            for connection in &mut state.open {
                connection.dropped = true;
                drop(connection.server.shutdown(Shutdown::Both));
            }
        });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.redirect_to(CLOSED);
        self.block(false);
        // Wakes the thread, which then ends.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

impl Network {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits until data may be forwarded. Returns the delay.
    fn wait_until_open(&self) -> Duration {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = self.changed.wait_while(state, |state| state.blocked);
        open.unwrap_or_else(PoisonError::into_inner).delay
    }

    /// Closes the connection on both sides, unless it was dropped silently.
    fn close(&self, server: &TcpStream) {
        let address = server.local_addr().ok();
        self.change(|state| {
            for connection in &state.open {
                if connection.server.local_addr().ok() == address && !connection.dropped {
                    drop(connection.client.shutdown(Shutdown::Both));
                    drop(connection.server.shutdown(Shutdown::Both));
                }
            }
        });
    }
}

fn forward(network: &Arc<Network>, client: TcpStream, port: u16) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let connection = Connection {
        client: client.try_clone()?,
        server: server.try_clone()?,
        dropped: false,
    };
    network.change(|state| state.open.push(connection));
    let capture = |state: &mut State, sent: &[u8]| {
        if state.capturing {
            state.captured.extend(sent);
        }
    };
    let (there, back) = (client.try_clone()?, server.try_clone()?);
    pump(
        Arc::clone(network),
        there,
        server.try_clone()?,
        &server,
        capture,
    )?;
    pump(Arc::clone(network), back, client, &server, |_, _| {})
}

/// Copies until one side is closed, and closes the other.
fn pump(
    network: Arc<Network>,
    mut from: TcpStream,
    mut to: TcpStream,
    server: &TcpStream,
    capture: fn(&mut State, &[u8]),
) -> io::Result<()> {
    let server = server.try_clone()?;
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            thread::sleep(network.wait_until_open());
            network.change(|state| capture(state, &buffer[..length]));
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        network.wait_until_open();
        network.close(&server);
    });
    Ok(())
}
