//! What stands between clients and answers: TLS, passwords, a rate, and headers for all answers. Immutable but for what
//! it remembers; another file makes another guard.

use std::sync::Arc;

use hyper::Response;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use rustls::ServerConfig;

use super::auth::{Credentials, Turns, Users, Verdict};
use super::rate::Bucket;
use super::tls;
use crate::config::{ConfigError, ServerTls, WebConfig};

/// The default lets everybody in.
#[derive(Default)]
pub(crate) struct Guard {
    tls: Option<Arc<ServerConfig>>,
    clients: Clients,
    users: Option<Arc<Users>>,
    bucket: Option<Bucket>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What certificates of clients are held to.
#[derive(Default)]
struct Clients {
    mandatory: bool,
    verified: bool,
    named: bool,
}

impl Clients {
    fn of(tls: &ServerTls) -> Self {
        Self {
            mandatory: tls.client_certs.is_mandatory(),
            verified: tls.client_certs.is_verified(),
            named: tls.allowed_sans.is_some(),
        }
    }
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Unauthorized,
    TooMany,
    Busy,
}

impl Guard {
    pub(super) fn new(config: WebConfig) -> Result<Self, ConfigError> {
        let clients = config.tls.as_ref().map(Clients::of).unwrap_or_default();
        let tls = config.tls.as_ref().map(tls::server_config).transpose();
        let headers = config.headers.into_iter().filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(&value).ok()?))
        });
        Ok(Self {
            tls: tls.map_err(ConfigError::Invalid)?.map(Arc::new),
            clients,
            users: Users::new(config.users).map(Arc::new),
            bucket: config.rate_limit.map(Bucket::new),
            headers: headers.collect(),
        })
    }

    pub(super) fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.tls.as_ref()
    }

    pub(crate) fn speaks_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(crate) fn sends_passwords_in_the_clear(&self) -> bool {
        self.users.is_some() && self.tls.is_none()
    }

    /// What this one has and another lacks, under the key that it stands under.
    pub(super) fn lost_in(&self, other: &Self) -> Option<&'static str> {
        let (clients, others) = (&self.clients, &other.clients);
        let lost = [
            ("tls_server_config", self.tls.is_some(), other.tls.is_some()),
            (
                "basic_auth_users",
                self.users.is_some(),
                other.users.is_some(),
            ),
            ("client_auth_type", clients.mandatory, others.mandatory),
            ("client_auth_type", clients.verified, others.verified),
            ("client_allowed_sans", clients.named, others.named),
        ];
        let lost = lost.into_iter().find(|(_, was, is)| *was && !is);
        lost.map(|(key, ..)| key)
    }

    pub(super) async fn admit(&self, headers: &HeaderMap, turns: &Turns) -> Result<(), Refusal> {
        if self.bucket.as_ref().is_some_and(|bucket| !bucket.take()) {
            return Err(Refusal::TooMany);
        }
        let Some(users) = &self.users else {
            return Ok(());
        };
        let header = headers.get(AUTHORIZATION);
        let Some(credentials) = header.and_then(Credentials::parse) else {
            return Err(Refusal::Unauthorized);
        };
        match users.verdict(credentials, turns).await {
            Verdict::Welcome => Ok(()),
            Verdict::Refused => Err(Refusal::Unauthorized),
            Verdict::Busy => Err(Refusal::Busy),
        }
    }

    pub(super) fn mark<T>(&self, reply: &mut Response<T>) {
        for (name, value) in &self.headers {
            reply.headers_mut().insert(name, value.clone());
        }
    }
}
