//! The file of `--web.config.file` before validation. The doc comment of a key is its meaning in `docs/web.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use config::Value;
use serde::Deserialize;

use super::super::keys::{Content, Key, Table, path, plain};
#[cfg(test)]
use super::super::reference::{Row, Section};
use super::super::shapes::{Choice, Durations, List, Numbers, Secret, Switch, Text};
use super::super::web::{CLIENT_AUTH, ClientCerts};
use super::{Block, HOUR, Leaf, table};

table!(RawWebFile {} {
    tls_server_config: Block<RawServerTls>;
    http_server_config: Block<RawHttp>;
    /// A bcrypt hash of cost 4 to 18 for each user, as in `{prometheus: $2y$10$...}`.
    basic_auth_users: Block<BTreeMap<String, Value>>;
    rate_limit: Block<RawRateLimit>;
});
table!(RawServerTls {
    /// The certificate chain itself.
    cert: Secret("text in PEM");
    /// The key itself.
    key: Secret("text in PEM");
    /// The CAs of the clients' certificates themselves.
    client_ca: Secret("text in PEM");
    /// The certificate chain in PEM.
    cert_file: Text("the path of a file");
    /// The key in PEM: RSA, ECDSA (P-256, P-384) or Ed25519, not encrypted.
    key_file: Text("the path of a file");
    /// The CAs of the clients' certificates, in PEM.
    client_ca_file: Text("the path of a file");
    /// Only `RequireAndVerifyClientCert` protects.
    client_auth_type: Choice<ClientCerts>(&CLIENT_AUTH) = "NoClientCert";
    /// The client's certificate must have one of these names: DNS, address, e-mail or URI, exactly as in the certificate.
    client_allowed_sans: List("[scraper.example, 192.0.2.7]");
    /// The oldest version of TLS.
    min_version: Text("TLS12 or TLS13; older versions are not supported") = "TLS12";
    /// The newest version of TLS.
    max_version: Text("TLS12 or TLS13; older versions are not supported") = "TLS13";
    /// Go's names, in order of preference. Without it: all. The suites of TLS 1.3 are always enabled.
    cipher_suites: List("[TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]");
    /// Whether the order of the server decides.
    prefer_server_cipher_suites: Switch() = "true";
    /// `X25519`, `CurveP256`, `CurveP384`. Without it: all.
    curve_preferences: List("[X25519, CurveP256]");
});
table!(RawHttp {
    /// Has no effect, see below.
    http2: Switch() = "true";
} {
    /// Sent in every response: `Content-Security-Policy`, `X-Frame-Options`, `X-Content-Type-Options`, `X-XSS-Protection`,
    /// `Strict-Transport-Security`.
    headers: Block<BTreeMap<String, Value>>;
});
table!(
/// One limit for the requests of all clients together: `burst` requests at once, and one more per interval. Further requests get 429.
RawRateLimit {
    /// `0s` is no limit.
    interval: Durations(Duration::ZERO..=HOUR) = "0s";
    /// Needed with an interval.
    burst: Numbers<u32>(0..=1_000_000);
});
