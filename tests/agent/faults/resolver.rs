//! A host name that is not found at first, and one with two addresses.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};

use super::monitor::FaultMonitor;
use super::{FREQUENT, assert_unready, down, failures, until_up};
use crate::support::{AGENT, Agent, AgentSpec, Relay, create_agent_role, trusting};

/// Replaces these two files for one process and the program that it executes.
const SCRIPT: &str = "mount --bind \"$1\" /etc/hosts && mount --bind \"$2\" /etc/resolv.conf && \
                      shift 2 && exec \"$@\"";

/// The host names that one agent can resolve.
struct HostNames(TempDir);

impl HostNames {
    fn new(hosts: &str) -> Self {
        let names = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        names.put("hosts", hosts);
        // No process listens there, so look-ups fail at once.
        names.put("resolv.conf", "nameserver 127.0.0.1\n");
        names
    }

    fn put(&self, file: &str, text: &str) {
        fs::write(self.0.path().join(file), text).expect("the folder is ours");
    }

    /// The command that runs a program with only these names.
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

    /// The output of `program`. None: this machine does not permit to replace files.
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
            eprintln!("skipped: /etc/hosts cannot be replaced on this machine");
        }
        Some(String::from_utf8_lossy(&output?.stdout).into_owned())
    }

    async fn watch(&self, port: u16) -> Agent {
        let through = self.through();
        let through: Vec<&str> = through.iter().map(String::as_str).collect();
        let dsn = format!("postgres://{AGENT}@db.test:{port}/postgres");
        let config = format!("{FREQUENT}servers: {{a: {{dsn: '{dsn}'}}}}\n");
        let spec = AgentSpec {
            config: Some(&config),
            through: &through,
            ..AgentSpec::default()
        };
        Agent::start(spec).await
    }
}

#[tokio::test]
async fn a_name_that_is_not_found_is_looked_up_again() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let names = HostNames::new("127.0.0.1 localhost\n");
    if names.run(&["true"]).is_none() {
        return;
    }
    let agent = names.watch(cluster.port()).await;
    let mut monitor = FaultMonitor::start("a name that is not found", &agent);
    let page = agent
        .scrape_until("not found", |page| failures(page, "dns") > 2.0)
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    assert_unready(&agent, "dns").await;
    names.put("hosts", "127.0.0.1 localhost db.test\n");
    monitor.fault_ended();
    until_up(&agent).await;
    monitor.assert_recovered();
}

/// A port that neither accepts nor refuses connections, as behind a firewall that drops packets.
async fn unresponsive(port: u16) -> std::io::Result<impl Sized> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let socket = TcpSocket::new_v4()?;
    socket.bind(address)?;
    let listener = socket.listen(0)?;
    let first = TcpStream::connect(address).await?; // the backlog has room for one
    let more = (0..3).map(|_| tokio::spawn(TcpStream::connect(address)));
    let more: Vec<_> = more.collect();
    Ok((listener, first, more))
}

/// A relay at the address, and an unresponsive listener on the same port of the first loopback address.
async fn same_port(address: Ipv4Addr, target: u16) -> (Relay, impl Sized) {
    loop {
        let relay = Relay::start_at(address, target);
        // Another test may use this port of the other address.
        if let Ok(unresponsive) = unresponsive(relay.port()).await {
            return (relay, unresponsive);
        }
    }
}

#[tokio::test]
async fn an_address_that_does_not_answer_leaves_time_for_the_next() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let second = Ipv4Addr::new(127, 0, 0, 2);
    let (relay, _unresponsive) = same_port(second, cluster.port()).await;
    let names = HostNames::new(&format!("127.0.0.1 localhost db.test\n{second} db.test\n"));
    let Some(found) = names.run(&["getent", "ahosts", "db.test"]) else {
        return;
    };
    assert!(
        found.starts_with("127.0.0.1 "),
        "the other address comes first: {found}"
    );
    assert!(found.contains("127.0.0.2 "), "{found}");
    let agent = names.watch(relay.port()).await;
    let page = until_up(&agent).await;
    assert!(failures(&page, "timeout") < 1.0, "{}", agent.log());
}
