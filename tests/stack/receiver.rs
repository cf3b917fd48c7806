//! A webhook receiver: keeps the notifications of Alertmanager in the order of their arrival.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::prometheus::{labels, text};
use crate::support::eventually;

/// One alert of a notification.
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
    notices: Arc<Mutex<Vec<Notice>>>,
}

impl Receiver {
    /// Listens until the runtime ends.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port can be had");
        let receiver = Self {
            address: listener.local_addr().expect("it has an address"),
            notices: Arc::default(),
        };
        let listening = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = listening.clone();
                let service = service_fn(move |request| receiver.clone().take(request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        receiver
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// All notifications so far.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        let notices = self.notices.lock();
        notices.unwrap_or_else(PoisonError::into_inner).clone()
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
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.expect("a whole body");
        let post: Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
        let now = Instant::now();
        let alerts = post["alerts"].as_array().expect("alerts").iter();
        let notices = alerts.map(|alert| Notice {
            received: now,
            receiver: path.clone(),
            is_firing: text(&alert["status"]) == "firing",
            labels: labels(&alert["labels"]),
            annotations: labels(&alert["annotations"]),
        });
        let mut all = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(notices);
        Ok(Response::new(Empty::new()))
    }
}
