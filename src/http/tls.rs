//! The TLS configuration of the listener: from the validated web file and the current certificate files to rustls. Nothing here
//! waits for a client.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::ClientCertVerifier;
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::client_cert;
use crate::config::{Pem, PemKind, Problem, ServerTls};

/// How much of an answer rustls encrypts ahead of the socket: one record with its header. The default of rustls is 64 kB.
pub(super) const BUFFER: usize = 16 * 1024;
/// The maximum size of a PEM file. Certificate chains are much smaller.
const PEM_BYTES: u64 = 1024 * 1024;
const CERTIFICATES: &str = "certificates in PEM";

pub(super) fn server_config(tls: &ServerTls) -> Result<ServerConfig, Vec<Problem>> {
    let provider = Arc::new(provider(tls));
    let mut problems = Vec::new();
    let mut collect = |problem| problems.push(problem);
    let chain = certificates(&tls.cert).map_err(&mut collect).ok();
    let key = private_key(&tls.key).map_err(&mut collect).ok();
    let verifier = client_verifier(tls, &provider).map_err(&mut collect).ok();
    let (Some(chain), Some(key), Some(verifier)) = (chain, key, verifier) else {
        return Err(problems);
    };
    let builder = ServerConfig::builder_with_provider(provider);
    let config = builder
        .with_protocol_versions(&tls.protocol.versions)
        .map(|builder| builder.with_client_cert_verifier(verifier))
        .and_then(|builder| builder.with_single_cert(chain, key));
    let mut config = config.map_err(|error| vec![unusable(tls, &error)])?;
    config.ignore_client_order = tls.protocol.server_order;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would not check whether the client certificate has expired. Scrapers keep their connections open anyway.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn provider(tls: &ServerTls) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if let Some(names) = &tls.protocol.cipher_suites {
        let all = provider.cipher_suites;
        let tls13 = all.iter().filter(|suite| suite.tls13().is_some());
        let listed = names
            .iter()
            .filter_map(|name| all.iter().find(|suite| suite.suite() == *name));
        provider.cipher_suites = tls13.chain(listed).copied().collect();
    }
    if let Some(names) = &tls.protocol.curves {
        let all = provider.kx_groups;
        let listed = names
            .iter()
            .filter_map(|name| all.iter().find(|group| group.name() == *name));
        provider.kx_groups = listed.copied().collect();
    }
    provider
}

fn client_verifier(
    tls: &ServerTls,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &tls.client_ca {
        for certificate in certificates(pem)? {
            let added = roots.add(certificate);
            added.map_err(|error| problem(pem, &error.to_string(), CERTIFICATES))?;
        }
    }
    client_cert::verifier(tls, roots, provider).map_err(|error| Problem {
        key: tls
            .client_ca
            .as_ref()
            .map_or_else(String::new, |pem| pem.key.clone()),
        got: error.to_string(),
        want: CERTIFICATES.to_owned(),
    })
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let text = read(pem, CERTIFICATES)?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(problem(pem, "no certificate in it", CERTIFICATES)),
        Err(_) => Err(problem(pem, "malformed PEM", CERTIFICATES)),
    }
}

fn private_key(pem: &Pem) -> Result<PrivateKeyDer<'static>, Problem> {
    const WANT: &str = "a private key in PEM, not encrypted";
    let text = read(pem, WANT)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => problem(pem, "no private key in it", WANT),
        _ => problem(pem, "malformed PEM", WANT),
    })
}

fn read(pem: &Pem, want: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    match &pem.kind {
        PemKind::Inline(text) => Ok(text.expose_secret().as_bytes().to_vec().into()),
        PemKind::File(path) => {
            read_file(path).map_err(|error| problem(pem, &error.to_string(), want))
        }
    }
}

fn read_file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.take(PEM_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A problem with a PEM file or text: `what` was found instead of `want`.
fn problem(pem: &Pem, what: &str, want: &str) -> Problem {
    let got = match &pem.kind {
        PemKind::File(path) => format!("{} ({what})", path.display()),
        PemKind::Inline(_) => format!("text (not shown; {what})"),
    };
    Problem {
        key: pem.key.clone(),
        got,
        want: want.to_owned(),
    }
}

fn unusable(tls: &ServerTls, error: &rustls::Error) -> Problem {
    let want = "the key of the certificate, RSA, ECDSA (P-256, P-384) or Ed25519";
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            problem(&tls.key, "the key of another certificate", want)
        }
        error => problem(&tls.key, &error.to_string(), want),
    }
}
