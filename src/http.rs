//! The listener. Everything that it answers is read from memory: no request reaches PostgreSQL or waits for it. The only
//! room that knows hyper.

mod page;
mod routes;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::state::Published;
use routes::App;

/// Connections served at once; more wait in the backlog of the listener.
const CONNECTIONS: usize = 256;
/// A connection that has sent no complete request head for so long is closed, an idle one too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
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
    stop: impl Future<Output = ()>,
) {
    let app = Arc::new(App::new(published));
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
                let connection = graceful.watch(connection(stream, Arc::clone(&app)));
                tokio::spawn(async move {
                    // A client that goes away in the middle is its own affair.
                    drop(connection.await);
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

fn connection(
    stream: TcpStream,
    app: Arc<App>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    let service = service_fn(move |request| {
        let response = app.respond(&request);
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
}
