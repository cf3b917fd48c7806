//! Encryption: each `sslmode` has the meaning of libpq, verified with `pg_stat_ssl` of the server.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::{Agent, AgentSpec, CLIENT_ROLE, Cluster, Scrape, eventually};

const LIMIT: Duration = Duration::from_secs(20);
const PASSWORD: &str = "agent-pw";

const PLAIN: &str = "plain";
const ENCRYPTED: &str = "encrypted";

async fn with_role(cluster: Cluster) -> Cluster {
    let create =
        format!("CREATE ROLE {CLIENT_ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor");
    cluster.sql(&create).await;
    cluster
}

async fn cluster_with_tls(hba: &str) -> Cluster {
    with_role(Cluster::start_tls(&[], hba)).await
}

async fn watch(cluster: &Cluster, keys: &str, env: &[(&str, &str)]) -> Agent {
    let port = cluster.port();
    let config = format!(
        "poll: {{interval: 100ms}}\n\
         servers: {{a: {{port: {port}, user: {CLIENT_ROLE}, password: {PASSWORD}, {keys}}}}}\n"
    );
    let spec = AgentSpec {
        config: Some(&config),
        env,
        ..AgentSpec::default()
    };
    Agent::start(spec).await
}

fn is_up(page: &Scrape) -> bool {
    page.value("pg_up", &[]) == Some(1.0)
}

/// The reason of the failed logins, if there were any.
fn failure(page: &Scrape) -> Option<String> {
    let failures = page.series("pgcommons_connect_failures_total");
    let failure = failures.iter().find(|sample| sample.value > 0.0)?;
    failure.label("reason").map(ToOwned::to_owned)
}

/// Logs in with these keys. Returns whether the session is encrypted, or the reason of the failure.
async fn session(cluster: &Cluster, keys: &str) -> String {
    session_in(cluster, keys, &[]).await
}

async fn session_in(cluster: &Cluster, keys: &str, env: &[(&str, &str)]) -> String {
    let agent = watch(cluster, keys, env).await;
    let page = agent
        .scrape_until("a login that succeeds or fails", |page| {
            is_up(page) || failure(page).is_some()
        })
        .await;
    if let Some(reason) = failure(&page) {
        return reason;
    }
    let encryption = sessions(cluster).await.expect("the agent has a session");
    drop(agent);
    eventually(LIMIT, "the session ends", async || {
        sessions(cluster).await.is_none().then_some(())
    })
    .await;
    encryption
}

/// The agent's sessions in `pg_stat_ssl`.
async fn sessions(cluster: &Cluster) -> Option<String> {
    let admin = cluster.admin().await;
    let query = format!(
        "SELECT string_agg(CASE WHEN ssl THEN '{ENCRYPTED}' ELSE '{PLAIN}' END, ' ') \
         FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'pgcommons'"
    );
    admin.value(&query).await
}

fn with_root(root: &Path, keys: &str) -> String {
    format!("sslrootcert: '{}', {keys}", root.display())
}

#[tokio::test]
async fn every_mode_but_disable_encrypts_if_the_server_can() {
    let cluster = cluster_with_tls("").await;
    for (keys, expected) in [
        ("host: 127.0.0.1", ENCRYPTED),
        ("host: 127.0.0.1, sslmode: disable", PLAIN),
        ("host: 127.0.0.1, sslmode: prefer", ENCRYPTED),
        ("host: 127.0.0.1, sslmode: require", ENCRYPTED),
    ] {
        assert_eq!(session(&cluster, keys).await, expected, "{keys}");
    }
}

#[tokio::test]
async fn without_tls_on_the_server_only_modes_that_require_it_fail() {
    let cluster = cluster_with_tls("").await;
    cluster.append_conf(&[("ssl", "off")]);
    cluster.reload().await;
    assert_eq!(
        session(&cluster, "host: 127.0.0.1, sslmode: prefer").await,
        PLAIN
    );
    assert_eq!(
        session(&cluster, "host: 127.0.0.1, sslmode: require").await,
        "tls"
    );
    for mode in ["verify-ca", "verify-full"] {
        let keys = format!("host: 127.0.0.1, sslmode: {mode}");
        assert_eq!(
            session(&cluster, &with_root(&cluster.tls().ca, &keys)).await,
            "tls",
            "{mode}"
        );
    }
}

#[tokio::test]
async fn verify_full_accepts_the_name_and_the_address_in_the_certificate() {
    let cluster = cluster_with_tls("").await;
    for host in ["localhost", "127.0.0.1"] {
        let keys = format!("host: {host}, sslmode: verify-full");
        let keys = with_root(&cluster.tls().ca, &keys);
        assert_eq!(session(&cluster, &keys).await, ENCRYPTED, "{host}");
    }
}

#[tokio::test]
async fn only_verify_full_refuses_another_name() {
    let cluster = cluster_with_tls("").await;
    let elsewhere = "host: wrong.example, hostaddr: 127.0.0.1";
    for (mode, expected) in [("verify-ca", ENCRYPTED), ("verify-full", "tls")] {
        let keys = format!("{elsewhere}, sslmode: {mode}");
        let keys = with_root(&cluster.tls().ca, &keys);
        assert_eq!(session(&cluster, &keys).await, expected, "{mode}");
    }
}

/// With a root certificate `require` verifies the chain like `verify-ca`, as libpq does for compatibility.
#[tokio::test]
async fn every_mode_that_verifies_the_chain_refuses_an_unknown_authority() {
    let cluster = cluster_with_tls("").await;
    for (mode, expected) in [
        ("prefer", ENCRYPTED),
        ("require", "tls"),
        ("verify-ca", "tls"),
        ("verify-full", "tls"),
    ] {
        let keys = format!("host: localhost, sslmode: {mode}");
        let keys = with_root(&cluster.tls().other_ca, &keys);
        assert_eq!(session(&cluster, &keys).await, expected, "{mode}");
    }
}

#[tokio::test]
async fn without_a_root_certificate_the_systems_certificates_are_used() {
    let cluster = cluster_with_tls("").await;
    let tls = cluster.tls();
    for (root, expected) in [(&tls.ca, ENCRYPTED), (&tls.other_ca, "tls")] {
        let root = root.to_str().expect("a UTF-8 path");
        let env = [("SSL_CERT_FILE", root)];
        let keys = "host: localhost, sslmode: verify-full";
        assert_eq!(session_in(&cluster, keys, &env).await, expected, "{root}");
    }
}

#[tokio::test]
async fn if_the_server_rejects_encryption_prefer_and_disable_connect_without() {
    let cluster = cluster_with_tls("hostssl all all all reject").await;
    for (mode, expected) in [("prefer", PLAIN), ("require", "auth"), ("disable", PLAIN)] {
        let keys = format!("host: 127.0.0.1, sslmode: {mode}");
        assert_eq!(session(&cluster, &keys).await, expected, "{mode}");
    }
}

#[tokio::test]
async fn if_the_server_rejects_plain_sessions_every_mode_but_disable_connects() {
    let cluster = cluster_with_tls("hostnossl all all all reject").await;
    for (mode, expected) in [
        ("prefer", ENCRYPTED),
        ("require", ENCRYPTED),
        ("disable", "auth"),
    ] {
        let keys = format!("host: 127.0.0.1, sslmode: {mode}");
        assert_eq!(session(&cluster, &keys).await, expected, "{mode}");
    }
}

#[tokio::test]
async fn cert_authentication_needs_the_client_certificate() {
    let cluster = cluster_with_tls("hostssl all all all cert").await;
    let tls = cluster.tls();
    let keys = "host: localhost, sslmode: require";
    assert_eq!(session(&cluster, keys).await, "auth", "only a password");
    let pair = |cert: &Path, key: &Path| {
        format!(
            "{keys}, sslcert: '{}', sslkey: '{}'",
            cert.display(),
            key.display()
        )
    };
    assert_eq!(
        session(&cluster, &pair(&tls.client_cert, &tls.client_key)).await,
        ENCRYPTED
    );
    let missing = pair(&tls.client_cert, Path::new("/missing.key"));
    assert_eq!(session(&cluster, &missing).await, "credentials");
}

#[tokio::test]
async fn a_client_certificate_may_be_required_with_a_password() {
    let hba = "hostssl all all all scram-sha-256 clientcert=verify-full";
    let cluster = cluster_with_tls(hba).await;
    let (cert, key) = (&cluster.tls().client_cert, &cluster.tls().client_key);
    let (cert, key) = (cert.display(), key.display());
    let keys = "host: localhost, sslmode: require";
    assert_eq!(session(&cluster, keys).await, "auth", "only a password");
    let both = format!("{keys}, sslcert: '{cert}', sslkey: '{key}'");
    assert_eq!(session(&cluster, &both).await, ENCRYPTED);
}

#[tokio::test]
async fn a_client_certificate_of_an_unknown_authority_fails_as_tls() {
    let cluster = cluster_with_tls("hostssl all all all cert").await;
    let unknown = &cluster.tls().other_ca;
    let (cert, key) = (unknown.display(), unknown.with_extension("key"));
    let key = key.display();
    let keys = format!("host: localhost, sslmode: require, sslcert: '{cert}', sslkey: '{key}'");
    assert_eq!(session(&cluster, &keys).await, "tls");
}

#[tokio::test]
async fn an_unreadable_root_certificate_fails_as_credentials() {
    let cluster = cluster_with_tls("").await;
    let empty = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    for root in [Path::new("/missing.crt"), empty.path()] {
        let keys = with_root(root, "host: 127.0.0.1, sslmode: verify-ca");
        assert_eq!(
            session(&cluster, &keys).await,
            "credentials",
            "{}",
            root.display()
        );
    }
}

#[tokio::test]
async fn a_renewed_root_certificate_needs_no_restart() {
    let cluster = cluster_with_tls("").await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let root = folder.path().join("root.crt");
    fs::copy(&cluster.tls().other_ca, &root).expect("a certificate can be copied");
    let keys = with_root(&root, "host: localhost, sslmode: verify-full");
    let agent = watch(&cluster, &keys, &[]).await;
    let page = agent
        .scrape_until("refused", |page| failure(page).is_some())
        .await;
    assert_eq!(failure(&page).as_deref(), Some("tls"));
    fs::copy(&cluster.tls().ca, &root).expect("a certificate can be copied");
    agent.scrape_until("up", is_up).await;
}

#[tokio::test]
async fn channel_binding_needs_tls() {
    let cluster = cluster_with_tls("").await;
    for (mode, expected) in [("require", ENCRYPTED), ("disable", "auth")] {
        let keys = format!("host: 127.0.0.1, channel_binding: require, sslmode: {mode}");
        assert_eq!(session(&cluster, &keys).await, expected, "{mode}");
    }
}

#[tokio::test]
async fn a_unix_socket_is_never_encrypted_whatever_the_mode() {
    let cluster = cluster_with_tls("").await;
    let socket = cluster.socket_dir().display();
    for mode in ["prefer", "require", "verify-full"] {
        let keys = format!("host: '{socket}', sslmode: {mode}");
        assert_eq!(session(&cluster, &keys).await, PLAIN, "{mode}");
    }
}
