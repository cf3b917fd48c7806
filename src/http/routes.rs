//! The paths and their answers.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::gzip::{Gzip, accepts_gzip};
use super::unread::UnreadAnswers;
use super::views::{Now, Views};
use crate::metrics::{AgentState, Exposition};
use crate::notify::ReceiversHealth;
use crate::scrapes::ScrapeLog;
use crate::state::{Page, Published, Reload, Server, State};
use crate::timeline::PublishedTimelines;

pub(super) type Reply = Response<Bytes>;

const EXPOSITION: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// What is answered from, and where the metrics are.
pub(crate) struct Pages {
    pub(crate) published: Published,
    /// `web.telemetry_path`
    pub(crate) metrics_path: String,
    pub(crate) scrapes: ScrapeLog,
    pub(crate) receivers: ReceiversHealth,
    /// None: `web.page` is false, and there are no pages for people.
    pub(crate) timelines: Option<PublishedTimelines>,
}

pub(super) struct App {
    pages: Pages,
    views: Option<Views>,
    exposition: Exposition,
    gzip: Gzip,
    unread: Arc<UnreadAnswers>,
}

impl App {
    pub(super) fn new(mut pages: Pages, unread: Arc<UnreadAnswers>) -> Self {
        let timelines = pages.timelines.take();
        let views = timelines.map(|it| Views::new(it, &pages.metrics_path));
        Self {
            views,
            pages,
            exposition: Exposition::default(),
            gzip: Gzip::default(),
            unread,
        }
    }

    pub(super) fn respond(&self, request: &Request<Incoming>, client: IpAddr) -> Reply {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            reply
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        let state = self.pages.published.borrow().clone().as_of(Instant::now());
        let metrics_path = &*self.pages.metrics_path;
        match request.uri().path() {
            path if path == metrics_path => match parameter(request, "server") {
                Some(name) => self.one(&state, &name, request, client),
                None => self.all(&state, request, client),
            },
            "/probe" => match parameter(request, "target") {
                Some(name) => self.one(&state, &name, request, client),
                None => text(StatusCode::BAD_REQUEST, "target is missing\n"),
            },
            "/-/healthy" => text(StatusCode::OK, "healthy\n"),
            "/-/ready" => ready(&state),
            path => {
                let query = request.uri().query().unwrap_or_default();
                let views = self.views.as_ref();
                let receivers = Arc::clone(&self.pages.receivers.borrow());
                let now = Now {
                    state: &state,
                    receivers: &receivers,
                };
                let reply = views.and_then(|views| views.respond(&now, path, query));
                reply.unwrap_or_else(|| self.not_found())
            }
        }
    }

    fn not_found(&self) -> Reply {
        let pages = if self.views.is_some() {
            "/, /api/v1/status, "
        } else {
            ""
        };
        let metrics = &self.pages.metrics_path;
        let paths =
            format!("not found; there are {pages}{metrics}, /probe, /-/healthy and /-/ready\n");
        text(StatusCode::NOT_FOUND, paths)
    }

    fn all(&self, state: &State, request: &Request<Incoming>, client: IpAddr) -> Reply {
        self.served(None, request, client);
        let servers: Vec<&Server> = state.servers.iter().map(AsRef::as_ref).collect();
        let gzip = accepts_gzip(request.headers());
        self.exposition(&state.page, &servers, &state.reload, gzip)
    }

    /// The name is not in the answer: as a target it may be a connection string.
    fn one(&self, state: &State, name: &str, request: &Request<Incoming>, client: IpAddr) -> Reply {
        let Some(server) = state.server(name) else {
            let none = "no server of this name is configured\n";
            return text(StatusCode::NOT_FOUND, none);
        };
        self.served(Some(name), request, client);
        let gzip = accepts_gzip(request.headers());
        self.exposition(&server.page, &[server], &state.reload, gzip)
    }

    /// Remembers when this client was sent the page of a server, or of all of them.
    fn served(&self, server: Option<&str>, request: &Request<Incoming>, client: IpAddr) {
        if request.method() == Method::GET {
            let now = Instant::now();
            let log = &self.pages.scrapes;
            log.send_modify(|scrapes| scrapes.served(server, client, now));
        }
    }

    /// Builds each encoding of a page at most once per poll, at its first request.
    fn exposition(&self, page: &Page, servers: &[&Server], reload: &Reload, gzip: bool) -> Reply {
        let write = |page: &mut dyn Write| {
            let agent = AgentState {
                reload: *reload,
                listener: self.unread.health(),
                receivers: self.pages.receivers.borrow().to_vec(),
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

/// The first value of a parameter of the query.
fn parameter<'a>(request: &'a Request<Incoming>, name: &str) -> Option<Cow<'a, str>> {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find_map(|(key, value)| (key == name).then_some(value))
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
