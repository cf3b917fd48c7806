//! The listener. Everything that it answers is read from memory: no request reaches PostgreSQL or waits for it. The only
//! room that knows hyper. With `--web.config.file` it asks who is there, and speaks TLS.

mod auth;
mod client_cert;
mod guard;
mod page;
mod rate;
mod routes;
mod service;
mod tls;
mod web_file;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::state::Published;
pub(crate) use guard::Guard;
use service::{Door, Service};
pub(crate) use web_file::WebFile;

/// Connections served at once; more wait in the backlog of the listener.
const CONNECTIONS: usize = 256;
/// A connection that has sent no complete request head for so long is closed, an idle one too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// A handshake that takes longer is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The first byte of a client that speaks TLS (RFC 8446, `ContentType` handshake).
const TLS_HANDSHAKE: u8 = 0x16;
/// A client that does not read for so long is dropped, or 256 of them would keep all others out.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Room for a request head; a longer one is answered with 431.
const HEAD_BYTES: usize = 16 * 1024;
/// How long answers under way may take once the process is told to stop.
const GRACE: Duration = Duration::from_secs(1);

/// Opens the listener. Without a host, every address of the machine, IPv6 and IPv4.
pub(crate) async fn bind(address: &str) -> io::Result<TcpListener> {
    let Some(port) = address.strip_prefix(':') else {
        return TcpListener::bind(address).await;
    };
    match TcpListener::bind(format!("[::]:{port}")).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(format!("0.0.0.0:{port}")).await
        }
        result => result,
    }
}

/// Serves until told to stop, then lets answers under way finish.
pub(crate) async fn serve(
    listener: TcpListener,
    published: Published,
    guard: watch::Receiver<Arc<Guard>>,
    stop: impl Future<Output = ()>,
) {
    let service = Arc::new(Service::new(published, guard));
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    let mut failing = false;
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&connections).acquire_owned() => permit,
            () = &mut stop => break,
        };
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match stream {
            Ok((stream, _)) => {
                failing = false;
                let connection = connection(stream, Arc::clone(&service), graceful.watcher());
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "accepting a connection failed");
                }
                sleep(Duration::from_millis(100)).await; // out of file descriptors: do not spin
            }
        }
    }
    drop(timeout(GRACE, graceful.shutdown()).await);
}

/// Everything that happens on one connection. A client that goes away in the middle is its own affair.
async fn connection(stream: TcpStream, service: Arc<Service>, watcher: Watcher) {
    let Some(tls) = service.tls() else {
        return requests(limited(stream), service, Door::Plain, watcher).await;
    };
    match timeout(HANDSHAKE_TIMEOUT, arrival(stream, Arc::clone(&tls))).await {
        Ok(Ok(Arrival::Shaken(stream))) => {
            requests(stream, service, Door::Tls(tls), watcher).await;
        }
        Ok(Ok(Arrival::Plain(stream))) => requests(stream, service, Door::Wrong, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "a client could not shake hands"),
        Err(_) => tracing::debug!("a client took too long to shake hands"),
    }
}

enum Arrival {
    Shaken(Box<TlsStream<Limited>>),
    /// Speaks HTTP where TLS is spoken.
    Plain(Limited),
}

type Limited = std::pin::Pin<Box<TimeoutStream<TcpStream>>>;

async fn arrival(stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<Arrival> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first != [TLS_HANDSHAKE] {
        return Ok(Arrival::Plain(limited(stream)));
    }
    let shaken = TlsAcceptor::from(tls).accept(limited(stream)).await?;
    Ok(Arrival::Shaken(Box::new(shaken)))
}

fn limited(stream: TcpStream) -> Limited {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    Box::pin(stream)
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: Arc<Service>,
    door: Door,
    watcher: Watcher,
) {
    let answering = service_fn(move |request| {
        let (service, door) = (Arc::clone(&service), door.clone());
        async move { Ok::<_, std::convert::Infallible>(service.answer(&door, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answering);
    drop(watcher.watch(connection).await);
}
