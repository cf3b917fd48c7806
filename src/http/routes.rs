//! The paths and their answers.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::gzip::{Gzip, accepts_gzip};
use super::unread::UnreadAnswers;
use super::views::Views;
use crate::metrics::{AgentState, Exposition};
use crate::state::{Page, Published, Reload, Server, State};
use crate::timeline::PublishedTimelines;

pub(super) type Reply = Response<Bytes>;

const EXPOSITION: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

pub(super) struct App {
    published: Published,
    /// None: `web.page` is false.
    views: Option<Views>,
    exposition: Exposition,
    gzip: Gzip,
    unread: Arc<UnreadAnswers>,
}

impl App {
    pub(super) fn new(
        published: Published,
        timelines: Option<PublishedTimelines>,
        unread: Arc<UnreadAnswers>,
    ) -> Self {
        Self {
            published,
            views: timelines.map(Views::new),
            exposition: Exposition::default(),
            gzip: Gzip::default(),
            unread,
        }
    }

    pub(super) fn respond(&self, request: &Request<Incoming>) -> Reply {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            reply
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        let state = self.published.borrow().clone().as_of(Instant::now());
        match request.uri().path() {
            "/metrics" => self.metrics(&state, request),
            "/-/healthy" => text(StatusCode::OK, "healthy\n"),
            "/-/ready" => ready(&state),
            path => {
                let query = request.uri().query().unwrap_or_default();
                let views = self.views.as_ref();
                let reply = views.and_then(|views| views.respond(&state, path, query));
                reply.unwrap_or_else(|| self.not_found())
            }
        }
    }

    fn not_found(&self) -> Reply {
        let paths = if self.views.is_some() {
            "not found; there are /, /metrics, /api/v1/status, /-/healthy and /-/ready\n"
        } else {
            "not found; there are /metrics, /-/healthy and /-/ready\n"
        };
        text(StatusCode::NOT_FOUND, paths)
    }

    fn metrics(&self, state: &State, request: &Request<Incoming>) -> Reply {
        let query = request.uri().query().unwrap_or_default();
        let server = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "server");
        let gzip = accepts_gzip(request.headers());
        let Some((_, name)) = server else {
            let servers: Vec<&Server> = state.servers.iter().map(AsRef::as_ref).collect();
            return self.exposition(&state.page, &servers, &state.reload, gzip);
        };
        match state.server(&name) {
            Some(server) => self.exposition(&server.page, &[server], &state.reload, gzip),
            None => text(
                StatusCode::NOT_FOUND,
                "no server of this name is configured\n",
            ),
        }
    }

    /// Builds each encoding of a page at most once per poll, at its first request.
    fn exposition(&self, page: &Page, servers: &[&Server], reload: &Reload, gzip: bool) -> Reply {
        let write = |page: &mut dyn Write| {
            let agent = AgentState {
                reload: *reload,
                listener: self.unread.health(),
            };
            self.exposition.write(servers, &agent, page)
        };
        let mut reply = if gzip {
            let body = page.gzip.get_or_init(|| match page.plain.get() {
                Some(plain) => self.gzip.page(|page| page.write_all(plain)),
                None => self.gzip.page(write),
            });
            let mut reply = reply(StatusCode::OK, EXPOSITION, body.clone());
            reply
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            reply
        } else {
            let body = page.plain.get_or_init(|| plain(write));
            reply(StatusCode::OK, EXPOSITION, body.clone())
        };
        reply
            .headers_mut()
            .insert(VARY, HeaderValue::from_static("accept-encoding"));
        reply
    }
}

/// 200 if at least one server is up: a server that is down must not take the metrics of the others out of service.
fn ready(state: &State) -> Reply {
    let up = state.servers.iter().any(|server| server.status.is_ok());
    let line = |server: &Arc<Server>| {
        let status = server
            .status
            .as_ref()
            .map_or_else(|down| down.label(), |_| "up");
        format!("{}: {status}\n", server.name)
    };
    let status = if up {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    text(status, state.servers.iter().map(line).collect::<String>())
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    reply(status, TEXT, body)
}

pub(super) fn reply(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

type Written = io::Result<()>;

fn plain(write: impl FnOnce(&mut dyn Write) -> Written) -> Bytes {
    let mut page = Vec::new();
    write(&mut page).expect("writing to memory cannot fail");
    page.shrink_to_fit(); // the page is kept until the next poll
    page.into()
}
