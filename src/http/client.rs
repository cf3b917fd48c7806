//! One connection: its socket, and how far its client has taken what was sent. A socket that is dropped is reset, and what the
//! kernel kept for it is free at once; only [`Client::close`] ends a connection in order.

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

use super::seats::Seat;

/// The least `SO_SNDBUF`: what the kernel keeps for a client that does not read. By itself it would take megabytes for each.
pub(super) const SEND_BUFFER: usize = 16 * 1024;
/// `SO_RCVBUF`: what the kernel keeps of requests that are not read yet.
pub(super) const RECEIVE_BUFFER: usize = 8 * 1024;
/// Between two looks at whether a client has taken everything.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Client {
    socket: TcpStream,
    pub(super) seat: Arc<Seat>,
    /// Bytes that the kernel has taken.
    written: AtomicU64,
    send_buffer: AtomicUsize,
}

impl Client {
    pub(super) fn new(socket: TcpStream, seat: Arc<Seat>) -> Self {
        // It fails on no socket of TCP.
        drop(socket.set_zero_linger());
        Self {
            socket,
            seat,
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

    /// Whether the client has acknowledged everything that the kernel had to send, but for 3 kB. Linux calls a socket writable
    /// while at most two thirds of its send buffer are in use (`sk_stream_is_writeable`), and the least buffer has 4.5 kB.
    pub(super) fn has_taken_all(&self) -> bool {
        // Neither call fails on a socket of TCP; at worst the buffer would stay as it is.
        let _ = set_socket_send_buffer_size(&self.socket, 1);
        let mut sockets = [PollFd::new(&self.socket, PollFlags::OUT)];
        let writable = poll(&mut sockets, Some(&Timespec::default()));
        self.set_send_buffer(self.send_buffer());
        // A connection that is broken has nothing to send, and can be written too.
        writable != Ok(0)
    }

    /// Ends the connection once its client has taken everything. Before that, the kernel would keep the rest for a socket that
    /// belongs to no process any more: for minutes, and for any number of such sockets.
    pub(super) async fn close(&self) {
        let mut pause = FIRST_PAUSE;
        while !self.has_taken_all() {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.end();
    }

    /// Ends the connection in order, unless there is something left to send.
    pub(super) fn end_if_all_is_taken(&self) {
        if self.has_taken_all() {
            self.end();
        }
    }

    fn end(&self) {
        // Both fail only if the client is gone, which needs no end of the connection any more.
        let _ = set_socket_linger(&self.socket, None);
        let _ = shutdown(&self.socket, Shutdown::Write);
    }
}

/// The client's socket as TLS and HTTP use it.
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

    /// Left to [`Client::close`].
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
