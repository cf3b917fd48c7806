//! An HTTPS client, and a folder with the certificates and the `web.yml` of a listener.

use std::fs;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned,
    SupportedProtocolVersion,
};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use super::http::{self, HttpReply};
use super::tls::{configure, make_ca, make_signed};

/// `web` is the certificate of the listener and `renewed` its renewal. `client`, `scraper` (with alternative names) and
/// `other-ca-client` (from another CA) are certificates of clients.
pub(crate) struct WebFolder {
    folder: TempDir,
}

impl WebFolder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path();
        configure(path);
        make_ca(path, "ca");
        make_ca(path, "other-ca");
        make_signed(path, ("web", "server"), "web", "ca");
        make_signed(path, ("renewed", "server"), "renewed", "ca");
        make_signed(path, ("client", "client"), "client", "ca");
        make_signed(path, ("scraper", "scraper"), "scraper", "ca");
        make_signed(
            path,
            ("other-ca-client", "scraper"),
            "other-ca-client",
            "other-ca",
        );
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `web.yml` atomically, as configuration management does, and returns its path.
    pub(crate) fn write(&self, text: &str) -> String {
        let (new, path) = (self.path("web.yml.new"), self.path("web.yml"));
        fs::write(&new, text).expect("the folder can be written");
        fs::rename(&new, &path).expect("the folder can be written");
        path.to_str().expect("a UTF-8 path").to_owned()
    }

    pub(crate) fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).expect("the folder can be written");
    }

    /// The certificate of this name, in DER.
    pub(crate) fn certificate(&self, name: &str) -> CertificateDer<'static> {
        certificate(&self.path(&format!("{name}.crt")))
    }

    /// A server with the certificate `web`.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::from_pem_file(self.path("web.key")).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("supported versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate("web")], key);
        TlsAcceptor::from(Arc::new(config.expect("a key of the certificate")))
    }

    /// A client that trusts the listener's CA.
    pub(crate) fn client(&self) -> Client {
        Client {
            ca: self.path("ca.crt"),
            identity: None,
            versions: rustls::ALL_VERSIONS.to_vec(),
        }
    }

    /// The same with a certificate of its own.
    pub(crate) fn client_as(&self, name: &str) -> Client {
        let files = ["crt", "key"].map(|end| self.path(&format!("{name}.{end}")));
        Client {
            identity: Some(files),
            ..self.client()
        }
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    ca: PathBuf,
    /// Certificate and key.
    identity: Option<[PathBuf; 2]>,
    versions: Vec<&'static SupportedProtocolVersion>,
}

pub(crate) type Stream = StreamOwned<ClientConnection, std::net::TcpStream>;

impl Client {
    pub(crate) fn trusting(self, ca: PathBuf) -> Self {
        Self { ca, ..self }
    }

    pub(crate) fn speaking(self, version: &'static SupportedProtocolVersion) -> Self {
        let versions = vec![version];
        Self { versions, ..self }
    }

    /// Connects and completes the handshake. With TLS 1.3 the server may reject the client's certificate later.
    pub(crate) fn connect(&self, address: SocketAddr) -> Result<Stream> {
        let name = ServerName::from(address.ip());
        let session = ClientConnection::new(Arc::new(self.config()), name).map_err(Error::other)?;
        let mut stream = StreamOwned::new(session, http::connect(address)?);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    pub(crate) fn get(&self, address: SocketAddr, path: &str) -> Result<HttpReply> {
        self.request(address, "GET", path, &[])
    }

    pub(crate) fn request(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<HttpReply> {
        http::exchange_over(self.connect(address)?, method, path, headers)
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.ca)).expect("a CA");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&self.versions)
            .expect("supported versions")
            .with_root_certificates(roots);
        let Some([cert, key]) = &self.identity else {
            return builder.with_no_client_auth();
        };
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let own = builder.with_client_auth_cert(vec![certificate(cert)], key);
        own.expect("a key of the certificate")
    }
}

fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("a certificate")
}
