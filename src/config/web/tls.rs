//! `tls_server_config`: each key as Go means it where rustls has the like, and refused by name where it has not.

use std::path::Path;

use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, NamedGroup, SupportedProtocolVersion};
use secrecy::SecretString;

use super::super::raw::{Block, Leaf, RawServerTls};
use super::super::values::{Reader, quoted};
use super::{ClientCerts, Pem, PemKind, ServerTls};

const PREFIX: &str = "tls_server_config";

const CLIENT_AUTH: [(&str, ClientCerts); 6] = [
    ("NoClientCert", ClientCerts::NotAsked),
    ("RequestClientCert", ClientCerts::Requested),
    ("RequireAnyClientCert", ClientCerts::Any),
    ("VerifyClientCertIfGiven", ClientCerts::VerifiedIfGiven),
    ("RequireAndVerifyClientCert", ClientCerts::Verified),
    ("RequireClientCert", ClientCerts::Any), // its name of old
];

/// Go's names. Those of TLS 1.3 may be listed, and change nothing.
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

/// None: plain HTTP, for nothing is said of TLS.
pub(super) fn server_tls(
    reader: &mut Reader,
    block: Block<RawServerTls>,
    directory: &Path,
) -> Option<ServerTls> {
    let mut raw = reader.table(PREFIX, block);
    reader.unknown(PREFIX, &raw.unknown, RawServerTls::KEYS);
    if !anything_said(&mut raw) {
        return None;
    }
    let problems = reader.problems.len();
    let cert = pem(
        reader,
        directory,
        ("cert", raw.cert),
        ("cert_file", raw.cert_file),
    );
    let key = pem(
        reader,
        directory,
        ("key", raw.key),
        ("key_file", raw.key_file),
    );
    if reader.problems.len() == problems {
        for (pem, name) in [(&cert, "cert_file"), (&key, "key_file")] {
            if pem.is_none() {
                reader.problem(
                    &keyed(name),
                    "nothing",
                    "a file in PEM; certificate and key are needed for TLS",
                );
            }
        }
    }
    let client_ca = pem(
        reader,
        directory,
        ("client_ca", raw.client_ca),
        ("client_ca_file", raw.client_ca_file),
    );
    let client_certs = client_certs(reader, raw.client_auth_type, client_ca.is_some());
    let allowed_sans = allowed_sans(reader, raw.client_allowed_sans, client_certs);
    let versions = versions(reader, raw.min_version, raw.max_version);
    let cipher_suites = cipher_suites(reader, raw.cipher_suites, &versions);
    let curves = listed(
        reader,
        "curve_preferences",
        raw.curve_preferences,
        &CURVES,
        "there is no CurveP521",
    );
    let server_order = reader.boolean(
        &keyed("prefer_server_cipher_suites"),
        raw.prefer_server_cipher_suites,
    );
    Some(ServerTls {
        cert: cert?,
        key: key?,
        client_certs,
        client_ca,
        allowed_sans,
        versions,
        cipher_suites,
        curves,
        server_order: server_order.unwrap_or(true),
    })
}

fn keyed(name: &str) -> String {
    format!("{PREFIX}.{name}")
}

/// Empty texts are as good as nothing, as they are for Go; they are taken out.
fn anything_said(raw: &mut RawServerTls) -> bool {
    let leaves = [
        &mut raw.cert,
        &mut raw.key,
        &mut raw.client_ca,
        &mut raw.cert_file,
        &mut raw.key_file,
        &mut raw.client_ca_file,
        &mut raw.client_auth_type,
        &mut raw.client_allowed_sans,
        &mut raw.min_version,
        &mut raw.max_version,
        &mut raw.cipher_suites,
        &mut raw.prefer_server_cipher_suites,
        &mut raw.curve_preferences,
    ];
    leaves.into_iter().fold(false, |said, leaf| {
        let blank = |value: &config::Value| value.kind == config::ValueKind::String(String::new());
        if leaf.as_ref().is_some_and(blank) {
            *leaf = None;
        }
        said || leaf.is_some()
    })
}

/// Given in the file itself or in one of its own, never in both. Relative paths begin where the file is.
fn pem(
    reader: &mut Reader,
    directory: &Path,
    (inline_name, inline): (&str, Leaf),
    (file_name, file): (&str, Leaf),
) -> Option<Pem> {
    if inline.is_some() && file.is_some() {
        let want = format!("only one of {inline_name} and {file_name}");
        reader.problem(&keyed(inline_name), "both", want);
        return None;
    }
    if inline.is_some() {
        let key = keyed(inline_name);
        let text = SecretString::from(reader.secret(&key, inline)?);
        let kind = PemKind::Inline(text);
        return Some(Pem { key, kind });
    }
    let key = keyed(file_name);
    let path = reader.text(&key, file)?;
    if path.contains("-----BEGIN") {
        let want = format!("the path of a file; the text itself goes under {inline_name}");
        reader.problem(&key, quoted(&path), want);
        return None;
    }
    let kind = PemKind::File(directory.join(path));
    Some(Pem { key, kind })
}

fn client_certs(reader: &mut Reader, leaf: Leaf, has_ca: bool) -> ClientCerts {
    let key = keyed("client_auth_type");
    let text = reader.text(&key, leaf);
    let problems = reader.problems.len();
    let certs = reader.choice(&key, text.clone(), &CLIENT_AUTH, ClientCerts::NotAsked);
    let verified = matches!(certs, ClientCerts::Verified | ClientCerts::VerifiedIfGiven);
    if reader.problems.len() > problems {
        return certs;
    }
    if verified && !has_ca {
        // Go would take the operating system's, and with them everybody who has a certificate for anything.
        let want = format!("a CA to verify by, for {}", text.unwrap_or_default());
        reader.problem(&keyed("client_ca_file"), "nothing", want);
    } else if has_ca && certs == ClientCerts::NotAsked {
        let want = "RequireAndVerifyClientCert, for there is a client CA";
        reader.problem(&key, "NoClientCert", want);
    }
    certs
}

fn allowed_sans(reader: &mut Reader, leaf: Leaf, certs: ClientCerts) -> Option<Vec<String>> {
    let key = keyed("client_allowed_sans");
    let sans = reader.list(&key, leaf)?;
    if sans.is_empty() {
        reader.problem(&key, "an empty list", "at least one name");
    } else if !matches!(certs, ClientCerts::Any | ClientCerts::Verified) {
        let want = "client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert beside it";
        reader.problem(&key, "a list", want);
    }
    Some(sans)
}

fn versions(reader: &mut Reader, min: Leaf, max: Leaf) -> Vec<&'static SupportedProtocolVersion> {
    let oldest = version(reader, "min_version", min, &TLS12);
    let newest = version(reader, "max_version", max, &TLS13);
    if (oldest, newest) == (&TLS13, &TLS12) {
        reader.problem(
            &keyed("max_version"),
            "TLS12",
            "no less than min_version, TLS13",
        );
    }
    if oldest == newest {
        vec![oldest]
    } else {
        vec![oldest, newest]
    }
}

fn version(
    reader: &mut Reader,
    name: &str,
    leaf: Leaf,
    default: &'static SupportedProtocolVersion,
) -> &'static SupportedProtocolVersion {
    let key = keyed(name);
    let text = reader.text(&key, leaf);
    match text.as_deref() {
        None => default,
        Some("TLS12") => &TLS12,
        Some("TLS13") => &TLS13,
        Some(other) => {
            let want = "TLS12 or TLS13; older versions are not supported";
            reader.problem(&key, quoted(other), want);
            default
        }
    }
}

fn cipher_suites(
    reader: &mut Reader,
    leaf: Leaf,
    versions: &[&'static SupportedProtocolVersion],
) -> Option<Vec<CipherSuite>> {
    let name = "cipher_suites";
    let problems = reader.problems.len();
    let suites = listed(
        reader,
        name,
        leaf,
        &CIPHER_SUITES,
        "there are none with CBC or RSA key exchange",
    )?;
    let suites: Vec<_> = suites.into_iter().flatten().collect();
    if suites.is_empty() && versions == [&TLS12] && reader.problems.len() == problems {
        reader.problem(
            &keyed(name),
            "none of TLS 1.2",
            "at least one, for max_version is TLS12",
        );
    }
    Some(suites)
}

/// A list of names that stand for something. Empty is as good as nothing, as it is for Go.
fn listed<T: Copy>(
    reader: &mut Reader,
    name: &str,
    leaf: Leaf,
    choices: &[(&str, T)],
    remark: &str,
) -> Option<Vec<T>> {
    let key = keyed(name);
    let mut chosen = Vec::new();
    let given = reader.list(&key, leaf)?;
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
