//! One connection: its socket, and how much of the sent data its client has acknowledged. Dropping a socket resets the connection,
//! which frees the kernel's buffers at once. Only [`Client::close`] closes a connection in order.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{set_socket_linger, set_socket_send_buffer_size};
use rustix::net::{Shutdown, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::connection_table::Slot;

/// The minimum `SO_SNDBUF`: how much the kernel buffers for a client that does not read. The kernel's default reaches megabytes.
pub(super) const SEND_BUFFER: usize = 16 * 1024;
/// `SO_RCVBUF`: how much the kernel buffers of requests that the agent has not read yet.
pub(super) const RECEIVE_BUFFER: usize = 8 * 1024;
/// The shortest and the longest pause between two checks whether a client has acknowledged everything.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Client {
    socket: TcpStream,
    pub(super) slot: Arc<Slot>,
    /// Bytes that the kernel has accepted.
    written: AtomicU64,
    send_buffer: AtomicUsize,
}

impl Client {
    pub(super) fn new(socket: TcpStream, slot: Arc<Slot>) -> Self {
        // This cannot fail on a TCP socket.
        drop(socket.set_zero_linger());
        Self {
            socket,
            slot,
            written: AtomicU64::new(0),
            send_buffer: AtomicUsize::new(SEND_BUFFER),
        }
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn set_send_buffer(&self, bytes: usize) {
        self.send_buffer.store(bytes, Ordering::Relaxed);
        let _ = set_socket_send_buffer_size(&self.socket, bytes);
    }

    pub(super) fn send_buffer(&self) -> usize {
        self.send_buffer.load(Ordering::Relaxed)
    }

    pub(super) async fn peek(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.socket.peek(bytes).await
    }

    /// Whether the client has acknowledged all sent data except at most 3 kB. Linux reports a socket as writable while at most two
    /// thirds of its send buffer are used (`sk_stream_is_writeable`), and the smallest buffer is 4.5 kB.
    pub(super) fn has_acknowledged_all(&self) -> bool {
        // Neither call fails on a TCP socket. If one did, the buffer would keep its size.
        let _ = set_socket_send_buffer_size(&self.socket, 1);
        let mut sockets = [PollFd::new(&self.socket, PollFlags::OUT)];
        let writable = poll(&mut sockets, Some(&Timespec::default()));
        self.set_send_buffer(self.send_buffer());
        // A broken connection is writable too, and has nothing to send.
        writable != Ok(0)
    }

    /// Closes the connection after its client has acknowledged everything. If the agent closed it earlier, the kernel would keep
    /// the unsent data for minutes after the socket left the process, for an unlimited number of sockets.
    pub(super) async fn close(&self) {
        let mut pause = FIRST_PAUSE;
        while !self.has_acknowledged_all() {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.end();
    }

    /// Closes the connection in order, unless unacknowledged data remains.
    pub(super) fn end_if_all_acknowledged(&self) {
        if self.has_acknowledged_all() {
            self.end();
        }
    }

    fn end(&self) {
        // Both fail only if the client has already disconnected.
        let _ = set_socket_linger(&self.socket, None);
        let _ = shutdown(&self.socket, Shutdown::Write);
    }
}

/// The client's socket for TLS and HTTP.
pub(super) struct Socket(pub(super) Arc<Client>);

impl Socket {
    fn write(
        &self,
        context: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.socket.poll_write_ready(context))?;
            match write(&self.0.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(bytes) => {
                    self.0.written.fetch_add(bytes as u64, Ordering::Relaxed);
                    return Poll::Ready(Ok(bytes));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.socket.poll_read_ready(context))?;
            match self.0.socket.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(bytes) => {
                    buffer.advance(bytes);
                    return Poll::Ready(Ok(()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |socket| socket.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(context, |socket| socket.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// [`Client::close`] does this.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
