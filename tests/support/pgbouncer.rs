//! A real `PgBouncer` for tests, without passwords: Debian's, or the program in `PGBOUNCER`.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};

use super::{AGENT, eventually, free_port, give_to_server, must_run, server_command};

const LIMIT: Duration = Duration::from_secs(20);
/// May pause it and reload its configuration.
pub(crate) const POOLER_ADMIN: &str = "boss";

/// A row of the console, by the names of its columns.
pub(crate) type ConsoleRow = BTreeMap<String, String>;

pub(crate) struct PgBouncer {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl PgBouncer {
    /// `databases`: the entries of `[databases]`. `settings`: further lines of `[pgbouncer]`. `users` may log in.
    pub(crate) async fn start(databases: &str, settings: &str, users: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let names = users.iter().chain([&AGENT, &POOLER_ADMIN]);
        let lines = names.map(|user| format!("\"{}\" \"\"\n", user.replace('"', "\"\"")));
        fs::write(folder.path().join("users"), lines.collect::<String>()).expect("it is ours");
        write_config(folder.path(), port, databases, settings);
        // The server's account may not reach the checkout, as in the home of root. Only another process copies the program: a
        // child of this one could inherit the copy while it is open for writing, and then it cannot be executed.
        let program = folder.path().join("pgbouncer");
        must_run(Command::new("cp").arg(installed()).arg(&program));
        for name in ["", "users", "pgbouncer.ini", "pgbouncer"] {
            give_to_server(&folder.path().join(name));
        }
        let pooler = Self {
            child: run(folder.path()),
            port,
            folder,
        };
        pooler.listens().await;
        pooler
    }

    async fn listens(&self) {
        eventually(LIMIT, "PgBouncer listens", async || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()
        })
        .await;
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Changes the configuration of a `PgBouncer` that runs.
    pub(crate) fn reload(&self, databases: &str, settings: &str) {
        write_config(self.folder.path(), self.port, databases, settings);
        self.signal("HUP");
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        must_run(Command::new("kill").arg(format!("-{name}")).arg(pid));
    }

    /// Ends at once, as if it had crashed.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again at the same port.
    pub(crate) async fn start_again(&mut self) {
        self.kill();
        self.child = run(self.folder.path());
        self.listens().await;
    }

    /// What the console prints.
    pub(crate) async fn console(&self, command: &str) -> Vec<ConsoleRow> {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port);
        config.user(POOLER_ADMIN).dbname("pgbouncer");
        let (client, connection) = config.connect(NoTls).await.expect("an admin may log in");
        let driver = tokio::spawn(connection);
        let messages = client.simple_query(command).await;
        let messages = messages.unwrap_or_else(|error| panic!("{command}: {error:?}"));
        driver.abort();
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let named = |row: tokio_postgres::SimpleQueryRow| {
            let columns = row.columns().iter().enumerate();
            let named = columns.map(|(n, column)| {
                let value = row.get(n).unwrap_or_default().to_owned();
                (column.name().to_owned(), value)
            });
            named.collect()
        };
        rows.map(named).collect()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Clients that each run a statement until they are dropped.
#[derive(Default)]
pub(crate) struct PoolerClients(JoinSet<()>);

impl PoolerClients {
    pub(crate) fn add(&mut self, pooler: &PgBouncer, count: usize, user: &str, alias: &str) {
        for _ in 0..count {
            let mut config = Config::new();
            config.host("127.0.0.1").port(pooler.port());
            config.user(user).dbname(alias);
            self.0.spawn(async move {
                let Ok((client, connection)) = config.connect(NoTls).await else {
                    return;
                };
                tokio::select! {
                    _ = connection => {}
                    _ = client.simple_query("SELECT pg_sleep(600)") => {}
                }
            });
        }
    }
}

fn write_config(folder: &Path, port: u16, databases: &str, settings: &str) {
    let config = format!(
        "[databases]\n{databases}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = trust\nauth_file = {}\nadmin_users = {POOLER_ADMIN}\n{settings}\n",
        folder.join("users").display()
    );
    fs::write(folder.join("pgbouncer.ini"), config).expect("the folder is ours");
}

/// `PgBouncer` refuses to run as root, as the server does.
fn run(folder: &Path) -> Child {
    server_command(&folder.join("pgbouncer"), folder)
        .arg(folder.join("pgbouncer.ini"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("PgBouncer can be run")
}

fn installed() -> PathBuf {
    let chosen = std::env::var_os("PGBOUNCER").map(PathBuf::from);
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/pgbouncer");
    let places = [unpacked, PathBuf::from("/usr/sbin/pgbouncer")];
    let found = chosen.into_iter().chain(places);
    let found = found.into_iter().find(|program| program.is_file());
    found.expect("PgBouncer is installed; see `scripts/need pgbouncer`")
}
