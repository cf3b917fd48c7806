//! The file of `--web.config.file`, in the format that the exporters of Prometheus share (prometheus/exporter-toolkit,
//! docs/web-configuration.md). Checked and complete; the files that it names are not read here.

mod tls;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bcrypt::HashParts;
use config::Value;
use rustls::{CipherSuite, NamedGroup, SupportedProtocolVersion};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::problem::ConfigError;
use super::raw::{Block, RawHttp, RawRateLimit, RawWebFile};
use super::shown::quoted;
use super::tree::Document;
use super::values::Reader;

/// How the listener is protected. Without a file, not at all.
#[derive(Debug, Default)]
pub(crate) struct WebConfig {
    /// `tls_server_config`
    pub(crate) tls: Option<ServerTls>,
    /// `http_server_config.headers`, under the names that the format has for them.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// `basic_auth_users`, by name; without any, nobody has to say who he is.
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
    /// Those of TLS 1.2, best first; TLS 1.3 always has all of its own, as with Go.
    pub(crate) cipher_suites: Option<Vec<CipherSuite>>,
    pub(crate) curves: Option<Vec<NamedGroup>>,
    /// `prefer_server_cipher_suites`: our order counts, not the client's.
    pub(crate) server_order: bool,
}

/// Something in PEM, and where it was said to be.
#[derive(Debug, Clone)]
pub(crate) struct Pem {
    /// As in `tls_server_config.cert_file`.
    pub(crate) key: String,
    pub(crate) kind: PemKind,
}

#[derive(Debug, Clone)]
pub(crate) enum PemKind {
    File(PathBuf),
    Inline(SecretString),
}

/// `client_auth_type`, with Go's meanings (crypto/tls, `ClientAuthType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientCerts {
    /// `NoClientCert`
    NotAsked,
    /// `RequestClientCert`: asked for, not verified.
    Requested,
    /// `RequireAnyClientCert`: any will do.
    Any,
    /// `VerifyClientCertIfGiven`
    VerifiedIfGiven,
    /// `RequireAndVerifyClientCert`
    Verified,
}

impl ClientCerts {
    /// No connection without a certificate.
    pub(crate) fn is_mandatory(self) -> bool {
        matches!(self, Self::Any | Self::Verified)
    }

    /// No certificate but of an authority that is known.
    pub(crate) fn is_verified(self) -> bool {
        matches!(self, Self::VerifiedIfGiven | Self::Verified)
    }
}

/// A hash of bcrypt that has been looked at.
#[derive(Debug, Clone)]
pub(crate) struct PasswordHash {
    text: SecretString,
    cost: u32,
}

/// A bucket of `burst` requests that gets one back every `interval`.
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
            ..Reader::default()
        };
        reader.unknown("", &raw.unknown, RawWebFile::KEYS);
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

    /// The files that it names.
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
    /// A higher cost would keep a request waiting longer than any scraper does.
    pub(crate) const COSTS: std::ops::RangeInclusive<u32> = 4..=18;

    pub(crate) fn parse(text: String) -> Result<Self, String> {
        let Ok(parts) = text.parse::<HashParts>() else {
            return Err("something that is no hash of bcrypt (not shown)".to_owned());
        };
        let cost = parts.get_cost();
        if !Self::COSTS.contains(&cost) {
            return Err(format!("a hash of cost {cost}"));
        }
        let text = SecretString::from(text);
        Ok(Self { text, cost })
    }

    /// One that costs as much as another to try, and is no password's.
    pub(crate) fn decoy(cost: u32) -> Self {
        let text = SecretString::from(format!("$2b${cost:02}${}", ".".repeat(53)));
        Self { text, cost }
    }

    pub(crate) fn cost(&self) -> u32 {
        self.cost
    }

    /// Takes long: twice as long for each step of the cost.
    pub(crate) fn fits(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, self.text.expose_secret()).unwrap_or(false)
    }
}

/// What each header may be; an empty list: anything.
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
    reader.unknown(PREFIX, &raw.unknown, RawHttp::KEYS);
    // Said or not: there is HTTP/1.1 only, and that is what the handshake offers.
    reader.boolean("http_server_config.http2", raw.http2);
    let mut headers = Vec::new();
    for (name, value) in reader.table("http_server_config.headers", raw.headers) {
        let key = format!("{PREFIX}.headers.{name}");
        let Some((name, values)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            let names: Vec<_> = HEADERS.iter().map(|(name, _)| *name).collect();
            let want = format!("one of {}", names.join(", "));
            reader.problem(&key, "an unknown header", want);
            continue;
        };
        let Some(value) = reader
            .text(&key, Some(value))
            .filter(|value| !value.is_empty())
        else {
            continue; // blank unsets it
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
        let [least, most] = [PasswordHash::COSTS.start(), PasswordHash::COSTS.end()];
        let want = format!("a hash of bcrypt ($2a$, $2b$, $2y$), of cost {least} to {most}");
        let hash = reader.secret(&key, Some(value), &want);
        match hash.map(PasswordHash::parse) {
            Some(Ok(hash)) => drop(users.insert(name, hash)),
            Some(Err(got)) => reader.problem(&key, got, want),
            None => {} // refused already
        }
    }
    users
}

fn rate_limit(reader: &mut Reader, block: Block<RawRateLimit>) -> Option<RateLimit> {
    const HOUR: Duration = Duration::from_hours(1);
    let raw = reader.table("rate_limit", block);
    reader.unknown("rate_limit", &raw.unknown, RawRateLimit::KEYS);
    let interval = reader.duration(
        "rate_limit.interval",
        raw.interval,
        Duration::ZERO,
        Duration::ZERO..=HOUR,
    );
    let given = raw.burst.is_some();
    let burst = reader.number("rate_limit.burst", raw.burst, 0..=1_000_000);
    if interval.is_zero() {
        return None;
    }
    match burst {
        Some(burst) if burst > 0 => return Some(RateLimit { interval, burst }),
        None if given => {} // complained of already
        _ => reader.problem(
            "rate_limit.burst",
            "0, with which no request would be answered",
            "a number from 1 to 1000000",
        ),
    }
    None
}

#[cfg(test)]
mod tests;
