//! The connection of a request: TCP, and TLS with the CAs of the operating system or of a file.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Url, WebError};
use crate::blocking::OneAtATime;

/// Opens connections. Certificates are read before each, because renewed ones need no restart, and because the certificates of an
/// operating system take more memory than the rest of the client.
#[derive(Debug)]
pub(super) struct Transport {
    ca_file: Option<PathBuf>,
    reading: OneAtATime<Result<ClientConfig, WebError>>,
}

impl Transport {
    pub(super) fn new(ca_file: Option<PathBuf>) -> Self {
        Self {
            ca_file,
            reading: OneAtATime::default(),
        }
    }

    pub(super) async fn connect(&mut self, url: &Url) -> Result<Stream, WebError> {
        let tls = if url.is_https() {
            let ca_file = self.ca_file.clone();
            let config = self.reading.run(move || client_config(ca_file.as_deref()));
            Some(config.await?)
        } else {
            None
        };
        let tcp = TcpStream::connect((url.host(), url.port())).await;
        let tcp = tcp.map_err(|source| WebError::Connect {
            origin: url.origin(),
            source,
        })?;
        let Some(config) = tls else {
            return Ok(Stream::Plain(tcp));
        };
        let failed = |source| WebError::Tls {
            origin: url.origin(),
            source,
        };
        let name = url.server_name();
        let name = name.ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp);
        Ok(Stream::Tls(Box::new(stream.await.map_err(failed)?)))
    }
}

fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, WebError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => {
            let native = rustls_native_certs::load_native_certs().certs;
            roots.add_parsable_certificates(native);
        }
        Some(path) => {
            roots.add_parsable_certificates(certificates(path)?);
        }
    }
    if roots.is_empty() {
        let place = ca_file.map_or_else(
            || "the operating system".to_owned(),
            |path| path.display().to_string(),
        );
        return Err(WebError::Certificates {
            problem: format!("{place} has no certificate of a CA"),
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| WebError::Certificates {
            problem: error.to_string(),
        })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, WebError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    read.map_err(|error| WebError::Certificates {
        problem: format!("cannot read {}: {error}", path.display()),
    })
}

/// A connection with or without TLS.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
