//! An address that stays the same while the server behind it changes, as a name in DNS or a load balancer's does; and a
//! network that is slow, drops what it should carry, or forgets whom it carried for.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Nothing listens there.
const CLOSED: u16 = 0;

/// Carries connections to a port of this machine; dropping it takes no more of them.
pub(crate) struct Relay {
    port: u16,
    road: Arc<Road>,
}

struct Road {
    target: AtomicU16,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Nothing gets through; as with TCP's own repetitions, it gets there once the road is clear again.
    blocked: bool,
    /// How long everything takes, in each direction.
    delay: Duration,
    /// The ends of the connections that are carried.
    open: Vec<Carried>,
    /// What clients have sent, as long as it is listened to.
    heard: Vec<u8>,
    listening: bool,
}

struct Carried {
    client: TcpStream,
    server: TcpStream,
    /// The client's end stays open, and nobody speaks for the server any more.
    forgotten: bool,
}

impl Relay {
    pub(crate) fn start(target: u16) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, target)
    }

    pub(crate) fn start_at(address: Ipv4Addr, target: u16) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let road = Arc::new(Road {
            target: AtomicU16::new(target),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let current = Arc::clone(&road);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                match current.target.load(Ordering::SeqCst) {
                    CLOSED => return,
                    // A server that does not listen: the client sees its connection closed.
                    port => drop(carry(&current, client, port)),
                }
            }
        });
        Self { port, road }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Connections from now on go there; those that are open stay where they are.
    pub(crate) fn lead_to(&self, target: u16) {
        self.road.target.store(target, Ordering::SeqCst);
    }

    /// Lets nothing through, and closes nothing; or lets everything through again.
    pub(crate) fn block(&self, blocked: bool) {
        self.road.change(|state| state.blocked = blocked);
    }

    /// Everything takes so long from now on, there and back.
    pub(crate) fn delay(&self, delay: Duration) {
        self.road.change(|state| state.delay = delay);
    }

    /// Keeps what clients send from now on, or no more of it.
    pub(crate) fn listen(&self, listening: bool) {
        self.road.change(|state| state.listening = listening);
    }

    /// All that was kept.
    pub(crate) fn heard(&self) -> Vec<u8> {
        let state = self.road.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).heard.clone()
    }

    /// Forgets the connections that are open, as a firewall does: the server sees them closed, the client sees nothing.
    pub(crate) fn forget(&self) {
        self.road.change(|state| {
            for carried in &mut state.open {
                carried.forgotten = true;
                drop(carried.server.shutdown(Shutdown::Both));
            }
        });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.lead_to(CLOSED);
        self.block(false);
        // Lets the thread see it.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

impl Road {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits until the road is clear; how long the way takes.
    fn clear(&self) -> Duration {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let clear = self.changed.wait_while(state, |state| state.blocked);
        clear.unwrap_or_else(PoisonError::into_inner).delay
    }

    /// Closes the connection on both sides, unless it was forgotten.
    fn close(&self, server: &TcpStream) {
        let address = server.local_addr().ok();
        self.change(|state| {
            for carried in &state.open {
                if carried.server.local_addr().ok() == address && !carried.forgotten {
                    drop(carried.client.shutdown(Shutdown::Both));
                    drop(carried.server.shutdown(Shutdown::Both));
                }
            }
        });
    }
}

fn carry(road: &Arc<Road>, client: TcpStream, port: u16) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let carried = Carried {
        client: client.try_clone()?,
        server: server.try_clone()?,
        forgotten: false,
    };
    road.change(|state| state.open.push(carried));
    let hear = |state: &mut State, sent: &[u8]| {
        if state.listening {
            state.heard.extend(sent);
        }
    };
    let (there, back) = (client.try_clone()?, server.try_clone()?);
    pump(Arc::clone(road), there, server.try_clone()?, &server, hear)?;
    pump(Arc::clone(road), back, client, &server, |_, _| {})
}

/// Copies until one side is closed, and closes the other.
fn pump(
    road: Arc<Road>,
    mut from: TcpStream,
    mut to: TcpStream,
    server: &TcpStream,
    hear: fn(&mut State, &[u8]),
) -> io::Result<()> {
    let server = server.try_clone()?;
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            thread::sleep(road.clear());
            road.change(|state| hear(state, &buffer[..length]));
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        road.clear();
        road.close(&server);
    });
    Ok(())
}
