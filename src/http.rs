//! The listener. It answers every request from memory: no request reaches PostgreSQL or waits for it. Only this room uses hyper.
//! With `--web.config.file` it authenticates clients and uses TLS.

mod auth;
mod client;
mod client_cert;
mod connection_table;
mod gzip;
mod protection;
mod rate;
mod routes;
mod service;
mod tls;
mod unread;
mod views;
mod web_file;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
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
use client::{Client, RECEIVE_BUFFER, SEND_BUFFER, Socket};
use connection_table::{ConnectionTable, Slot};
pub(crate) use protection::Protection;
pub(crate) use routes::Pages;
use service::{Service, Transport};
pub(crate) use web_file::WebFile;

/// The deadline of a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The first byte of a TLS connection (RFC 8446, `ContentType` handshake).
const TLS_HANDSHAKE: u8 = 0x16;
/// The maximum size of a request head. A longer one is answered with 431.
const HEAD_BYTES: usize = 16 * 1024;
/// How many connections may wait to be accepted. The client of a further one tries again after a second. The kernel has its own
/// limit (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;
/// How long answers may take after the process is asked to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Opens the listener. Without a host it listens on every address, IPv6 and IPv4.
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
    // Calls listen(2) again, because the library's backlog is smaller.
    rustix::net::listen(&listener, BACKLOG)?;
    // Accepted connections inherit these sizes.
    set_socket_send_buffer_size(&listener, SEND_BUFFER)?;
    set_socket_recv_buffer_size(&listener, RECEIVE_BUFFER)?;
    Ok(listener)
}

/// The next connection to any of the listeners, in random order: many connections to one of them do not keep another one waiting.
/// Cancel-safe.
async fn accept(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|context| {
        let (before, from) = listeners.split_at(fastrand::usize(..listeners.len()));
        let mut accepted = from.iter().chain(before).map(|it| it.poll_accept(context));
        accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// Serves until `stop`, and then lets current answers finish. Without timelines there are no pages for people.
pub(crate) async fn serve(
    listeners: Vec<TcpListener>,
    pages: Pages,
    protection: watch::Receiver<Arc<Protection>>,
    stop: impl Future<Output = ()>,
) {
    let mut table = ConnectionTable::new();
    let service = Arc::new(Service::new(pages, protection, table.capacity()));
    let (stopping, stopped) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listeners) => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                failing = false;
                let context = Context {
                    service: Arc::clone(&service),
                    slot: table.insert(peer.ip()).await,
                    stopped: stopped.clone(),
                };
                tokio::spawn(serve_connection(stream, context));
                // Lets the evicted connection close and the new one answer before the next one is accepted.
                yield_now().await;
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "accepting a connection failed");
                }
                free_file_descriptor(&mut table).await;
            }
        }
    }
    drop(stopped);
    stopping.send_replace(());
    drop(timeout(SHUTDOWN_TIMEOUT, stopping.closed()).await);
}

/// Accepting has failed, most likely because the process has no free file descriptor.
async fn free_file_descriptor(table: &mut ConnectionTable) {
    if table.evict_one().await {
        yield_now().await;
    } else {
        sleep(Duration::from_millis(100)).await; // do not spin
    }
}

/// What a connection needs in addition to its socket.
struct Context {
    service: Arc<Service>,
    slot: Arc<Slot>,
    stopped: watch::Receiver<()>,
}

/// Serves one connection to its end. A client that disconnects early is no error.
async fn serve_connection(stream: TcpStream, context: Context) {
    let Context {
        service,
        slot,
        stopped,
    } = context;
    let client = Arc::new(Client::new(stream, slot));
    let served = async {
        serve_client(&client, &service, stopped.clone()).await?;
        close(&client, &service).await
    };
    if let Err(reason) = served.await {
        service.count_closed(reason);
    }
}

/// Waits until the client has acknowledged everything. The connection may be evicted meanwhile.
async fn close(client: &Arc<Client>, service: &Service) -> Result<(), CloseReason> {
    let mut closing = std::pin::pin!(client.close());
    loop {
        let reason = tokio::select! {
            () = &mut closing => return Ok(()),
            reason = client.slot.must_close() => reason,
        };
        if reason != CloseReason::ConnectionLimit || !service.may_finish(client) {
            client.end_if_all_acknowledged();
            return Err(reason);
        }
    }
}

/// Answers requests until the client or the agent ends the connection. An error is the reason why the agent must close it.
async fn serve_client(
    client: &Arc<Client>,
    service: &Arc<Service>,
    stopped: watch::Receiver<()>,
) -> Result<(), CloseReason> {
    let Some(tls) = service.tls() else {
        let stream = Socket(Arc::clone(client));
        return serve_http(stream, Transport::Plain, client, service, stopped).await;
    };
    let handshake = tokio::select! {
        handshake = timeout(HANDSHAKE_TIMEOUT, handshake(client, Arc::clone(&tls))) => handshake,
        reason = client.slot.must_close() => return Err(reason),
    };
    match handshake {
        Ok(Ok(Handshake::Completed(stream))) => {
            serve_http(*stream, Transport::Tls(tls), client, service, stopped).await
        }
        Ok(Ok(Handshake::PlainHttp(stream))) => {
            let transport = Transport::PlainOnTlsPort;
            serve_http(stream, transport, client, service, stopped).await
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            Ok(())
        }
        Err(_) => {
            tracing::debug!("a TLS handshake timed out");
            client.end_if_all_acknowledged();
            Err(CloseReason::NoRequest)
        }
    }
}

enum Handshake {
    Completed(Box<TlsStream<Socket>>),
    /// The client sends plain HTTP to a TLS port.
    PlainHttp(Socket),
}

async fn handshake(client: &Arc<Client>, tls: Arc<ServerConfig>) -> io::Result<Handshake> {
    let (mut first, socket) = ([0], Socket(Arc::clone(client)));
    if client.peek(&mut first).await? == 1 && first != [TLS_HANDSHAKE] {
        return Ok(Handshake::PlainHttp(socket));
    }
    let acceptor = TlsAcceptor::from(tls);
    let limit_buffer = |tls: &mut ServerConnection| tls.set_buffer_limit(Some(tls::BUFFER));
    let stream = acceptor.accept_with(socket, limit_buffer).await?;
    Ok(Handshake::Completed(Box::new(stream)))
}

async fn serve_http<S>(
    stream: S,
    transport: Transport,
    client: &Arc<Client>,
    service: &Arc<Service>,
    mut stopped: watch::Receiver<()>,
) -> Result<(), CloseReason>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answering = service_fn(|request| {
        client.slot.request_arrived();
        let answer = service.answer(client, &transport, request);
        async { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let mut connection = http1::Builder::new()
        .half_close(true) // a client may stop sending and still read
        .header_read_timeout(None) // the connection table closes connections without requests
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answering);
    let (time_left, closed) = loop {
        let reason = tokio::select! {
            _ = &mut connection => return Ok(()),
            _ = stopped.changed() => break (SHUTDOWN_TIMEOUT, None),
            reason = client.slot.must_close() => reason,
        };
        if reason != CloseReason::ConnectionLimit || !service.may_finish(client) {
            break (Duration::ZERO, Some(reason));
        }
        Pin::new(&mut connection).graceful_shutdown();
    };
    Pin::new(&mut connection).graceful_shutdown();
    // Without time left, an unfinished answer is reset.
    if timeout(time_left, &mut connection).await.is_ok() && closed.is_some() {
        client.end_if_all_acknowledged();
    }
    closed.map_or(Ok(()), Err)
}
