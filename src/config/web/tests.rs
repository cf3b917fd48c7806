use super::super::yaml;
use super::*;

const HASH: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

fn parsed(text: &str) -> Result<WebConfig, ConfigError> {
    let document = yaml::parse(text).expect("YAML");
    WebConfig::checked(document, Path::new("/etc/web"))
}

const EVERYTHING: &str = "
tls_server_config:
  cert_file: web.crt
  key_file: /run/keys/web.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ../ca.crt
  client_allowed_sans: [scraper.example, 192.0.2.7]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP384, X25519]
http_server_config:
  http2: true
  headers: {X-Frame-Options: deny, X-XSS-Protection: '', Strict-Transport-Security: max-age=1}
basic_auth_users: {alice: $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG}
rate_limit: {interval: 100ms, burst: 20}
";

#[test]
fn every_key_of_the_format_is_read() {
    let config = parsed(EVERYTHING).expect("good");
    let interval = Duration::from_millis(100);
    assert_eq!(
        config.rate_limit,
        Some(RateLimit {
            interval,
            burst: 20
        })
    );
    assert_eq!(config.users["alice"].cost(), 10);
    let headers = [
        ("Strict-Transport-Security", "max-age=1"),
        ("X-Frame-Options", "deny"),
    ];
    assert_eq!(
        config.headers,
        headers.map(|(name, value)| (name, value.to_owned()))
    );
    let files = [
        "/etc/web/web.crt",
        "/run/keys/web.key",
        "/etc/web/../ca.crt",
    ];
    assert_eq!(config.files(), files.map(PathBuf::from));
    let tls = config.tls.expect("TLS");
    assert_eq!(tls.client_certs, ClientCerts::Verified);
    assert_eq!(
        tls.allowed_sans.expect("some"),
        ["scraper.example", "192.0.2.7"]
    );
    let suite = CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384;
    assert_eq!(tls.protocol.cipher_suites.expect("one"), [suite]);
    let curves = [NamedGroup::secp384r1, NamedGroup::X25519];
    assert_eq!(tls.protocol.curves.expect("two"), curves);
    assert!(!tls.protocol.server_order);
}

#[test]
fn missing_keys_have_the_defaults_of_the_format() {
    for text in [
        "",
        "tls_server_config: {cert_file: '', key_file: ''}\nbasic_auth_users:\nrate_limit: {interval: 0}",
    ] {
        let config = parsed(text).expect("good");
        assert!(
            config.tls.is_none() && config.users.is_empty() && config.rate_limit.is_none(),
            "{text}"
        );
    }
    let config = parsed("tls_server_config: {cert: C, key: K, cipher_suites: []}").expect("good");
    let tls = config.tls.as_ref().expect("TLS");
    assert_eq!(tls.client_certs, ClientCerts::NotAsked);
    let protocol = &tls.protocol;
    assert_eq!(protocol.versions.len(), 2);
    assert!(protocol.cipher_suites.is_none() && protocol.curves.is_none() && protocol.server_order);
    assert!(config.files().is_empty());
}

#[test]
fn no_secret_can_be_printed() {
    let text =
        format!("tls_server_config: {{cert: C, key: hunter2}}\nbasic_auth_users: {{a: {HASH}}}");
    let shown = format!("{:?}", parsed(&text).expect("good"));
    assert!(
        !shown.contains("hunter2") && !shown.contains("$2y"),
        "{shown}"
    );
}
