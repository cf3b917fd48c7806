//! A temporary `PostgreSQL` server: its files and settings.

mod disk;
mod lifecycle;
mod ports;
mod sql;
mod standby;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Child;

use rustix::fs::statvfs;
use tempfile::TempDir;

use super::process::give_to_server;
use super::reaper::Reaper;
use super::template;
use super::tls::TlsFiles;

pub(crate) use lifecycle::StopMode;
pub(crate) use ports::free_port;

/// The kernel accepts 107 bytes for the path of a socket, and `/.s.PGSQL.12345` comes after the folder.
const MAX_SOCKET_DIR: usize = 90;

/// Where Linux usually mounts a file system in memory.
const MEMORY: &str = "/dev/shm";

/// Bytes that the servers of concurrent tests need: one test creates 120 databases.
const ROOM: u64 = 6 << 30;

/// Small, without syncs, and without background activity: only the test causes work.
const BASE_CONF: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("shared_buffers", "8MB"),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("autovacuum", "off"),
    ("lc_messages", "C"),
    ("timezone", "UTC"),
];

/// A real server. Dropping it stops the server and removes its files.
pub(crate) struct Cluster {
    root: TempDir,
    port: u16,
    server: Option<Child>,
    tls: Option<TlsFiles>,
    /// Environment variables of the server.
    env: Vec<(String, String)>,
    /// A shell command to run before the server, in a mount namespace of its own.
    mount: Option<String>,
    /// The last field, because it is dropped last and removes what other drops may have left.
    _reaper: Reaper,
}

impl Cluster {
    /// Starts a server with these settings. Blocks.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let mut cluster = Self::prepare(settings);
        cluster.launch_on_free_port();
        cluster
    }

    /// Starts a server with these environment variables.
    pub(crate) fn start_with_env(env: &[(&str, &str)], settings: &[(&str, &str)]) -> Self {
        let mut cluster = Self::prepare(settings);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        cluster.env = env.iter().map(owned).collect();
        cluster.launch_on_free_port();
        cluster
    }

    /// Starts a server with TLS, with these lines at the start of its `pg_hba.conf`.
    pub(crate) fn start_tls(settings: &[(&str, &str)], hba: &str) -> Self {
        let mut cluster = Self::prepare(settings);
        let tls = TlsFiles::make(&cluster.root.path().join("tls"));
        cluster.append_conf(&tls.install(&cluster.data_dir()));
        cluster.prepend_hba(hba);
        cluster.tls = Some(tls);
        cluster.launch_on_free_port();
        cluster
    }

    fn prepare(settings: &[(&str, &str)]) -> Self {
        Self::prepare_from(template::copy_to, settings)
    }

    /// `fill` creates the data directory.
    fn prepare_from(fill: impl FnOnce(&Path), settings: &[(&str, &str)]) -> Self {
        let root = short_tempdir();
        give_to_server(root.path());
        let cluster = Self {
            _reaper: Reaper::watch(root.path()),
            root,
            port: 0,
            server: None,
            tls: None,
            env: Vec::new(),
            mount: None,
        };
        fill(&cluster.data_dir());
        cluster.append_conf(BASE_CONF);
        let socket_dir = cluster.socket_dir().to_str().expect("a UTF-8 path");
        cluster.append_conf(&[("unix_socket_directories", socket_dir)]);
        cluster.append_conf(settings);
        cluster
    }

    #[expect(clippy::unused_self, reason = "an accessor like the others")]
    pub(crate) fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn socket_dir(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// The certificates of a server started with [`Cluster::start_tls`].
    pub(crate) fn tls(&self) -> &TlsFiles {
        self.tls.as_ref().expect("a cluster of start_tls")
    }

    /// Everything the server has logged so far.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.root.path().join("server.log")
    }

    /// Adds settings that override earlier ones. They take effect at a reload or restart.
    pub(crate) fn append_conf(&self, settings: &[(&str, &str)]) {
        let mut conf = OpenOptions::new()
            .append(true)
            .open(self.data_dir().join("postgresql.conf"))
            .expect("postgresql.conf can be opened");
        for (name, value) in settings {
            let value = value.replace('\'', "''");
            writeln!(conf, "{name} = '{value}'").expect("postgresql.conf can be written");
        }
    }

    /// Adds lines at the start of `pg_hba.conf`, where the first matching line decides.
    pub(crate) fn prepend_hba(&self, lines: &str) {
        let path = self.data_dir().join("pg_hba.conf");
        let rest = fs::read_to_string(&path).expect("pg_hba.conf can be read");
        fs::write(&path, format!("{lines}\n{rest}")).expect("pg_hba.conf can be written");
    }
}

/// In memory if there is enough room: each server copies a thousand small files, which takes twenty times as long on a disk.
fn short_tempdir() -> TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix("pgc-");
    let in_memory = statvfs(MEMORY).is_ok_and(|fs| fs.f_bavail * fs.f_frsize >= ROOM);
    let folder = if in_memory {
        builder.tempdir_in(MEMORY)
    } else {
        builder.tempdir()
    };
    let folder = folder.expect("a temporary folder can be made");
    if folder.path().as_os_str().len() <= MAX_SOCKET_DIR {
        return folder;
    }
    builder.tempdir_in("/tmp").expect("/tmp can be written")
}
