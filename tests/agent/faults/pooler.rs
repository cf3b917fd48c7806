//! `PgBouncer` in between, which shares server connections between clients: the agent detects it in every pool mode.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::monitor::FaultMonitor;
use super::{FREQUENT, LIMIT, assert_unready, down, failures, start, until_up};
use crate::support::{
    AGENT, AgentSpec, Cluster, Relay, create_agent_role, eventually, free_port, give_to_server,
    must_run, run, server_command, trusting,
};

struct PgBouncer {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl PgBouncer {
    async fn start(cluster: &Cluster, settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (port, servers) = (free_port(), cluster.port());
        let users = folder.path().join("users");
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={servers}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\n{settings}\n",
            users.display()
        );
        let ini = folder.path().join("pgbouncer.ini");
        fs::write(&users, format!("\"{AGENT}\" \"\"\n")).expect("the folder is ours");
        fs::write(&ini, config).expect("the folder is ours");
        // The server's account may not reach the checkout, as in the home of root. Only another process copies the program: a
        // child of this one could inherit the copy while it is open for writing, and then it cannot be executed.
        let program = folder.path().join("pgbouncer");
        must_run(Command::new("cp").arg(installed()).arg(&program));
        for path in [folder.path(), &users, &ini, &program] {
            give_to_server(path);
        }
        // PgBouncer refuses to run as root, as the server does.
        let child = server_command(&program, folder.path())
            .arg(&ini)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("PgBouncer can be run");
        let pooler = Self {
            child,
            port,
            _folder: folder,
        };
        eventually(LIMIT, "PgBouncer listens", async || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        })
        .await;
        pooler
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn installed() -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/pgbouncer");
    let places = [unpacked, PathBuf::from("/usr/sbin/pgbouncer")];
    let found = places.into_iter().find(|program| program.is_file());
    found.expect("PgBouncer is installed; see `scripts/need pgbouncer`")
}

#[tokio::test]
async fn a_pooler_in_between_is_refused_and_a_direct_connection_accepted() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let ignoring = "ignore_startup_parameters = options";
    for settings in [
        "pool_mode = transaction".to_owned(),
        format!("pool_mode = transaction\n{ignoring}"),
        format!("pool_mode = session\n{ignoring}"),
    ] {
        let pooler = PgBouncer::start(&cluster, &settings).await;
        let relay = Relay::start(pooler.port);
        let dsn = format!("postgres://{AGENT}@127.0.0.1:{}/postgres", relay.port());
        let agent = start(&format!("{FREQUENT}servers: {{a: {{dsn: '{dsn}'}}}}\n")).await;
        let mut monitor = FaultMonitor::start("PgBouncer in between", &agent);
        let page = agent
            .scrape_until("refused", |page| failures(page, "pooler") > 1.0)
            .await;
        assert!(down(&page, "a"), "{settings}: {}", page.text());
        assert_unready(&agent, "pooler").await;
        let advice = "connect to PostgreSQL itself";
        assert_eq!(agent.log().matches(advice).count(), 1, "{}", agent.log());
        let check = AgentSpec {
            args: &["check"],
            env: &[("DATABASE_URL", &dsn)],
            ..AgentSpec::default()
        };
        let check = run(check).await;
        assert_eq!(check.status.code(), Some(3), "{settings}: {check:?}");
        relay.redirect_to(cluster.port());
        monitor.fault_ended();
        until_up(&agent).await;
        monitor.assert_recovered();
    }
}
