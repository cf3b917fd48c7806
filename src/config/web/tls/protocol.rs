//! TLS versions, cipher suites and curves under Go's names. Names that rustls does not support are refused.

use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, NamedGroup, SupportedProtocolVersion};

use super::super::super::keys::Key;
use super::super::super::raw::{Leaf, RawServerTls};
use super::super::super::redact::quoted;
use super::super::super::shapes::{List, Text};
use super::super::super::values::Reader;
use super::super::Protocol;
use super::{PREFIX, full_key};

/// Go's names. TLS 1.3 suites are accepted and have no effect.
const CIPHER_SUITES: [(&str, Option<CipherSuite>); 9] = [
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    ("TLS_AES_128_GCM_SHA256", None),
    ("TLS_AES_256_GCM_SHA384", None),
    ("TLS_CHACHA20_POLY1305_SHA256", None),
];

const CURVES: [(&str, NamedGroup); 3] = [
    ("X25519", NamedGroup::X25519),
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
];

pub(super) fn read(reader: &mut Reader, raw: RawServerTls) -> Protocol {
    let versions = versions(reader, raw.min_version, raw.max_version);
    let cipher_suites = cipher_suites(reader, raw.cipher_suites, &versions);
    let (curves, remark) = (
        RawServerTls::curve_preferences(),
        "CurveP521 is not supported",
    );
    let curves = listed(reader, &curves, raw.curve_preferences, &CURVES, remark);
    let order = RawServerTls::prefer_server_cipher_suites();
    Protocol {
        versions,
        cipher_suites,
        curves,
        server_order: reader.value(PREFIX, raw.prefer_server_cipher_suites, &order),
    }
}

fn versions(reader: &mut Reader, min: Leaf, max: Leaf) -> Vec<&'static SupportedProtocolVersion> {
    let oldest = version(reader, min, &RawServerTls::min_version());
    let newest = version(reader, max, &RawServerTls::max_version());
    if (oldest, newest) == (&TLS13, &TLS12) {
        reader.problem(
            &full_key("max_version"),
            "TLS12",
            "at least min_version, TLS13",
        );
    }
    if oldest == newest {
        vec![oldest]
    } else {
        vec![oldest, newest]
    }
}

fn version(reader: &mut Reader, leaf: Leaf, key: &Key<Text>) -> &'static SupportedProtocolVersion {
    let text = reader.value(PREFIX, leaf, key);
    if let Some(version) = known_version(&text) {
        return version;
    }
    reader.problem(&full_key(key.name), quoted(&text), key.want());
    let default = reader.default_of(key);
    known_version(&default).unwrap_or(&TLS13)
}

fn known_version(name: &str) -> Option<&'static SupportedProtocolVersion> {
    match name {
        "TLS12" => Some(&TLS12),
        "TLS13" => Some(&TLS13),
        _ => None,
    }
}

fn cipher_suites(
    reader: &mut Reader,
    leaf: Leaf,
    versions: &[&'static SupportedProtocolVersion],
) -> Option<Vec<CipherSuite>> {
    let key = RawServerTls::cipher_suites();
    let problems = reader.problems.len();
    let suites = listed(
        reader,
        &key,
        leaf,
        &CIPHER_SUITES,
        "CBC and RSA key exchange are not supported",
    )?;
    let suites: Vec<_> = suites.into_iter().flatten().collect();
    if suites.is_empty() && versions == [&TLS12] && reader.problems.len() == problems {
        reader.problem(
            &full_key(key.name),
            "no TLS 1.2 cipher suite",
            "at least one, because max_version is TLS12",
        );
    }
    Some(suites)
}

/// A list of choices by name. An empty list means the same as a missing key, as in Go.
fn listed<T: Copy>(
    reader: &mut Reader,
    key: &Key<List>,
    leaf: Leaf,
    choices: &[(&str, T)],
    remark: &str,
) -> Option<Vec<T>> {
    let mut chosen = Vec::new();
    let given = reader.optional(PREFIX, leaf, key)?;
    let key = full_key(key.name);
    for (n, text) in given.iter().enumerate() {
        if let Some((_, choice)) = choices.iter().find(|(name, _)| name == text) {
            chosen.push(*choice);
        } else {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let want = format!("one of {}; {remark}", names.join(", "));
            reader.problem(&format!("{key}[{n}]"), quoted(text), want);
        }
    }
    (!given.is_empty()).then_some(chosen)
}
