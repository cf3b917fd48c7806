//! Basic authentication, response headers and the rate limit.

use super::{NOWHERE, agent_with, basic, hash};
use crate::support::{Agent, AgentSpec, HttpReply, WebFolder, run};

const PATHS: [&str; 10] = [
    "/",
    "/page.css",
    "/api/v1/status",
    "/tenant/a/b",
    "/metrics",
    "/metrics?server=x",
    "/-/healthy",
    "/-/ready",
    "/no",
    "/-/reload",
];

fn outcome(reply: &HttpReply) -> (u16, Option<&str>, String) {
    (reply.status, reply.header("www-authenticate"), reply.text())
}

async fn with_alice_and_bob() -> Agent {
    let [alice, bob] = ["a-pw", "b-pw"].map(hash);
    let text = format!("basic_auth_users: {{alice: '{alice}', bob: '{bob}'}}\n");
    agent_with(&WebFolder::new().write(&text)).await
}

#[tokio::test]
async fn without_the_password_every_path_answers_alike() {
    let agent = with_alice_and_bob().await;
    let bad = [
        basic("alice", "b-pw"),
        basic("alice", ""),
        basic("unknown", "a-pw"),
        basic("", ""),
        basic("alice", "a-pw\0"),
        basic("alice", "a-pw").replace("Basic", "Bearer"),
        "Basic".to_owned(),
        "Basic ????".to_owned(),
        format!("Basic {}", "QTpC".repeat(2000)),
    ];
    let challenge = "Basic realm=\"metrics\", charset=\"UTF-8\"";
    let refusal = (401, Some(challenge), "unauthorized\n".to_owned());
    for path in PATHS {
        assert_eq!(outcome(&agent.get(path).await), refusal, "{path}");
        for header in &bad {
            let reply = agent.get_with(path, &[("Authorization", header)]).await;
            assert_eq!(outcome(&reply), refusal, "{path} {header}");
        }
    }
    let post = agent.request("POST", "/", &[("Content-Length", "0")]).await;
    assert_eq!(outcome(&post), refusal);
}

#[tokio::test]
async fn with_the_password_every_path_is_answered() {
    let agent = with_alice_and_bob().await;
    for (name, password) in [("alice", "a-pw"), ("bob", "b-pw")] {
        let header = basic(name, password);
        for (path, status) in PATHS
            .iter()
            .zip([200, 200, 200, 404, 200, 404, 200, 503, 404, 404])
        {
            let reply = agent.get_with(path, &[("Authorization", &header)]).await;
            assert_eq!(reply.status, status, "{path}: {}", reply.text());
        }
    }
    let log = agent.log();
    assert!(log.contains("passwords are sent in clear text"), "{log}");
    assert!(!log.contains("$04$") && !log.contains("a-pw"), "{log}");
}

#[tokio::test]
async fn configured_headers_are_on_every_answer() {
    let folder = WebFolder::new();
    let headers = "X-Frame-Options: deny, X-Content-Type-Options: nosniff, \
                   Content-Security-Policy: \"default-src 'self'\", X-XSS-Protection: ''";
    let web = folder.write(&format!(
        "http_server_config: {{http2: true, headers: {{{headers}}}}}\nbasic_auth_users: {{a: '{}'}}\n",
        hash("pw")
    ));
    let agent = agent_with(&web).await;
    for (header, status) in [(basic("a", "pw"), 200), (basic("a", ""), 401)] {
        let reply = agent.get_with("/", &[("Authorization", &header)]).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("x-frame-options"), Some("deny"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(
            reply.header("content-security-policy"),
            Some("default-src 'self'")
        );
        assert_eq!(reply.header("x-xss-protection"), None);
    }
}

#[tokio::test]
async fn requests_above_the_rate_limit_get_429() {
    let folder = WebFolder::new();
    let agent = agent_with(&folder.write("rate_limit: {interval: 1h, burst: 3}\n")).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(agent.get("/-/healthy").await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(agent.get("/").await.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn the_file_is_checked_with_the_configuration() {
    let folder = WebFolder::new();
    let web = folder.write("tls_server_config: {cert_file: web.crt, key_file: web.key}\n");
    let args = ["--config.check", "--web.config.file", &web];
    let spec = AgentSpec {
        args: &args,
        env: NOWHERE,
        ..AgentSpec::default()
    };
    let output = run(spec).await;
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    folder.copy("renewed.key", "web.key");
    let output = run(spec).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
