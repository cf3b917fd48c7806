//! The environment of the agent: a log that cannot be written, clients that do not read, names in other encodings.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Agent, AgentSpec, Cluster, eventually, exchange, free_port};

const LIMIT: Duration = Duration::from_secs(40);

#[tokio::test]
async fn a_log_that_cannot_be_written_does_not_stop_the_agent() {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("a full device");
    let mut agent = Command::new(env!("CARGO_BIN_EXE_pgcommons"))
        .args(["--web.listen-address", &address.to_string()])
        .env_clear()
        .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/postgres")
        .stderr(Stdio::from(full))
        .spawn()
        .expect("the agent starts");
    // By the first failed login it has tried to log two lines.
    let tried = eventually(LIMIT, "a failed login is counted", async || {
        let reply = exchange(address, "GET", "/metrics", &[]).ok()?;
        reply.text().contains("reason=\"refused\"} 1").then_some(())
    });
    tried.await;
    let ended = agent.try_wait().expect("it can be asked");
    agent.kill().expect("it can be ended");
    agent.wait().expect("it ends");
    assert_eq!(ended, None);
}

/// Many clients that send requests and do not read the answers.
#[tokio::test]
async fn clients_that_do_not_read_do_not_block_others() {
    let env = [("DATABASE_URL", "postgres://nobody@127.0.0.1:1/postgres")];
    let spec = AgentSpec {
        env: &env,
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    let asking = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2000);
    let client = |_| {
        let mut client = TcpStream::connect(agent.address()).expect("a connection");
        client.set_nonblocking(true).expect("it can be set");
        // As much as the buffers take: the agent stops reading when its answers are not read.
        let _ = client.write(asking.as_bytes());
        client
    };
    let clients: Vec<TcpStream> = (0..300).map(client).collect();
    let served = eventually(LIMIT, "another client is answered", async || {
        let reply = exchange(agent.address(), "GET", "/-/healthy", &[]).ok()?;
        (reply.status == 200).then_some(())
    });
    served.await;
    drop(clients);
}

#[tokio::test]
async fn names_are_right_from_a_database_in_another_encoding() {
    let cluster = Cluster::start(&[]);
    let latin = "CREATE DATABASE latin ENCODING 'WIN1252' LOCALE 'C' TEMPLATE template0";
    for sql in [
        latin,
        "CREATE DATABASE \"größe 🐘\"",
        "CREATE DATABASE \"Í\"",
    ] {
        cluster.sql(sql).await;
    }
    let url = cluster.url("postgres", "super-secret-pw", "latin");
    let env = [("DATABASE_URL", url.as_str())];
    let spec = AgentSpec {
        env: &env,
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    let page = agent
        .scrape_until("the server is up", |page| {
            page.value("pg_up", &[]) == Some(1.0)
        })
        .await;
    for datname in ["größe 🐘", "Í", "latin"] {
        let limit = page.value("pg_database_connection_limit", &[("datname", datname)]);
        assert_eq!(limit, Some(-1.0), "{datname}");
    }
}
