//! Changes of the web file and of the files that it names while the agent runs.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{TLS, agent_with, basic, hash};
use crate::support::{Agent, Client, WebFolder, eventually};

const LIMIT: Duration = Duration::from_secs(15);

async fn status(agent: &Agent, (name, password): (&str, &str)) -> u16 {
    let header = basic(name, password);
    agent
        .get_with("/-/healthy", &[("Authorization", &header)])
        .await
        .status
}

async fn wait_until_logged(agent: &Agent, what: &str, times: usize) {
    eventually(LIMIT, what, async || {
        (agent.log().matches(what).count() >= times).then_some(())
    })
    .await;
}

const RELOADED: &str = "web configuration reloaded";
const NOT_RELOADED: &str = "web configuration not reloaded";

#[tokio::test]
async fn users_are_added_and_removed_with_the_file() {
    let folder = WebFolder::new();
    let (one, two) = (hash("one"), hash("two"));
    let web = folder.write(&format!("basic_auth_users: {{a: '{one}', b: '{one}'}}\n"));
    let agent = agent_with(&web).await;
    let [a, b] = [("a", "one"), ("b", "one")];
    assert_eq!(
        (status(&agent, a).await, status(&agent, b).await),
        (200, 200)
    );
    let mut open = TcpStream::connect(agent.address()).expect("it listens");
    let answer = request(&mut open, &basic("a", "one"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    folder.write(&format!("basic_auth_users: {{b: '{two}', c: '{one}'}}\n"));
    wait_until_logged(&agent, RELOADED, 1).await;
    for (user, expected) in [(a, 401), (b, 401), (("b", "two"), 200), (("c", "one"), 200)] {
        assert_eq!(status(&agent, user).await, expected, "{user:?}");
    }
}

/// The status with the password and without.
fn statuses(folder: &WebFolder, agent: &Agent) -> [u16; 2] {
    let header = basic("a", "one");
    let get = |headers: &[_]| {
        let reply = folder
            .client()
            .request(agent.address(), "GET", "/", headers);
        reply.expect("an answer").status
    };
    [get(&[("Authorization", header.as_str())]), get(&[])]
}

#[tokio::test]
async fn an_unusable_file_changes_nothing_and_is_logged_once() {
    let folder = WebFolder::new();
    let tls = format!("tls_server_config: {{{TLS}}}\n");
    let users = format!("basic_auth_users: {{a: '{}'}}\n", hash("one"));
    let good = format!("{tls}{users}");
    let agent = agent_with(&folder.write(&good)).await;
    let gone = tls.replace("web.crt", "gone.crt");
    let bad = [
        ("basic_auth_users: {a: hunter2}\n", "basic_auth_users.a"),
        ("basic_auth_users: {a\n", "as YAML"),
        ("", "tls_server_config"),
        (users.as_str(), "tls_server_config"),
        (tls.as_str(), "basic_auth_users"),
        (gone.as_str(), "gone.crt"),
    ];
    for (n, (text, said)) in bad.into_iter().enumerate() {
        folder.write(text);
        wait_until_logged(&agent, NOT_RELOADED, n + 1).await;
        let log = agent.log();
        let last = log.lines().rfind(|line| line.contains(NOT_RELOADED));
        let last = last.expect("a line");
        assert!(last.contains(said), "{text}: {last}");
        assert_eq!(statuses(&folder, &agent), [200, 401], "{text}");
    }
    folder.write(&good);
    wait_until_logged(&agent, RELOADED, 1).await;
    assert_eq!(statuses(&folder, &agent), [200, 401]);
    let log = agent.log();
    assert_eq!(log.matches(NOT_RELOADED).count(), bad.len(), "{log}");
    assert!(!log.contains("hunter2") && !log.contains("$04$"), "{log}");
}

/// Everything else in the file is unchanged.
#[tokio::test]
async fn requirements_on_client_certificates_can_only_grow() {
    let folder = WebFolder::new();
    let of = |clients: &str| format!("tls_server_config: {{{TLS}{clients}}}\n");
    let verified = ", client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert";
    let named = format!("{verified}, client_allowed_sans: [scraper.example]");
    let agent = agent_with(&folder.write(&of(verified))).await;
    folder.write(&of(&named));
    wait_until_logged(&agent, RELOADED, 1).await;
    let less = [
        ("", "client_auth_type"),
        (
            ", client_auth_type: RequireAnyClientCert",
            "client_auth_type",
        ),
        (
            ", client_ca_file: ca.crt, client_auth_type: VerifyClientCertIfGiven",
            "client_auth_type",
        ),
        (verified, "client_allowed_sans"),
    ];
    for (n, (clients, key)) in less.into_iter().enumerate() {
        folder.write(&of(clients));
        wait_until_logged(&agent, NOT_RELOADED, n + 1).await;
        let log = agent.log();
        let last = log.lines().rfind(|line| line.contains(NOT_RELOADED));
        let said = format!("key=\"{key}\"");
        assert!(
            last.is_some_and(|line| line.contains(&said)),
            "{clients}: {log}"
        );
        let without = folder.client().get(agent.address(), "/-/healthy");
        assert!(
            without.is_err(),
            "{clients}: accepted without a certificate"
        );
    }
    folder.write(&of(&named.replace("scraper", "another")));
    wait_until_logged(&agent, RELOADED, 2).await;
}

fn certificate(client: &Client, agent: &Agent) -> Vec<u8> {
    let stream = client.connect(agent.address()).expect("a TLS handshake");
    let chain = stream.conn.peer_certificates().expect("a chain");
    chain[0].as_ref().to_vec()
}

/// Sends one request on an open connection.
fn request(stream: &mut (impl Read + Write), authorization: &str) -> String {
    let head = format!("Host: agent\r\nAuthorization: {authorization}\r\n");
    let request = format!("GET /-/healthy HTTP/1.1\r\n{head}\r\n");
    stream.write_all(request.as_bytes()).expect("it is open");
    let mut answer = String::new();
    while !["\nhealthy\n", "\nunauthorized\n"]
        .iter()
        .any(|end| answer.ends_with(end))
    {
        let mut byte = [0];
        let read = stream.read_exact(&mut byte);
        read.unwrap_or_else(|error| panic!("{error} after {answer:?}"));
        answer.push(char::from(byte[0]));
    }
    answer
}

#[tokio::test]
async fn a_renewed_certificate_needs_no_restart() {
    let folder = WebFolder::new();
    let agent = agent_with(&folder.write(&format!("tls_server_config: {{{TLS}}}\n"))).await;
    let client = folder.client();
    let first = folder.certificate("web");
    assert_eq!(certificate(&client, &agent), first.as_ref());
    let mut kept = client.connect(agent.address()).expect("a TLS handshake");
    assert!(!request(&mut kept, "").contains("connection: close"));
    // Half of a renewal: the new certificate with the old key.
    folder.copy("renewed.crt", "web.crt");
    wait_until_logged(&agent, "tls_server_config.key_file", 1).await;
    assert_eq!(certificate(&client, &agent), first.as_ref());
    folder.copy("renewed.key", "web.key");
    wait_until_logged(&agent, RELOADED, 1).await;
    assert_eq!(
        certificate(&client, &agent),
        folder.certificate("renewed").as_ref()
    );
    assert!(
        request(&mut kept, "").contains("connection: close"),
        "the last answer on the old connection"
    );
}

#[tokio::test]
async fn a_new_client_ca_takes_effect_at_once() {
    let folder = WebFolder::new();
    folder.copy("ca.crt", "clients.crt");
    let auth = "client_auth_type: RequireAndVerifyClientCert, client_ca_file: clients.crt";
    let agent = agent_with(&folder.write(&format!("tls_server_config: {{{TLS}, {auth}}}\n"))).await;
    let answered = || {
        ["client", "other-ca-client"]
            .map(|name| folder.client_as(name).get(agent.address(), "/").is_ok())
    };
    assert_eq!(answered(), [true, false]);
    folder.copy("other-ca.crt", "clients.crt");
    wait_until_logged(&agent, RELOADED, 1).await;
    assert_eq!(answered(), [false, true]);
    fs::remove_file(folder.path("clients.crt")).expect("it is there");
    wait_until_logged(&agent, NOT_RELOADED, 1).await;
    assert_eq!(answered(), [false, true]);
}
