//! Certificates for servers with TLS, created by the `openssl` command.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{give_to_server, must_run};

/// The role in the common name of the client certificate.
pub(crate) const CLIENT_ROLE: &str = "monitor";

const OPENSSL_CONF: &str = "
[req]
distinguished_name = dn
prompt = no
[dn]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
[client]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
[scraper]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
subjectAltName = DNS:scraper.example, IP:192.0.2.7, IP:2001:db8::7, email:ops@scraper.example, URI:spiffe://example/scraper
";

/// Paths of PEM files that the tests' user can read.
pub(crate) struct TlsFiles {
    /// Signed the server's and the client's certificate.
    pub(crate) ca: PathBuf,
    /// Signed nothing.
    pub(crate) other_ca: PathBuf,
    pub(crate) client_cert: PathBuf,
    pub(crate) client_key: PathBuf,
    server_cert: PathBuf,
    server_key: PathBuf,
}

impl TlsFiles {
    pub(super) fn make(folder: &Path) -> Self {
        fs::create_dir(folder).expect("the folder is new");
        configure(folder);
        make_ca(folder, "ca");
        make_ca(folder, "other-ca");
        make_signed(folder, ("server", "server"), "localhost", "ca");
        make_signed(folder, ("client", "client"), CLIENT_ROLE, "ca");
        Self {
            ca: folder.join("ca.crt"),
            other_ca: folder.join("other-ca.crt"),
            client_cert: folder.join("client.crt"),
            client_key: folder.join("client.key"),
            server_cert: folder.join("server.crt"),
            server_key: folder.join("server.key"),
        }
    }

    /// Copies what the server needs into its data directory, and returns the settings for it.
    pub(super) fn install(&self, data: &Path) -> [(&'static str, &'static str); 4] {
        let files = [
            (&self.server_cert, "server.crt"),
            (&self.server_key, "server.key"),
            (&self.ca, "root.crt"),
        ];
        for (from, name) in files {
            let to = data.join(name);
            fs::copy(from, &to).expect("the data directory can be written");
            // The server refuses a key file that others can read.
            fs::set_permissions(&to, Permissions::from_mode(0o600)).expect("the file is ours");
            give_to_server(&to);
        }
        [
            ("ssl", "on"),
            ("ssl_cert_file", "server.crt"),
            ("ssl_key_file", "server.key"),
            ("ssl_ca_file", "root.crt"),
        ]
    }
}

/// Writes the configuration that the other functions need.
pub(super) fn configure(folder: &Path) {
    fs::write(folder.join("openssl.cnf"), OPENSSL_CONF).expect("the folder can be written");
}

fn openssl(folder: &Path, arguments: &str) {
    must_run(
        Command::new("openssl")
            .current_dir(folder)
            .args(arguments.split(' ')),
    );
}

pub(super) fn make_ca(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!(
            "req -config openssl.cnf -x509 -extensions ca -days 30 -subj /CN={name} \
             -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
             -keyout {name}.key -out {name}.crt"
        ),
    );
}

/// A certificate signed by `ca`, with the extensions of a section.
pub(super) fn make_signed(folder: &Path, (name, section): (&str, &str), subject: &str, ca: &str) {
    openssl(
        folder,
        &format!(
            "req -config openssl.cnf -new -subj /CN={subject} \
             -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
             -keyout {name}.key -out {name}.csr"
        ),
    );
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {ca}.crt -CAkey {ca}.key -CAcreateserial -days 30 \
             -extfile openssl.cnf -extensions {section} -out {name}.crt"
        ),
    );
}
