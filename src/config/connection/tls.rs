//! `sslmode` and the certificate keys of a server.

use std::path::PathBuf;

use super::super::raw::RawServer;
use super::super::values::Reader;
use super::super::{RootCert, SslMode, Tls};
use super::ConnectionParams;

pub(in crate::config) const MODES: [(&str, SslMode); 5] = [
    ("disable", SslMode::Disable),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

impl ConnectionParams {
    pub(super) fn tls(&mut self, reader: &mut Reader) -> Tls {
        let system = self
            .parameters
            .get("sslrootcert")
            .is_some_and(|root| root == "system");
        let root = if system {
            self.take("sslrootcert").map(PathBuf::from)
        } else {
            self.take_file(reader, "sslrootcert")
        };
        let mode = if system && !self.parameters.contains_key("sslmode") {
            SslMode::VerifyFull
        } else {
            self.merged(reader, &RawServer::sslmode())
        };
        if system && mode != SslMode::VerifyFull {
            let want =
                "verify-full, because with sslrootcert=system anyone can get a trusted certificate";
            reader.problem(&self.key("sslmode"), "a weak sslmode", want);
        } else if mode == SslMode::VerifyCa && root.is_none() {
            reader.problem(
                &self.key("sslrootcert"),
                "nothing",
                "a file, because sslmode is verify-ca",
            );
        }
        let root_cert = root.filter(|_| !system);
        Tls {
            mode,
            root_cert: root_cert.map_or(RootCert::System, RootCert::File),
            client: self.client_certificate(reader),
        }
    }

    /// `sslcert` and `sslkey`, of which neither is of use alone.
    fn client_certificate(&mut self, reader: &mut Reader) -> Option<(PathBuf, PathBuf)> {
        let (cert, key) = (
            self.take_file(reader, "sslcert"),
            self.take_file(reader, "sslkey"),
        );
        let (given, missing) = match (&cert, &key) {
            (Some(_), None) => ("sslcert", "sslkey"),
            (None, Some(_)) => ("sslkey", "sslcert"),
            (Some(_), Some(_)) | (None, None) => return cert.zip(key),
        };
        let want = format!("a file, because {} is set", self.key(given));
        reader.problem(&self.key(missing), "nothing", want);
        None
    }
}
