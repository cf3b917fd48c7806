//! One request, from the protection of the listener to the answer. A request without access gets the same answer on every path.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Request, Response, StatusCode};
use rustls::ServerConfig;
use tokio::sync::watch;

use super::auth::BcryptQueue;
use super::client::Client;
use super::protection::{Protection, Rejection};
use super::routes::{App, Pages, Reply, text};
use super::unread::{TrackedBody, UnreadAnswers};
use crate::health::CloseReason;

pub(super) struct Service {
    app: App,
    protection: watch::Receiver<Arc<Protection>>,
    queue: BcryptQueue,
    unread: Arc<UnreadAnswers>,
}

/// How a connection carries HTTP.
#[derive(Clone)]
pub(super) enum Transport {
    Plain,
    /// TLS, with the configuration of its handshake.
    Tls(Arc<ServerConfig>),
    /// The client sent plain HTTP to a TLS port.
    PlainOnTlsPort,
}

impl Service {
    pub(super) fn new(
        pages: Pages,
        protection: watch::Receiver<Arc<Protection>>,
        max_connections: usize,
    ) -> Self {
        let unread = Arc::new(UnreadAnswers::new(max_connections));
        Self {
            app: App::new(pages, Arc::clone(&unread)),
            protection,
            queue: BcryptQueue::default(),
            unread,
        }
    }

    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.protection.borrow().tls().cloned()
    }

    /// Counts a connection that the agent closes.
    pub(super) fn count_closed(&self, reason: CloseReason) {
        self.unread.count_closed(reason);
    }

    /// Whether an evicted connection may stay open until its client has read the rest of its answer.
    pub(super) fn may_finish(&self, client: &Arc<Client>) -> bool {
        self.unread.may_finish(client)
    }

    pub(super) async fn answer(
        &self,
        client: &Arc<Client>,
        transport: &Transport,
        request: Request<Incoming>,
    ) -> Response<Full<TrackedBody>> {
        let protection = Arc::clone(&self.protection.borrow());
        let mut reply = match transport {
            Transport::PlainOnTlsPort => {
                text(StatusCode::BAD_REQUEST, "this is a port for HTTPS\n")
            }
            Transport::Plain | Transport::Tls(_) => {
                match protection.admit(request.headers(), &self.queue).await {
                    Ok(()) => self.app.respond(&request, client.slot.network()),
                    Err(rejection) => rejected(rejection),
                }
            }
        };
        protection.add_headers(&mut reply);
        if !transport.is_current(&protection) {
            // The client's next request needs a connection under the current certificates.
            let close = HeaderValue::from_static("close");
            reply.headers_mut().insert(CONNECTION, close);
        }
        reply.map(|body| Full::new(self.unread.begin(client, body)))
    }
}

impl Transport {
    /// Whether a new connection would use the same transport.
    fn is_current(&self, protection: &Protection) -> bool {
        match (self, protection.tls()) {
            (Self::Plain, None) => true,
            (Self::Tls(used), Some(current)) => Arc::ptr_eq(used, current),
            (Self::Plain | Self::Tls(_) | Self::PlainOnTlsPort, _) => false,
        }
    }
}

fn rejected(rejection: Rejection) -> Reply {
    let (status, body) = match rejection {
        Rejection::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized\n"),
        Rejection::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too many requests\n"),
        Rejection::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy\n"),
    };
    let mut reply = text(status, body);
    let (name, value) = match rejection {
        Rejection::Unauthorized => (
            WWW_AUTHENTICATE,
            "Basic realm=\"metrics\", charset=\"UTF-8\"",
        ),
        Rejection::TooMany | Rejection::Busy => (RETRY_AFTER, "1"),
    };
    reply
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    reply
}
