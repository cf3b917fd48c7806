//! The listener. Everything that it answers is read from memory: no request reaches PostgreSQL or waits for it. The only
//! room that knows hyper. With `--web.config.file` it asks who is there, and speaks TLS.

mod auth;
mod client_cert;
mod guard;
mod gzip;
mod page;
mod rate;
mod routes;
mod seats;
mod service;
mod tls;
mod web_file;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::state::Published;
pub(crate) use guard::Guard;
use seats::{Seat, Seats};
use service::{Door, Service};
pub(crate) use web_file::WebFile;

/// A handshake that takes longer is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The first byte of a client that speaks TLS (RFC 8446, `ContentType` handshake).
const TLS_HANDSHAKE: u8 = 0x16;
/// Room for a request head; a longer one is answered with 431.
const HEAD_BYTES: usize = 16 * 1024;
/// Connections that may wait to be accepted; of one too many the client tries again a second later. The kernel has a limit
/// of its own (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;
/// What the kernel keeps for a client that does not read; by itself it would take megabytes for each. The page is shared.
const UNREAD_BYTES: usize = 128 * 1024;
/// How long answers under way may take once the process is told to stop.
const GRACE: Duration = Duration::from_secs(1);

/// Opens the listener. Without a host, every address of the machine, IPv6 and IPv4.
pub(crate) async fn bind(address: &str) -> io::Result<TcpListener> {
    let listener = match address.strip_prefix(':') {
        None => TcpListener::bind(address).await?,
        Some(port) => match TcpListener::bind(format!("[::]:{port}")).await {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind(format!("0.0.0.0:{port}")).await?
            }
            result => result?,
        },
    };
    // Again, for more room than the library gives.
    rustix::net::listen(&listener, BACKLOG)?;
    rustix::net::sockopt::set_socket_send_buffer_size(&listener, UNREAD_BYTES)?;
    Ok(listener)
}

/// Serves until told to stop, then lets answers under way finish.
pub(crate) async fn serve(
    listener: TcpListener,
    published: Published,
    guard: watch::Receiver<Arc<Guard>>,
    stop: impl Future<Output = ()>,
) {
    let service = Arc::new(Service::new(published, guard));
    let mut seats = Seats::new();
    let (stopping, stopped) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                failing = false;
                let visit = Visit {
                    service: Arc::clone(&service),
                    seat: seats.take(peer.ip()).await,
                    stopped: stopped.clone(),
                };
                tokio::spawn(connection(stream, visit));
                // Whoever has to leave does so, and the new one is answered, before the next one comes.
                yield_now().await;
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "accepting a connection failed");
                }
                if seats.free_one().await {
                    yield_now().await;
                } else {
                    sleep(Duration::from_millis(100)).await; // out of file descriptors: do not spin
                }
            }
        }
    }
    drop(stopped);
    stopping.send_replace(());
    drop(timeout(GRACE, stopping.closed()).await);
}

/// What a connection has beside its socket.
struct Visit {
    service: Arc<Service>,
    seat: Arc<Seat>,
    stopped: watch::Receiver<()>,
}

/// Everything that happens on one connection. A client that goes away in the middle is its own affair.
async fn connection(stream: TcpStream, visit: Visit) {
    let Some(tls) = visit.service.tls() else {
        return requests(stream, |stream| stream, Door::Plain, visit).await;
    };
    let arrived = tokio::select! {
        arrived = timeout(HANDSHAKE_TIMEOUT, arrival(stream, Arc::clone(&tls))) => arrived,
        () = visit.seat.lost() => return,
    };
    match arrived {
        Ok(Ok(Arrival::Shaken(stream))) => {
            requests(*stream, |stream| stream.get_ref().0, Door::Tls(tls), visit).await;
        }
        Ok(Ok(Arrival::Plain(stream))) => {
            requests(stream, |stream| stream, Door::Wrong, visit).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a client could not shake hands"),
        Err(_) => tracing::debug!("a client took too long to shake hands"),
    }
}

enum Arrival {
    Shaken(Box<TlsStream<TcpStream>>),
    /// Speaks HTTP where TLS is spoken.
    Plain(TcpStream),
}

async fn arrival(stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<Arrival> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first != [TLS_HANDSHAKE] {
        return Ok(Arrival::Plain(stream));
    }
    let shaken = TlsAcceptor::from(tls).accept(stream).await?;
    Ok(Arrival::Shaken(Box::new(shaken)))
}

async fn requests<S>(stream: S, socket: fn(&S) -> &TcpStream, door: Door, visit: Visit)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (service, seat, mut stopped) = (visit.service, visit.seat, visit.stopped);
    let occupied = Arc::clone(&seat);
    let answering = service_fn(move |request| {
        occupied.asked();
        let (service, door) = (Arc::clone(&service), door.clone());
        async move { Ok::<_, std::convert::Infallible>(service.answer(&door, request).await) }
    });
    let mut connection = http1::Builder::new()
        .half_close(true) // who has said all may still listen
        .header_read_timeout(None) // a seat is lost without requests
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answering);
    let rest = tokio::select! {
        _ = &mut connection => return,
        _ = stopped.changed() => GRACE,
        () = seat.lost() => Duration::ZERO,
    };
    Pin::new(&mut connection).graceful_shutdown();
    if timeout(rest, &mut connection).await.is_err() {
        // Reset, or the kernel keeps what a slow reader has not read for as long as that likes.
        drop(socket(connection.into_parts().io.inner()).set_zero_linger());
    }
}
