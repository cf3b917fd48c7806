//! A receiver of notifications: keeps what is posted to it, in the order of arrival, and can refuse it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::https::WebFolder;
use super::wait::eventually;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) received: Instant,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
    /// The status that it was answered with.
    pub(crate) answer: u16,
}

/// One alert of a notification in the format of Alertmanager's webhook.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) received: Instant,
    /// The path it was posted to.
    pub(crate) receiver: String,
    pub(crate) is_firing: bool,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Notice {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

#[derive(Clone)]
pub(crate) struct Receiver {
    address: SocketAddr,
    posts: Arc<Mutex<Vec<Post>>>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    /// Listens until the runtime ends.
    pub(crate) async fn start() -> Self {
        Self::listen(None).await
    }

    /// The same with the certificate `web` of this folder.
    pub(crate) async fn start_with_tls(web: &WebFolder) -> Self {
        Self::listen(Some(web.acceptor())).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port can be had");
        let receiver = Self {
            address: listener.local_addr().expect("it has an address"),
            posts: Arc::default(),
            status: Arc::new(AtomicU16::new(200)),
        };
        let listening = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (receiver, tls) = (listening.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => receiver.serve(stream).await,
                        // A client that does not trust the certificate closes the connection.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                receiver.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        receiver
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(move |request| self.clone().take(request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        drop(connection.await);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, it answers with this status.
    pub(crate) fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// All requests so far.
    pub(crate) fn posts(&self) -> Vec<Post> {
        let posts = self.posts.lock();
        posts.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The alerts of all notifications that were accepted so far.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        let posts = self.posts().into_iter();
        let accepted = posts.filter(|post| post.answer == 200);
        accepted.flat_map(|post| notices(&post)).collect()
    }

    /// Waits for the next notification that matches.
    pub(crate) async fn next(
        &self,
        limit: Duration,
        what: &str,
        is_wanted: impl Fn(&Notice) -> bool,
    ) -> Notice {
        let begun = Instant::now();
        eventually(limit, what, async || {
            let notices = self.notices().into_iter();
            let mut new = notices.filter(|notice| notice.received >= begun);
            new.find(&is_wanted)
        })
        .await
    }

    async fn take(self, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a whole body");
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        });
        let answer = self.status.load(Ordering::Relaxed);
        let post = Post {
            received: Instant::now(),
            path: head.uri.path().to_owned(),
            headers: headers.collect(),
            body: serde_json::from_slice(&body.to_bytes()).expect("JSON"),
            answer,
        };
        let mut all = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(post);
        let mut response = Response::new(Empty::new());
        *response.status_mut() = answer.try_into().expect("a status");
        Ok(response)
    }
}

fn notices(post: &Post) -> Vec<Notice> {
    let alerts = post.body["alerts"].as_array().expect("alerts").iter();
    let notice = |alert: &Value| Notice {
        received: post.received,
        receiver: post.path.clone(),
        is_firing: alert["status"] == "firing",
        labels: texts(&alert["labels"]),
        annotations: texts(&alert["annotations"]),
    };
    alerts.map(notice).collect()
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    let pairs = pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default()));
    pairs
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}
