//! `tls_server_config`: certificate and key, and the verification of client certificates.

mod protocol;

use std::path::Path;

use secrecy::SecretString;

use super::super::raw::{Block, Leaf, RawServerTls};
use super::super::redact::quoted;
use super::super::values::{Reader, one_of};
use super::{ClientCerts, Pem, PemKind, ServerTls};

const PREFIX: &str = "tls_server_config";

const CLIENT_AUTH: [(&str, ClientCerts); 6] = [
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
    reader.unknown(PREFIX, &raw.unknown, RawServerTls::KEYS);
    if !has_any_key(&mut raw) {
        return None;
    }
    let identity = identity(reader, directory, &mut raw);
    let ca = (raw.client_ca.take(), raw.client_ca_file.take());
    let client_ca = pem(reader, directory, ["client_ca", "client_ca_file"], ca);
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
    let cert = (raw.cert.take(), raw.cert_file.take());
    let cert = pem(reader, directory, ["cert", "cert_file"], cert);
    let key = (raw.key.take(), raw.key_file.take());
    let key = pem(reader, directory, ["key", "key_file"], key);
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
    [inline_name, file_name]: [&str; 2],
    (inline, file): (Leaf, Leaf),
) -> Option<Pem> {
    if inline.is_some() && file.is_some() {
        let want = format!("only one of {inline_name} and {file_name}");
        reader.problem(&full_key(inline_name), "both", want);
        return None;
    }
    if inline.is_some() {
        let key = full_key(inline_name);
        let text = SecretString::from(reader.secret(&key, inline, "text in PEM")?);
        let kind = PemKind::Inline(text);
        return Some(Pem { key, kind });
    }
    let key = full_key(file_name);
    let path = reader.text(&key, file)?;
    if path.contains("-----BEGIN") {
        let want = format!("the path of a file; set the text itself in {inline_name}");
        reader.problem(&key, quoted(&path), want);
        return None;
    }
    let kind = PemKind::File(directory.join(path));
    Some(Pem { key, kind })
}

fn client_certs(reader: &mut Reader, leaf: Leaf, has_ca: bool) -> ClientCerts {
    let key = full_key("client_auth_type");
    let text = reader.text_like(&key, leaf, &one_of(&CLIENT_AUTH));
    let problems = reader.problems.len();
    let certs = reader.choice(&key, text.clone(), &CLIENT_AUTH, ClientCerts::NotAsked);
    if reader.problems.len() > problems {
        return certs;
    }
    if certs.is_verified() && !has_ca {
        // Go would use the operating system's CAs, and so accept anyone who has a certificate of a public CA.
        let certs = text.unwrap_or_default();
        let want = format!("a CA file, because client_auth_type is {certs}");
        reader.problem(&full_key("client_ca_file"), "nothing", want);
    } else if has_ca && certs == ClientCerts::NotAsked {
        let want = "RequireAndVerifyClientCert, because a client CA is set";
        reader.problem(&key, "NoClientCert", want);
    }
    certs
}

fn allowed_sans(reader: &mut Reader, leaf: Leaf, certs: ClientCerts) -> Option<Vec<String>> {
    let key = full_key("client_allowed_sans");
    let sans = reader.list(&key, leaf)?;
    if sans.is_empty() {
        reader.problem(&key, "an empty list", "at least one name");
    } else if !certs.is_mandatory() {
        let want = "client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert with it";
        reader.problem(&key, "a list", want);
    }
    Some(sans)
}
