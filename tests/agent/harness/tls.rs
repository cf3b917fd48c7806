//! The certificates of the servers with TLS convince those they should, and only them.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{CLIENT_ROLE, Cluster, SUPERUSER, SUPERUSER_PASSWORD};

const ONLY_TLS: &str = "hostnossl all all all reject\n\
                        hostssl all monitor all cert\n";

fn psql(cluster: &Cluster, ca: &Path, user: &str, options: &str) -> Output {
    let (port, ca) = (cluster.port(), ca.display());
    Command::new("psql")
        .env("PGPASSWORD", SUPERUSER_PASSWORD)
        .args([
            "-X",
            "-At",
            "-c",
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        ])
        .arg(format!(
            "host=localhost hostaddr=127.0.0.1 port={port} dbname=postgres user={user} \
             sslmode=verify-full sslrootcert={ca} {options}"
        ))
        .output()
        .expect("psql can be run")
}

#[tokio::test]
async fn certificates_convince_whom_they_should() {
    let cluster = Cluster::start_tls(&[], ONLY_TLS);
    cluster
        .sql(&format!("CREATE ROLE {CLIENT_ROLE} LOGIN"))
        .await;
    let tls = cluster.tls();

    let plain = cluster
        .connect(SUPERUSER, SUPERUSER_PASSWORD, "postgres")
        .await;
    assert!(plain.is_err(), "hostnossl is rejected");
    let with_password = psql(&cluster, &tls.ca, SUPERUSER, "");
    assert_eq!(with_password.stdout, b"t\n", "{with_password:?}");
    let unknown = psql(&cluster, &tls.other_ca, SUPERUSER, "");
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("certificate verify failed"));

    let (cert, key) = (tls.client_cert.display(), tls.client_key.display());
    let keys = format!("sslcert={cert} sslkey={key}");
    let with_cert = psql(&cluster, &tls.ca, CLIENT_ROLE, &keys);
    assert_eq!(with_cert.stdout, b"t\n", "{with_cert:?}");
    let without_cert = psql(&cluster, &tls.ca, CLIENT_ROLE, "");
    assert!(!without_cert.status.success(), "a certificate is asked for");
}
