//! The listener. Everything that it answers is read from memory: no request reaches PostgreSQL or waits for it. The only
//! room that knows hyper. With `--web.config.file` it asks who is there, and speaks TLS.

mod auth;
mod client;
mod client_cert;
mod guard;
mod gzip;
mod page;
mod rate;
mod routes;
mod seats;
mod service;
mod tls;
mod unread;
mod web_file;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::health::CloseReason;
use crate::state::Published;
use client::{Client, RECEIVE_BUFFER, SEND_BUFFER, Socket};
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
    // Connections have what the listener has.
    set_socket_send_buffer_size(&listener, SEND_BUFFER)?;
    set_socket_recv_buffer_size(&listener, RECEIVE_BUFFER)?;
    Ok(listener)
}

/// Serves until told to stop, then lets answers under way finish.
pub(crate) async fn serve(
    listener: TcpListener,
    published: Published,
    guard: watch::Receiver<Arc<Guard>>,
    stop: impl Future<Output = ()>,
) {
    let mut seats = Seats::new();
    let service = Arc::new(Service::new(published, guard, seats.count()));
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
                make_room(&mut seats).await;
            }
        }
    }
    drop(stopped);
    stopping.send_replace(());
    drop(timeout(GRACE, stopping.closed()).await);
}

/// After accepting has failed, most likely for lack of file descriptors.
async fn make_room(seats: &mut Seats) {
    if seats.free_one().await {
        yield_now().await;
    } else {
        sleep(Duration::from_millis(100)).await; // do not spin
    }
}

/// What a connection has beside its socket.
struct Visit {
    service: Arc<Service>,
    seat: Arc<Seat>,
    stopped: watch::Receiver<()>,
}

/// Everything that happens on one connection. A client that goes away in the middle is its own affair.
async fn connection(stream: TcpStream, visit: Visit) {
    let Visit {
        service,
        seat,
        stopped,
    } = visit;
    let client = Arc::new(Client::new(stream, seat));
    let conversation = async {
        converse(&client, &service, stopped.clone()).await?;
        last_bytes(&client, &service).await
    };
    if let Err(reason) = conversation.await {
        service.closed(reason);
    }
}

/// Until the client has taken everything. The connection may lose its place meanwhile.
async fn last_bytes(client: &Arc<Client>, service: &Service) -> Result<(), CloseReason> {
    let mut closing = std::pin::pin!(client.close());
    loop {
        let reason = tokio::select! {
            () = &mut closing => return Ok(()),
            reason = client.seat.lost() => reason,
        };
        if reason != CloseReason::ConnectionLimit || !service.may_stay(client) {
            client.end_if_all_is_taken();
            return Err(reason);
        }
    }
}

/// Until the client or the agent wants no more of it, or, with the reason, has to go.
async fn converse(
    client: &Arc<Client>,
    service: &Arc<Service>,
    stopped: watch::Receiver<()>,
) -> Result<(), CloseReason> {
    let Some(tls) = service.tls() else {
        let stream = Socket(Arc::clone(client));
        return requests(stream, Door::Plain, client, service, stopped).await;
    };
    let arrived = tokio::select! {
        arrived = timeout(HANDSHAKE_TIMEOUT, arrival(client, Arc::clone(&tls))) => arrived,
        reason = client.seat.lost() => return Err(reason),
    };
    match arrived {
        Ok(Ok(Arrival::Shaken(stream))) => {
            requests(*stream, Door::Tls(tls), client, service, stopped).await
        }
        Ok(Ok(Arrival::Plain(stream))) => {
            requests(stream, Door::Wrong, client, service, stopped).await
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "a client could not shake hands");
            Ok(())
        }
        Err(_) => {
            tracing::debug!("a client took too long to shake hands");
            client.end_if_all_is_taken();
            Err(CloseReason::NoRequest)
        }
    }
}

enum Arrival {
    Shaken(Box<TlsStream<Socket>>),
    /// Speaks HTTP where TLS is spoken.
    Plain(Socket),
}

async fn arrival(client: &Arc<Client>, tls: Arc<ServerConfig>) -> io::Result<Arrival> {
    let (mut first, socket) = ([0], Socket(Arc::clone(client)));
    if client.peek(&mut first).await? == 1 && first != [TLS_HANDSHAKE] {
        return Ok(Arrival::Plain(socket));
    }
    let acceptor = TlsAcceptor::from(tls);
    let bounded = |tls: &mut ServerConnection| tls.set_buffer_limit(Some(tls::BUFFER));
    let shaken = acceptor.accept_with(socket, bounded).await?;
    Ok(Arrival::Shaken(Box::new(shaken)))
}

async fn requests<S>(
    stream: S,
    door: Door,
    client: &Arc<Client>,
    service: &Arc<Service>,
    mut stopped: watch::Receiver<()>,
) -> Result<(), CloseReason>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answering = service_fn(|request| {
        client.seat.asked();
        let answer = service.answer(client, &door, request);
        async { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let mut connection = http1::Builder::new()
        .half_close(true) // who has said all may still listen
        .header_read_timeout(None) // a seat is lost without requests
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answering);
    let (rest, lost) = loop {
        let reason = tokio::select! {
            _ = &mut connection => return Ok(()),
            _ = stopped.changed() => break (GRACE, None),
            reason = client.seat.lost() => reason,
        };
        if reason != CloseReason::ConnectionLimit || !service.may_stay(client) {
            break (Duration::ZERO, Some(reason));
        }
        Pin::new(&mut connection).graceful_shutdown();
    };
    Pin::new(&mut connection).graceful_shutdown();
    // In the middle of an answer it is reset.
    if timeout(rest, &mut connection).await.is_ok() && lost.is_some() {
        client.end_if_all_is_taken();
    }
    lost.map_or(Ok(()), Err)
}
