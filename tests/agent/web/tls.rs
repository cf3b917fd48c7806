//! TLS: offered versions and suites, and which client certificates are accepted.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, NamedGroup};

use super::{TLS, agent_with};
use crate::support::{Client, WebFolder, exchange};

async fn serving(folder: &WebFolder, keys: &str) -> crate::support::Agent {
    let web = folder.write(&format!("tls_server_config: {{{TLS}{keys}}}\n"));
    agent_with(&web).await
}

/// Whether each client gets an answer.
async fn answered(folder: &WebFolder, keys: &str, clients: &[Client]) -> Vec<bool> {
    let agent = serving(folder, keys).await;
    clients
        .iter()
        .map(|client| match client.get(agent.address(), "/-/healthy") {
            Ok(reply) => reply.status == 200,
            Err(_) => false,
        })
        .collect()
}

#[tokio::test]
async fn every_path_is_answered_over_tls_only() {
    let folder = WebFolder::new();
    let agent = serving(&folder, "").await;
    let client = folder.client();
    for (path, status) in [
        ("/metrics", 200),
        ("/-/healthy", 200),
        ("/", 200),
        ("/no", 404),
    ] {
        let reply = client.get(agent.address(), path).expect("an answer");
        assert_eq!(reply.status, status, "{path}");
        let plain = exchange(agent.address(), "GET", path, &[]).expect("an answer");
        assert_eq!(
            (plain.status, plain.text().as_str()),
            (400, "this is a port for HTTPS\n")
        );
        assert_eq!(plain.header("connection"), Some("close"));
    }
    let untrusting = client.trusting(folder.path("other-ca.crt"));
    assert!(untrusting.get(agent.address(), "/").is_err());
}

#[tokio::test]
async fn certificates_may_be_inline() {
    let folder = WebFolder::new();
    let indented = |name| {
        let text = std::fs::read_to_string(folder.path(name)).expect("it is there");
        text.replace('\n', "\n    ")
    };
    let web = folder.write(&format!(
        "tls_server_config:\n  cert: |\n    {}\n  key: |\n    {}\n  client_auth_type: RequireAndVerifyClientCert\n  \
         client_ca: |\n    {}\n",
        indented("web.crt"),
        indented("web.key"),
        indented("ca.crt")
    ));
    let agent = agent_with(&web).await;
    let reply = folder
        .client_as("client")
        .get(agent.address(), "/")
        .expect("an answer");
    assert_eq!(reply.status, 200);
    assert!(folder.client().get(agent.address(), "/").is_err());
}

#[tokio::test]
async fn client_auth_type_decides_which_certificates_are_accepted() {
    let folder = WebFolder::new();
    let clients = [
        folder.client(),
        folder.client_as("client"),
        folder.client_as("other-ca-client"),
    ];
    let ca = "client_ca_file: ca.crt";
    for (keys, [none, good, wrong]) in [
        (
            ", client_auth_type: NoClientCert".to_owned(),
            [true, true, true],
        ),
        (
            ", client_auth_type: RequestClientCert".to_owned(),
            [true, true, true],
        ),
        (
            ", client_auth_type: RequireAnyClientCert".to_owned(),
            [false, true, true],
        ),
        (
            format!(", client_auth_type: VerifyClientCertIfGiven, {ca}"),
            [true, true, false],
        ),
        (
            format!(", client_auth_type: RequireAndVerifyClientCert, {ca}"),
            [false, true, false],
        ),
    ] {
        for version in [&TLS12, &TLS13] {
            let clients = clients.clone().map(|client| client.speaking(version));
            let answered = answered(&folder, &keys, &clients).await;
            assert_eq!(answered, [none, good, wrong], "{keys} {version:?}");
        }
    }
}

#[tokio::test]
async fn a_client_certificate_needs_an_allowed_name() {
    let folder = WebFolder::new();
    let [scraper, nameless, other_ca] =
        ["scraper", "client", "other-ca-client"].map(|name| folder.client_as(name));
    let clients = [scraper, nameless, other_ca, folder.client()];
    let verified = "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt";
    for name in [
        "scraper.example",
        "192.0.2.7",
        "'2001:db8::7'",
        "ops@scraper.example",
        "'spiffe://example/scraper'",
    ] {
        let keys = format!(", {verified}, client_allowed_sans: [other.example, {name}]");
        assert_eq!(
            answered(&folder, &keys, &clients).await,
            [true, false, false, false],
            "{name}"
        );
    }
    for name in ["example", "SCRAPER.example", "scraper", "'*.example'"] {
        let keys = format!(", {verified}, client_allowed_sans: [{name}]");
        assert_eq!(
            answered(&folder, &keys, &clients).await,
            [false; 4],
            "{name}"
        );
    }
    let any = ", client_auth_type: RequireAnyClientCert, client_allowed_sans: [scraper.example]";
    assert_eq!(
        answered(&folder, any, &clients).await,
        [true, false, true, false]
    );
}

#[tokio::test]
async fn versions_outside_the_range_are_refused() {
    let folder = WebFolder::new();
    let clients = [&TLS12, &TLS13].map(|version| folder.client().speaking(version));
    for (keys, expected) in [
        ("", [true, true]),
        (", min_version: TLS13", [false, true]),
        (", max_version: TLS12", [true, false]),
        (", cipher_suites: [TLS_AES_128_GCM_SHA256]", [false, true]),
    ] {
        assert_eq!(answered(&folder, keys, &clients).await, expected, "{keys}");
    }
}

#[tokio::test]
async fn only_listed_suites_and_curves_are_used() {
    use CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 as SMALL;
    use CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 as CHACHA;
    let folder = WebFolder::new();
    let client = folder.client().speaking(&TLS12);
    for (order, expected) in [([CHACHA, SMALL], CHACHA), ([SMALL, CHACHA], SMALL)] {
        let [one, two] = order.map(|suite| format!("{suite:?}"));
        let keys = format!(", cipher_suites: [{one}, {two}], curve_preferences: [CurveP384]");
        let agent = serving(&folder, &keys).await;
        let stream = client.connect(agent.address()).expect("a TLS handshake");
        let suite = stream.conn.negotiated_cipher_suite().expect("one");
        let group = stream.conn.negotiated_key_exchange_group().expect("one");
        assert_eq!(
            (suite.suite(), group.name()),
            (expected, NamedGroup::secp384r1)
        );
    }
}

#[tokio::test]
async fn unfinished_handshakes_are_closed_and_disturb_no_other_client() {
    let folder = WebFolder::new();
    let agent = serving(&folder, "").await;
    let connect = || TcpStream::connect(agent.address()).expect("it listens");
    let silent: Vec<_> = (0..200).map(|_| connect()).collect();
    let mut half = connect();
    std::io::Write::write_all(&mut half, b"\x16\x03\x01\x02\x00\x01").expect("it reads");
    let reply = folder
        .client()
        .get(agent.address(), "/metrics")
        .expect("an answer");
    assert_eq!(reply.status, 200);
    for mut stream in silent.into_iter().take(1).chain([half]) {
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout can be set");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("closed in order");
        assert!(rest.is_empty(), "{rest:?}");
    }
}
