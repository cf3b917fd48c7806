//! The protection of the listener: TLS, passwords, a rate limit, and configured response headers. It is immutable except for the
//! verified passwords and the rate counter. A changed web file makes a new one.

use std::sync::Arc;

use hyper::Response;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use rustls::ServerConfig;

use super::auth::{BcryptQueue, Credentials, Users, Verdict};
use super::rate::Bucket;
use super::tls;
use crate::config::{ConfigError, ServerTls, WebConfig};

/// The default accepts every request.
#[derive(Default)]
pub(crate) struct Protection {
    tls: Option<Arc<ServerConfig>>,
    client_certs: ClientCertRules,
    users: Option<Arc<Users>>,
    bucket: Option<Bucket>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What a client certificate must fulfil.
#[derive(Default)]
struct ClientCertRules {
    mandatory: bool,
    verified: bool,
    restricted_to_sans: bool,
}

impl ClientCertRules {
    fn of(tls: &ServerTls) -> Self {
        Self {
            mandatory: tls.client_certs.is_mandatory(),
            verified: tls.client_certs.is_verified(),
            restricted_to_sans: tls.allowed_sans.is_some(),
        }
    }
}

/// Why a request is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejection {
    Unauthorized,
    TooMany,
    Busy,
}

impl Protection {
    pub(super) fn new(config: WebConfig) -> Result<Self, ConfigError> {
        let client_certs = config.tls.as_ref().map(ClientCertRules::of);
        let tls = config.tls.as_ref().map(tls::server_config).transpose();
        let headers = config.headers.into_iter().filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(&value).ok()?))
        });
        Ok(Self {
            tls: tls.map_err(ConfigError::Invalid)?.map(Arc::new),
            client_certs: client_certs.unwrap_or_default(),
            users: Users::new(config.users).map(Arc::new),
            bucket: config.rate_limit.map(Bucket::new),
            headers: headers.collect(),
        })
    }

    pub(super) fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.tls.as_ref()
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(crate) fn sends_passwords_in_clear_text(&self) -> bool {
        self.users.is_some() && self.tls.is_none()
    }

    /// The configuration key of a protection that this one has and `new` lacks.
    pub(super) fn lost_in(&self, new: &Self) -> Option<&'static str> {
        let (certs, new_certs) = (&self.client_certs, &new.client_certs);
        let keys = [
            ("tls_server_config", self.tls.is_some(), new.tls.is_some()),
            (
                "basic_auth_users",
                self.users.is_some(),
                new.users.is_some(),
            ),
            ("client_auth_type", certs.mandatory, new_certs.mandatory),
            ("client_auth_type", certs.verified, new_certs.verified),
            (
                "client_allowed_sans",
                certs.restricted_to_sans,
                new_certs.restricted_to_sans,
            ),
        ];
        let lost = keys.into_iter().find(|(_, was, is)| *was && !is);
        lost.map(|(key, ..)| key)
    }

    pub(super) async fn admit(
        &self,
        headers: &HeaderMap,
        queue: &BcryptQueue,
    ) -> Result<(), Rejection> {
        if self.bucket.as_ref().is_some_and(|bucket| !bucket.take()) {
            return Err(Rejection::TooMany);
        }
        let Some(users) = &self.users else {
            return Ok(());
        };
        let header = headers.get(AUTHORIZATION);
        let Some(credentials) = header.and_then(Credentials::parse) else {
            return Err(Rejection::Unauthorized);
        };
        match users.authenticate(credentials, queue).await {
            Verdict::Accepted => Ok(()),
            Verdict::Rejected => Err(Rejection::Unauthorized),
            Verdict::Busy => Err(Rejection::Busy),
        }
    }

    pub(super) fn add_headers<T>(&self, reply: &mut Response<T>) {
        for (name, value) in &self.headers {
            reply.headers_mut().insert(name, value.clone());
        }
    }
}
