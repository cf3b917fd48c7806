//! One request, from the guard to the answer. Whoever is not let in gets the same answer on every path.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Request, Response, StatusCode};
use rustls::ServerConfig;
use tokio::sync::watch;

use super::auth::Turns;
use super::client::Client;
use super::guard::{Guard, Refusal};
use super::routes::{App, Reply, text};
use super::unread::{TrackedBody, UnreadAnswers};
use crate::health::CloseReason;
use crate::state::Published;

pub(super) struct Service {
    app: App,
    guard: watch::Receiver<Arc<Guard>>,
    turns: Turns,
    unread: Arc<UnreadAnswers>,
}

/// How a client came in.
#[derive(Clone)]
pub(super) enum Door {
    Plain,
    /// With what was in force then.
    Tls(Arc<ServerConfig>),
    /// Speaks HTTP where TLS is spoken.
    Wrong,
}

impl Service {
    pub(super) fn new(
        published: Published,
        guard: watch::Receiver<Arc<Guard>>,
        places: usize,
    ) -> Self {
        let unread = Arc::new(UnreadAnswers::new(places));
        Self {
            app: App::new(published, Arc::clone(&unread)),
            guard,
            turns: Turns::default(),
            unread,
        }
    }

    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.guard.borrow().tls().cloned()
    }

    /// The agent closes a connection.
    pub(super) fn closed(&self, reason: CloseReason) {
        self.unread.closed(reason);
    }

    /// Whether a connection that has lost its place may stay until its client has taken the rest.
    pub(super) fn may_stay(&self, client: &Arc<Client>) -> bool {
        self.unread.may_stay(client)
    }

    pub(super) async fn answer(
        &self,
        client: &Arc<Client>,
        door: &Door,
        request: Request<Incoming>,
    ) -> Response<Full<TrackedBody>> {
        let guard = Arc::clone(&self.guard.borrow());
        let mut reply = match door {
            Door::Wrong => text(StatusCode::BAD_REQUEST, "this is a port for HTTPS\n"),
            Door::Plain | Door::Tls(_) => match guard.admit(request.headers(), &self.turns).await {
                Ok(()) => self.app.respond(&request),
                Err(refusal) => refused(refusal),
            },
        };
        guard.mark(&mut reply);
        if !door.is_of(&guard) {
            // Another certificate, or other certificates of clients, count from the next request on.
            let close = HeaderValue::from_static("close");
            reply.headers_mut().insert(CONNECTION, close);
        }
        reply.map(|body| Full::new(self.unread.begin(client, body)))
    }
}

impl Door {
    fn is_of(&self, guard: &Guard) -> bool {
        match (self, guard.tls()) {
            (Self::Plain, None) => true,
            (Self::Tls(then), Some(now)) => Arc::ptr_eq(then, now),
            (Self::Plain | Self::Tls(_) | Self::Wrong, _) => false,
        }
    }
}

fn refused(refusal: Refusal) -> Reply {
    let (status, body) = match refusal {
        Refusal::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized\n"),
        Refusal::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too many requests\n"),
        Refusal::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy\n"),
    };
    let mut reply = text(status, body);
    let (name, value) = match refusal {
        Refusal::Unauthorized => (
            WWW_AUTHENTICATE,
            "Basic realm=\"metrics\", charset=\"UTF-8\"",
        ),
        Refusal::TooMany | Refusal::Busy => (RETRY_AFTER, "1"),
    };
    reply
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    reply
}
