//! HTTP requests that the agent sends: notifications, and questions to Prometheus. One connection for each request, with one deadline for
//! all of it and a limit for the answer. It follows no redirect: a secret goes only to the address that is configured.

mod error;
mod transport;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use crate::build_info::VERSION;
pub(crate) use error::WebError;
use transport::Transport;
pub(crate) use url::Url;

/// The maximum size of a file that has a secret.
const SECRET_BYTES: u64 = 64 * 1024;

/// How a request proves who sends it (RFC 7617, RFC 6750).
#[derive(Debug, Clone)]
pub(crate) enum Authorization {
    None,
    Basic {
        user: String,
        password: SecretString,
    },
    Bearer(SecretString),
}

/// A `POST`.
#[derive(Debug)]
pub(crate) struct WebRequest {
    pub(crate) url: Url,
    pub(crate) authorization: Authorization,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

/// What one request may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For name resolution, TCP, TLS, the request and the whole answer.
    pub(crate) deadline: Duration,
    /// The maximum size of the body of the answer.
    pub(crate) bytes: usize,
}

/// The answer, whatever its status is.
#[derive(Debug)]
pub(crate) struct WebResponse {
    pub(crate) status: u16,
    /// `Retry-After`, if it is a number of seconds.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

impl WebResponse {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends requests, one at a time.
#[derive(Debug)]
pub(crate) struct WebClient(Transport);

impl WebClient {
    /// `ca_file`: the CAs that sign the servers' certificates, in PEM. None: those of the operating system. They are read before each
    /// request that needs them.
    pub(crate) fn new(ca_file: Option<PathBuf>) -> Self {
        Self(Transport::new(ca_file))
    }

    /// Sends a `POST` and reads the whole answer.
    pub(crate) async fn post(
        &mut self,
        request: WebRequest,
        limits: Limits,
    ) -> Result<WebResponse, WebError> {
        let origin = request.url.origin();
        let answer = tokio::time::timeout(limits.deadline, self.exchange(request, limits.bytes));
        answer.await.unwrap_or(Err(WebError::Timeout {
            origin,
            deadline: humantime::format_duration(limits.deadline),
        }))
    }

    async fn exchange(
        &mut self,
        request: WebRequest,
        limit: usize,
    ) -> Result<WebResponse, WebError> {
        let origin = request.url.origin();
        let stream = self.0.connect(&request.url).await?;
        let message = message(request).map_err(|()| WebError::Credentials {
            problem: "a password or token has a character that no HTTP header may have".to_owned(),
        })?;
        exchange(stream, message, &origin, limit).await
    }
}

/// Sends the request over an open connection. The connection is closed with the answer.
async fn exchange<S>(
    stream: S,
    message: Request<Full<Bytes>>,
    origin: &str,
    limit: usize,
) -> Result<WebResponse, WebError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let failed = |source| WebError::Http {
        origin: origin.to_owned(),
        source,
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let answer = async {
        let response = sender.send_request(message).await.map_err(failed)?;
        read(response, origin, limit).await
    };
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        // The answer may be read completely when the connection ends.
        closed = &mut connection => match closed {
            Ok(()) => answer.await,
            Err(source) => Err(failed(source)),
        },
    }
}

async fn read<B>(response: Response<B>, origin: &str, limit: usize) -> Result<WebResponse, WebError>
where
    B: hyper::body::Body<Data = Bytes, Error = hyper::Error>,
{
    let status = response.status().as_u16();
    let seconds = response.headers().get(RETRY_AFTER);
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
    let body = Limited::new(response.into_body(), limit).collect().await;
    let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(source) => WebError::Http {
            origin: origin.to_owned(),
            source: *source,
        },
        Err(error) => {
            debug_assert!(error.is::<LengthLimitError>());
            WebError::TooLarge {
                origin: origin.to_owned(),
                limit,
            }
        }
    })?;
    Ok(WebResponse {
        status,
        retry_after: seconds.map(Duration::from_secs),
        body: body.to_bytes(),
    })
}

/// Err: the secret cannot be in a header.
fn message(request: WebRequest) -> Result<Request<Full<Bytes>>, ()> {
    let mut message = Request::new(Full::new(Bytes::from(request.body)));
    *message.method_mut() = Method::POST;
    *message.uri_mut() = request.url.path_and_query();
    let agent = HeaderValue::from_str(&format!("pgcommons/{VERSION}")).map_err(drop)?;
    let host = HeaderValue::from_str(request.url.authority()).map_err(drop)?;
    let headers = message.headers_mut();
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, agent);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(request.content_type));
    if let Some(mut value) = authorization(&request.authorization)? {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(message)
}

fn authorization(authorization: &Authorization) -> Result<Option<HeaderValue>, ()> {
    let text = match authorization {
        Authorization::None => return Ok(None),
        Authorization::Basic { user, password } => {
            let pair = Zeroizing::new(format!("{user}:{}", password.expose_secret()));
            Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
        }
        Authorization::Bearer(token) => Zeroizing::new(format!("Bearer {}", token.expose_secret())),
    };
    HeaderValue::from_str(&text).map(Some).map_err(drop)
}

/// Reads a file that contains only a secret, without the end of its line. Blocks.
pub(crate) fn read_secret(path: &std::path::Path) -> Result<SecretString, WebError> {
    use std::io::Read as _;
    let mut text = Zeroizing::new(String::new());
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(SECRET_BYTES).read_to_string(&mut text));
    read.map_err(|error| WebError::Credentials {
        problem: format!("cannot read {}: {error}", path.display()),
    })?;
    Ok(SecretString::from(text.trim_end_matches(['\n', '\r'])))
}
