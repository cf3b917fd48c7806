//! A name that cannot be looked up, and then can; and one that stands for two addresses.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};

use super::witness::Witness;
use super::{BRISK, assert_unready, down, failures, until_up};
use crate::support::{AGENT, Agent, AgentSpec, Relay, create_agent_role, trusting};

/// Puts these two in the place of the machine's own, for one process and what it becomes.
const SCRIPT: &str = "mount --bind \"$1\" /etc/hosts && mount --bind \"$2\" /etc/resolv.conf && \
                      shift 2 && exec \"$@\"";

/// Names that one agent knows, and may come to know.
struct Names(TempDir);

impl Names {
    fn new(hosts: &str) -> Self {
        let names = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        names.put("hosts", hosts);
        // Nobody answers there, and that is said at once.
        names.put("resolv.conf", "nameserver 127.0.0.1\n");
        names
    }

    fn put(&self, file: &str, text: &str) {
        fs::write(self.0.path().join(file), text).expect("the folder is ours");
    }

    /// What a program is run through, to know them and no others.
    fn through(&self) -> Vec<String> {
        let file = |name: &str| self.0.path().join(name).display().to_string();
        let words = [
            "unshare",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            SCRIPT,
            "sh",
        ];
        let words = words.iter().map(|word| (*word).to_owned());
        words.chain([file("hosts"), file("resolv.conf")]).collect()
    }

    /// What `program` prints; None: a file cannot be put in the place of another here.
    fn run(&self, program: &[&str]) -> Option<String> {
        let through = self.through();
        let mut command = Command::new(&through[0]);
        command
            .args(&through[1..])
            .args(program)
            .stderr(Stdio::null());
        let output = command
            .output()
            .ok()
            .filter(|output| output.status.success());
        if output.is_none() {
            eprintln!("skipped: a file cannot be put in the place of /etc/hosts here");
        }
        Some(String::from_utf8_lossy(&output?.stdout).into_owned())
    }

    async fn watch(&self, port: u16) -> Agent {
        let through = self.through();
        let through: Vec<&str> = through.iter().map(String::as_str).collect();
        let dsn = format!("postgres://{AGENT}@db.test:{port}/postgres");
        let config = format!("{BRISK}servers: {{a: {{dsn: '{dsn}'}}}}\n");
        let spec = AgentSpec {
            config: Some(&config),
            through: &through,
            ..AgentSpec::default()
        };
        Agent::start(spec).await
    }
}

#[tokio::test]
async fn a_name_that_is_unknown_for_a_while_is_looked_up_again() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let names = Names::new("127.0.0.1 localhost\n");
    if names.run(&["true"]).is_none() {
        return;
    }
    let agent = names.watch(cluster.port()).await;
    let mut witness = Witness::of("a name that is not found", &agent);
    let page = agent
        .scrape_until("not found", |page| failures(page, "dns") > 2.0)
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    assert_unready(&agent, "dns").await;
    names.put("hosts", "127.0.0.1 localhost db.test\n");
    witness.over();
    until_up(&agent).await;
    witness.report();
}

/// Takes no connection, and refuses none: what is sent there is dropped, as by a firewall.
async fn silent(port: u16) -> std::io::Result<impl Sized> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let socket = TcpSocket::new_v4()?;
    socket.bind(address)?;
    let listener = socket.listen(0)?;
    let first = TcpStream::connect(address).await?; // one may wait
    let more = (0..3).map(|_| tokio::spawn(TcpStream::connect(address)));
    let more: Vec<_> = more.collect();
    Ok((listener, first, more))
}

/// A relay at the address, and a silent listener at the same port of the first loopback address.
async fn side_by_side(address: Ipv4Addr, target: u16) -> (Relay, impl Sized) {
    loop {
        let relay = Relay::start_at(address, target);
        // Another test may have the port at the other address.
        if let Ok(silent) = silent(relay.port()).await {
            return (relay, silent);
        }
    }
}

#[tokio::test]
async fn an_address_that_is_silent_leaves_time_for_the_next() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let second = Ipv4Addr::new(127, 0, 0, 2);
    let (relay, _silent) = side_by_side(second, cluster.port()).await;
    let names = Names::new(&format!("127.0.0.1 localhost db.test\n{second} db.test\n"));
    let Some(found) = names.run(&["getent", "ahosts", "db.test"]) else {
        return;
    };
    assert!(
        found.starts_with("127.0.0.1 "),
        "the other is asked first: {found}"
    );
    assert!(found.contains("127.0.0.2 "), "{found}");
    let agent = names.watch(relay.port()).await;
    let page = until_up(&agent).await;
    assert!(failures(&page, "timeout") < 1.0, "{}", agent.log());
}
