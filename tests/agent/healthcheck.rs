//! `pgcommons healthcheck` of an agent, of a protected agent, and of other listeners.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;

use crate::support::{Agent, AgentSpec, Scrape, WebFolder, free_port, run, trusting, watch};

/// Nothing listens there: an agent is healthy even if its server is down.
const NOWHERE: &[(&str, &str)] = &[("DATABASE_URL", "postgres://127.0.0.1:1")];

async fn healthcheck(address: &str, args: &[&str]) -> Output {
    run(AgentSpec {
        args: &[&["healthcheck"], args].concat(),
        env: &[("PGCOMMONS__WEB__LISTEN_ADDRESS", address)],
        ..AgentSpec::default()
    })
    .await
}

/// Asserts exit code 1, as Docker requires, and one line with this text.
fn assert_unhealthy(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let lines = String::from_utf8_lossy(&output.stderr);
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.starts_with("pgcommons: "), "{lines}");
    assert!(lines.contains(why), "{lines}");
}

fn assert_healthy(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
}

#[tokio::test]
async fn an_agent_is_healthy_though_its_server_is_down() {
    let agent = Agent::start(AgentSpec {
        env: NOWHERE,
        ..AgentSpec::default()
    })
    .await;
    let address = agent.address().to_string();
    assert_healthy(&healthcheck(&address, &[]).await);
    // In the image the agent listens on all addresses.
    let port = agent.address().port();
    for everywhere in [
        format!(":{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::]:{port}"),
    ] {
        assert_healthy(&healthcheck(&everywhere, &[]).await);
    }
    let unready = healthcheck(&address, &["--ready"]).await;
    assert_unhealthy(&unready, "no server is up");
}

#[tokio::test]
async fn an_agent_is_ready_when_its_server_is_up() {
    let cluster = trusting(&[]).await;
    let agent = watch(&cluster, "").await;
    let up = |page: &Scrape| page.value("pg_up", &[]) == Some(1.0);
    agent.scrape_until("a poll", up).await;
    let address = agent.address().to_string();
    assert_healthy(&healthcheck(&address, &["--ready"]).await);
}

#[tokio::test]
async fn a_missing_or_hanging_agent_is_not_healthy() {
    let free = format!("127.0.0.1:{}", free_port());
    assert_unhealthy(&healthcheck(&free, &[]).await, &free);

    let agent = Agent::start(AgentSpec {
        env: NOWHERE,
        ..AgentSpec::default()
    })
    .await;
    agent.signal("STOP");
    let address = agent.address().to_string();
    assert_unhealthy(&healthcheck(&address, &[]).await, &address);
    agent.signal("CONT");
    assert_healthy(&healthcheck(&address, &[]).await);
}

/// The health check has no password and no certificate.
#[tokio::test]
async fn a_protected_agent_is_healthy() {
    let folder = WebFolder::new();
    let tls = "tls_server_config: {cert_file: web.crt, key_file: web.key, client_ca_file: ca.crt, \
               client_auth_type: RequireAndVerifyClientCert}\n";
    let hash = bcrypt::hash("pw", 4).expect("a hash");
    let users = format!("basic_auth_users: {{a: '{hash}'}}\n");
    for text in [tls, users.as_str()] {
        let web = folder.write(text);
        let agent = Agent::start(AgentSpec {
            args: &["--web.config.file", &web],
            env: NOWHERE,
            ..AgentSpec::default()
        })
        .await;
        let address = agent.address().to_string();
        assert_healthy(&healthcheck(&address, &[]).await);
        let unknown = healthcheck(&address, &["--ready"]).await;
        assert_unhealthy(&unknown, "protected");
    }
}

#[tokio::test]
async fn another_program_on_the_port_is_not_healthy() {
    for answer in [
        "HTTP/1.1 404 Not Found\r\n\r\n",
        "220 mail.example ESMTP\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let asked = stream.read(&mut [0; 1024])?;
            stream.write_all(answer.as_bytes()).map(|()| asked)
        });
        assert_unhealthy(&healthcheck(&address, &[]).await, "not a pgcommons agent");
        let asked = answering.join().expect("no panic").expect("a request");
        assert!(asked > 0);
    }
}

/// The rest of the file is not validated: it may need variables that only the agent has.
#[tokio::test]
async fn the_address_comes_from_file_or_flag() {
    let agent = Agent::start(AgentSpec {
        env: NOWHERE,
        ..AgentSpec::default()
    })
    .await;
    let address = agent.address().to_string();
    let file = format!("web: {{listen_address: '{address}'}}\nservers: {{}}\n");
    for (args, config) in [
        (&["healthcheck"] as &[&str], Some(&*file)),
        (&["--web.listen-address", &address, "healthcheck"], None),
    ] {
        let output = run(AgentSpec {
            args,
            config,
            ..AgentSpec::default()
        });
        assert_healthy(&output.await);
    }
    let nowhere = "web: {listen_address: nowhere}\n";
    let output = run(AgentSpec {
        args: &["healthcheck"],
        config: Some(nowhere),
        ..AgentSpec::default()
    })
    .await;
    assert_unhealthy(&output, "web.listen_address");
}
