//! The live page, the pages of the tenants and `/api/v1/status`, with their headers. Each is built when it is asked for; the two
//! that every reader asks for, at most once per second, however many readers there are.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};
use hyper::header::{HeaderName, X_CONTENT_TYPE_OPTIONS};
use percent_encoding::percent_decode_str;
use tokio::time::Instant;

use super::routes::{HTML, Reply, reply, text};
use crate::clock::wall_clock;
use crate::health::ReceiverHealth;
use crate::page::{self, Listed, TenantPage};
use crate::state::State;
use crate::status::{self, Status, sessions_of};
use crate::timeline::{PublishedTimelines, Timelines};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
const JAVASCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");

/// Names of tenants are in addresses, and figures are those of a moment.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(page::SECURITY_POLICY),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// For how long an answer is given again.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The last answer for a path, and when it was built.
#[derive(Default)]
struct Recent(Mutex<Option<(Instant, Bytes)>>);

impl Recent {
    fn get_or_build(&self, build: impl FnOnce() -> Bytes) -> Bytes {
        let mut recent = self.0.lock().expect("no page has panicked");
        let current = recent.as_ref().filter(|(at, _)| at.elapsed() < MAX_AGE);
        if let Some((_, body)) = current {
            return body.clone();
        }
        let body = build();
        *recent = Some((Instant::now(), body.clone()));
        body
    }
}

/// What is known when a page is asked for.
pub(super) struct Now<'a> {
    pub(super) state: &'a State,
    pub(super) receivers: &'a [ReceiverHealth],
}

pub(super) struct Views {
    timelines: PublishedTimelines,
    /// The path of the metrics, without the first slash.
    metrics: String,
    page: Recent,
    status: Recent,
}

impl Views {
    pub(super) fn new(timelines: PublishedTimelines, metrics_path: &str) -> Self {
        Self {
            timelines,
            metrics: metrics_path.trim_start_matches('/').to_owned(),
            page: Recent::default(),
            status: Recent::default(),
        }
    }

    /// None: there is no such path.
    pub(super) fn respond(&self, now: &Now<'_>, path: &str, query: &str) -> Option<Reply> {
        let timelines = || Arc::clone(&self.timelines.borrow());
        let mut reply = match path {
            "/" if query == "databases=all" => {
                let page = page::overview(&status(now, &timelines()), Listed::All, &self.metrics);
                reply(StatusCode::OK, HTML, page)
            }
            "/" => {
                let build = || {
                    page::overview(
                        &status(now, &timelines()),
                        Listed::MostUrgent,
                        &self.metrics,
                    )
                };
                let page = self.page.get_or_build(|| build().into());
                reply(StatusCode::OK, HTML, page)
            }
            "/api/v1/status" => {
                let build = || json(&status(now, &timelines()));
                reply(StatusCode::OK, JSON, self.status.get_or_build(build))
            }
            "/page.css" => reply(StatusCode::OK, CSS, page::STYLE),
            "/page.js" => reply(StatusCode::OK, JAVASCRIPT, page::SCRIPT),
            _ => {
                let tenant = path.strip_prefix("/tenant/")?;
                let page = self.tenant_page(now.state, &timelines(), tenant);
                page.unwrap_or_else(no_tenant)
            }
        };
        reply.headers_mut().extend(HEADERS);
        Some(reply)
    }

    /// `SERVER/DATABASE`, each percent-encoded.
    fn tenant_page(&self, state: &State, timelines: &Timelines, names: &str) -> Option<Reply> {
        let (server, datname) = names.split_once('/')?;
        let decoded = |name| percent_decode_str(name).decode_utf8().ok();
        let (server, datname) = (state.server(&decoded(server)?)?, decoded(datname)?);
        let now = wall_clock();
        let status = status::server(server, timelines, now);
        let database = status.databases.iter().find(|it| it.datname == datname)?;
        let sessions = server.snapshot().map(|it| sessions_of(it, &datname));
        let page = page::tenant(&TenantPage {
            server: &status,
            database,
            sessions: sessions.flatten().as_deref(),
            day: timelines
                .server(&server.name)
                .and_then(|it| it.database(&datname, now)),
            metrics: &self.metrics,
            time: now,
        });
        Some(reply(StatusCode::OK, HTML, page))
    }
}

fn status(now: &Now<'_>, timelines: &Timelines) -> Status {
    Status::of(now.state, timelines, now.receivers, wall_clock())
}

fn json(status: &Status) -> Bytes {
    let mut body = serde_json::to_vec(status).expect("names and numbers are JSON");
    body.push(b'\n');
    body.into()
}

fn no_tenant() -> Reply {
    text(
        StatusCode::NOT_FOUND,
        "no such database is known; its server may be down\n",
    )
}
