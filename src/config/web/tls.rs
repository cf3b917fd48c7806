//! `tls_server_config`: certificate and key, and what is asked of clients.

mod protocol;

use std::path::Path;

use secrecy::SecretString;

use super::super::raw::{Block, Leaf, RawServerTls};
use super::super::shown::quoted;
use super::super::values::{Reader, one_of};
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
            reader.problem(&keyed(name), "nothing", want);
        }
    }
    Some((cert?, key?))
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
    [inline_name, file_name]: [&str; 2],
    (inline, file): (Leaf, Leaf),
) -> Option<Pem> {
    if inline.is_some() && file.is_some() {
        let want = format!("only one of {inline_name} and {file_name}");
        reader.problem(&keyed(inline_name), "both", want);
        return None;
    }
    if inline.is_some() {
        let key = keyed(inline_name);
        let text = SecretString::from(reader.secret(&key, inline, "text in PEM")?);
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
    let text = reader.text_like(&key, leaf, &one_of(&CLIENT_AUTH));
    let problems = reader.problems.len();
    let certs = reader.choice(&key, text.clone(), &CLIENT_AUTH, ClientCerts::NotAsked);
    if reader.problems.len() > problems {
        return certs;
    }
    if certs.is_verified() && !has_ca {
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
    } else if !certs.is_mandatory() {
        let want = "client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert beside it";
        reader.problem(&key, "a list", want);
    }
    Some(sans)
}
