//! The file of `--web.config.file`, in the format of Prometheus exporters (prometheus/exporter-toolkit,
//! docs/web-configuration.md), validated. The files that it names are not read here.

mod tls;

pub(super) use tls::CLIENT_AUTH;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bcrypt::HashParts;
use config::Value;
use rustls::{CipherSuite, NamedGroup, SupportedProtocolVersion};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::keys::Shape as _;
use super::problem::ConfigError;
use super::raw::{Block, RawHttp, RawRateLimit, RawWebFile};
use super::redact::quoted;
use super::shapes::Secret;
use super::unknown::Form;
use super::values::Reader;
use super::yaml::Document;

/// The protection of the listener. Without a web file there is none.
#[derive(Debug, Default)]
pub(crate) struct WebConfig {
    /// `tls_server_config`
    pub(crate) tls: Option<ServerTls>,
    /// `http_server_config.headers`: only the header names that the format defines.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// `basic_auth_users` by name. Without users, requests need no authentication.
    pub(crate) users: BTreeMap<String, PasswordHash>,
    /// `rate_limit`
    pub(crate) rate_limit: Option<RateLimit>,
}

#[derive(Debug)]
pub(crate) struct ServerTls {
    pub(crate) cert: Pem,
    pub(crate) key: Pem,
    pub(crate) client_certs: ClientCerts,
    pub(crate) client_ca: Option<Pem>,
    /// `client_allowed_sans`: a client's certificate must have one of them.
    pub(crate) allowed_sans: Option<Vec<String>>,
    pub(crate) protocol: Protocol,
}

#[derive(Debug)]
pub(crate) struct Protocol {
    /// From `min_version` to `max_version`.
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    /// TLS 1.2 cipher suites in order of preference. TLS 1.3 always has all of its own, as in Go.
    pub(crate) cipher_suites: Option<Vec<CipherSuite>>,
    pub(crate) curves: Option<Vec<NamedGroup>>,
    /// `prefer_server_cipher_suites`: the server's order decides, not the client's.
    pub(crate) server_order: bool,
}

/// A PEM text and the key that it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Pem {
    /// For example `tls_server_config.cert_file`.
    pub(crate) key: String,
    pub(crate) kind: PemKind,
}

#[derive(Debug, Clone)]
pub(crate) enum PemKind {
    File(PathBuf),
    Inline(SecretString),
}

/// `client_auth_type` (Go's crypto/tls, `ClientAuthType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientCerts {
    /// `NoClientCert`
    NotAsked,
    /// `RequestClientCert`: requested, not verified.
    Requested,
    /// `RequireAnyClientCert`: required, not verified.
    Any,
    /// `VerifyClientCertIfGiven`
    VerifiedIfGiven,
    /// `RequireAndVerifyClientCert`
    Verified,
}

impl ClientCerts {
    /// Whether a client without a certificate is refused.
    pub(crate) fn is_mandatory(self) -> bool {
        matches!(self, Self::Any | Self::Verified)
    }

    /// Whether a certificate must be signed by the client CA.
    pub(crate) fn is_verified(self) -> bool {
        matches!(self, Self::VerifiedIfGiven | Self::Verified)
    }
}

/// A bcrypt hash in a valid format.
#[derive(Debug, Clone)]
pub(crate) struct PasswordHash {
    text: SecretString,
    cost: u32,
}

/// A token bucket of size `burst` that gets one token every `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimit {
    pub(crate) interval: Duration,
    pub(crate) burst: u32,
}

impl WebConfig {
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let directory = path.parent().unwrap_or_else(|| Path::new(""));
        Self::checked(super::read(path)?, directory)
    }

    fn checked(document: Document, directory: &Path) -> Result<Self, ConfigError> {
        let raw = RawWebFile::deserialize(Value::from(document.table));
        let raw = raw.map_err(|_| ConfigError::Mirror)?;
        let mut reader = Reader {
            problems: document.repeated,
            form: Form::Web,
            ..Reader::default()
        };
        reader.unknown("", &raw);
        let config = Self {
            tls: tls::server_tls(&mut reader, raw.tls_server_config, directory),
            headers: headers(&mut reader, raw.http_server_config),
            users: users(&mut reader, raw.basic_auth_users),
            rate_limit: rate_limit(&mut reader, raw.rate_limit),
        };
        if reader.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid(reader.problems))
        }
    }

    /// The files that the web file names.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let tls = self.tls.iter();
        let pems = tls.flat_map(|tls| [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()]);
        let files = pems.flatten().filter_map(|pem| match &pem.kind {
            PemKind::File(path) => Some(path.clone()),
            PemKind::Inline(_) => None,
        });
        files.collect()
    }
}

impl PasswordHash {
    /// With a higher cost, verification takes longer than the timeout of any scraper.
    pub(crate) const COSTS: std::ops::RangeInclusive<u32> = 4..=18;

    pub(crate) fn parse(text: String) -> Result<Self, String> {
        let Ok(parts) = text.parse::<HashParts>() else {
            return Err("a value that is not a bcrypt hash (not shown)".to_owned());
        };
        let cost = parts.get_cost();
        if !Self::COSTS.contains(&cost) {
            return Err(format!("a bcrypt hash of cost {cost}"));
        }
        let text = SecretString::from(text);
        Ok(Self { text, cost })
    }

    /// A hash that matches no password and takes as long to verify as another of this cost.
    pub(crate) fn decoy(cost: u32) -> Self {
        let text = SecretString::from(format!("$2b${cost:02}${}", ".".repeat(53)));
        Self { text, cost }
    }

    pub(crate) fn cost(&self) -> u32 {
        self.cost
    }

    /// Slow: each step of the cost doubles the time.
    pub(crate) fn fits(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, self.text.expose_secret()).unwrap_or(false)
    }
}

/// The allowed values of each header; an empty list allows any value.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];

fn headers(reader: &mut Reader, block: Block<RawHttp>) -> Vec<(&'static str, String)> {
    const PREFIX: &str = "http_server_config";
    let raw = reader.table(PREFIX, block);
    // Validated and then ignored: the agent supports only HTTP/1.1, and TLS negotiates only that.
    reader.value(PREFIX, raw.http2, &RawHttp::http2());
    let mut headers = Vec::new();
    let want = "a table of headers, as in http_server_config.headers.X-Frame-Options";
    for (name, value) in reader.table_like("http_server_config.headers", raw.headers, want) {
        let key = format!("{PREFIX}.headers.{name}");
        let Some((name, values)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            let names: Vec<_> = HEADERS.iter().map(|(name, _)| *name).collect();
            let want = format!("one of {}", names.join(", "));
            reader.problem(&key, "an unknown header", want);
            continue;
        };
        let value = reader.text_like(&key, value, "text");
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            continue; // an empty value unsets the header
        };
        if !values.is_empty() && !values.contains(&value.as_str()) {
            let want = format!("one of {}", values.join(", "));
            reader.problem(&key, quoted(&value), want);
        } else if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            reader.problem(&key, quoted(&value), "printable ASCII on one line");
        } else {
            headers.push((*name, value));
        }
    }
    headers
}

const HASH: &str = "a bcrypt hash ($2a$, $2b$, $2y$) of cost 4 to 18";

fn users(
    reader: &mut Reader,
    block: Block<BTreeMap<String, Value>>,
) -> BTreeMap<String, PasswordHash> {
    let mut users = BTreeMap::new();
    let want = "a table of users, as in basic_auth_users.NAME";
    for (name, value) in reader.table_like("basic_auth_users", block, want) {
        if name.contains(':') || name.contains("$2") {
            let got = "a name that no client can send, or a hash (not shown)";
            reader.problem("basic_auth_users", got, "NAME: HASH");
            continue;
        }
        let key = format!("basic_auth_users.{name}");
        let hash = Secret(HASH).read(reader, &key, value);
        match hash.map(PasswordHash::parse) {
            Some(Ok(hash)) => drop(users.insert(name, hash)),
            Some(Err(got)) => reader.problem(&key, got, HASH),
            None => {} // already a problem
        }
    }
    users
}

fn rate_limit(reader: &mut Reader, block: Block<RawRateLimit>) -> Option<RateLimit> {
    const PREFIX: &str = "rate_limit";
    let raw = reader.table(PREFIX, block);
    let interval = reader.value(PREFIX, raw.interval, &RawRateLimit::interval());
    let is_missing = raw.burst.is_none();
    let burst = reader.optional(PREFIX, raw.burst, &RawRateLimit::burst());
    if interval.is_zero() {
        return None;
    }
    let got = match burst {
        Some(0) => "0, which refuses every request",
        Some(burst) => return Some(RateLimit { interval, burst }),
        None if is_missing => "nothing",
        None => return None, // already a problem
    };
    let want = "a number from 1 to 1000000, because an interval is set";
    reader.problem("rate_limit.burst", got, want);
    None
}

#[cfg(test)]
mod tests;
