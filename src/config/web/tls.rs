//! `tls_server_config`: certificate and key, and the verification of client certificates.

mod protocol;

use std::path::Path;

use secrecy::SecretString;

use super::super::keys::Key;
use super::super::raw::{Block, Leaf, RawServerTls};
use super::super::redact::quoted;
use super::super::shapes::{Secret, Text};
use super::super::values::Reader;
use super::{ClientCerts, Pem, PemKind, ServerTls};

const PREFIX: &str = "tls_server_config";

pub(in crate::config) const CLIENT_AUTH: [(&str, ClientCerts); 6] = [
    ("NoClientCert", ClientCerts::NotAsked),
    ("RequestClientCert", ClientCerts::Requested),
    ("RequireAnyClientCert", ClientCerts::Any),
    ("VerifyClientCertIfGiven", ClientCerts::VerifiedIfGiven),
    ("RequireAndVerifyClientCert", ClientCerts::Verified),
    ("RequireClientCert", ClientCerts::Any), // an older name
];

/// None: plain HTTP, because the file does not configure TLS.
pub(super) fn server_tls(
    reader: &mut Reader,
    block: Block<RawServerTls>,
    directory: &Path,
) -> Option<ServerTls> {
    let mut raw = reader.table(PREFIX, block);
    if !has_any_key(&mut raw) {
        return None;
    }
    let identity = identity(reader, directory, &mut raw);
    let ca = (RawServerTls::client_ca(), raw.client_ca.take());
    let ca_file = (RawServerTls::client_ca_file(), raw.client_ca_file.take());
    let client_ca = pem(reader, directory, ca, ca_file);
    let client_certs = client_certs(reader, raw.client_auth_type.take(), client_ca.is_some());
    let allowed_sans = allowed_sans(reader, raw.client_allowed_sans.take(), client_certs);
    let protocol = protocol::read(reader, raw);
    let (cert, key) = identity?;
    Some(ServerTls {
        cert,
        key,
        client_certs,
        client_ca,
        allowed_sans,
        protocol,
    })
}

/// Certificate and key, both or neither.
fn identity(reader: &mut Reader, directory: &Path, raw: &mut RawServerTls) -> Option<(Pem, Pem)> {
    let problems = reader.problems.len();
    let cert = (RawServerTls::cert(), raw.cert.take());
    let cert_file = (RawServerTls::cert_file(), raw.cert_file.take());
    let cert = pem(reader, directory, cert, cert_file);
    let key = (RawServerTls::key(), raw.key.take());
    let key_file = (RawServerTls::key_file(), raw.key_file.take());
    let key = pem(reader, directory, key, key_file);
    for (pem, name) in [(&cert, "cert_file"), (&key, "key_file")] {
        if pem.is_none() && reader.problems.len() == problems {
            let want = "a file in PEM; TLS needs a certificate and its key";
            reader.problem(&full_key(name), "nothing", want);
        }
    }
    Some((cert?, key?))
}

fn full_key(name: &str) -> String {
    format!("{PREFIX}.{name}")
}

/// Removes empty texts, which mean the same as missing keys in Go.
fn has_any_key(raw: &mut RawServerTls) -> bool {
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
    leaves.into_iter().fold(false, |found, leaf| {
        let blank = |value: &config::Value| value.kind == config::ValueKind::String(String::new());
        if leaf.as_ref().is_some_and(blank) {
            *leaf = None;
        }
        found || leaf.is_some()
    })
}

/// PEM text in the web file or in a file of its own, not both. Relative paths start in the directory of the web file.
fn pem(
    reader: &mut Reader,
    directory: &Path,
    (inline, text): (Key<Secret>, Leaf),
    (file, path): (Key<Text>, Leaf),
) -> Option<Pem> {
    if text.is_some() && path.is_some() {
        let want = format!("only one of {} and {}", inline.name, file.name);
        reader.problem(&full_key(inline.name), "both", want);
        return None;
    }
    if text.is_some() {
        let text = SecretString::from(reader.optional(PREFIX, text, &inline)?);
        let key = full_key(inline.name);
        let kind = PemKind::Inline(text);
        return Some(Pem { key, kind });
    }
    let key = full_key(file.name);
    let path = reader.optional(PREFIX, path, &file)?;
    if path.contains("-----BEGIN") {
        let want = format!("{}; set the text itself in {}", file.want(), inline.name);
        reader.problem(&key, quoted(&path), want);
        return None;
    }
    let kind = PemKind::File(directory.join(path));
    Some(Pem { key, kind })
}

fn client_certs(reader: &mut Reader, leaf: Leaf, has_ca: bool) -> ClientCerts {
    let spec = RawServerTls::client_auth_type();
    let problems = reader.problems.len();
    let certs = reader.value(PREFIX, leaf, &spec);
    if reader.problems.len() > problems {
        return certs;
    }
    if certs.is_verified() && !has_ca {
        // Go would use the operating system's CAs, and so accept anyone who has a certificate of a public CA.
        let named = CLIENT_AUTH.iter().find(|(_, choice)| *choice == certs);
        let name = named.map_or("", |(name, _)| name);
        let want = format!("a CA file, because client_auth_type is {name}");
        reader.problem(&full_key("client_ca_file"), "nothing", want);
    } else if has_ca && certs == ClientCerts::NotAsked {
        let want = "RequireAndVerifyClientCert, because a client CA is set";
        reader.problem(&full_key(spec.name), "NoClientCert", want);
    }
    certs
}

fn allowed_sans(reader: &mut Reader, leaf: Leaf, certs: ClientCerts) -> Option<Vec<String>> {
    let spec = RawServerTls::client_allowed_sans();
    let sans = reader.optional(PREFIX, leaf, &spec)?;
    let key = full_key(spec.name);
    if sans.is_empty() {
        reader.problem(&key, "an empty list", "at least one name");
    } else if !certs.is_mandatory() {
        let want = "client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert with it";
        reader.problem(&key, "a list", want);
    }
    Some(sans)
}
