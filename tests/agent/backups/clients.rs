//! The client programs, and the dumps that they write.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{Cluster, SUPERUSER, SUPERUSER_PASSWORD};

const INSTALLATIONS: &str = "/usr/lib/postgresql";

/// The client programs of one version.
pub(crate) struct Client {
    pub(crate) folder: PathBuf,
    pub(crate) major: u32,
}

/// The folders in `PG_CLIENTS`, and Debian's. `pg_dump` refuses a newer server, so some may be of no use for it.
pub(crate) async fn clients(cluster: &Cluster) -> Vec<Client> {
    let given = std::env::var_os("PG_CLIENTS").unwrap_or_default();
    let packaged = fs::read_dir(INSTALLATIONS).into_iter().flatten().flatten();
    let packaged = packaged.map(|entry| entry.path().join("bin"));
    let folders = std::env::split_paths(&given).chain(packaged);
    let server = cluster.major_version().await;
    let clients: Vec<_> = folders
        .filter_map(|folder| {
            let major = major_of(&folder.join("pg_dump"))?;
            Some(Client { folder, major })
        })
        .filter(|client| i64::from(client.major) >= server)
        .collect();
    if clients.is_empty() {
        eprintln!(
            "skipped: no pg_dump for a server of version {server}; see scripts/postgres-clients"
        );
    }
    clients
}

fn major_of(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text
        .split(' ')
        .find(|word| word.starts_with(char::is_numeric))?;
    version.split(['.', '\n']).next()?.parse().ok()
}

impl Client {
    pub(super) fn command(&self, program: &str, cluster: &Cluster) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command
            .env("PGHOST", cluster.host())
            .env("PGPORT", cluster.port().to_string())
            .env("PGUSER", SUPERUSER)
            .env("PGPASSWORD", SUPERUSER_PASSWORD)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs `pg_dump` or `pg_dumpall` with its output in a file.
    pub(super) fn dump(&self, program: &str, args: &[&str], cluster: &Cluster, file: &Path) {
        let mut command = self.command(program, cluster);
        let output = File::create(file).expect("a file can be made");
        let status = command.args(args).stdout(output).status();
        assert!(status.expect("it runs").success(), "{command:?}");
    }

    /// Runs it with its output in a pipe.
    pub(super) fn piped(&self, program: &str, args: &[&str], cluster: &Cluster) -> Vec<u8> {
        let output = self.command(program, cluster).args(args).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{program} {args:?}");
        output.stdout
    }
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(content)
        .expect("memory can be written to");
    encoder.finish().expect("memory can be written to")
}

pub(super) fn zstd(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A database with a table, an empty table, a large object, and text that pretends to be the end of a dump.
pub(super) async fn shop(cluster: &Cluster) {
    cluster.sql("CREATE DATABASE shop").await;
    for statement in [
        "CREATE TABLE item AS SELECT g AS id, md5(g::text) AS name FROM generate_series(1, 3000) AS g",
        "CREATE TABLE nothing (id int)",
        "SELECT lo_from_bytea(0, decode(repeat('ab', 5000), 'hex'))",
        "COMMENT ON TABLE item IS E'\\n--\\n-- PostgreSQL database dump complete\\n--\\n\\n\\\\unrestrict x\\n\\n'",
    ] {
        cluster.sql_in("shop", statement).await;
    }
}
