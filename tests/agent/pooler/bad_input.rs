//! A wrong configuration of a pooler is one clear line.

use crate::support::{AgentSpec, run};

#[tokio::test]
async fn each_mistake_is_named() {
    for (pooler, message) in [
        ("{}", "servers.a.poolers.edge.host: got nothing"),
        ("5", "servers.a.poolers.edge: got"),
        ("{host: h, port: 0}", "servers.a.poolers.edge.port: got 0"),
        ("{host: h, dsn: x}", "servers.a.poolers.edge.dsn"),
        ("{host: h, interval: 1}", "servers.a.poolers.edge.interval"),
        (
            "{host: h, server_hosts: {a: 1}}",
            "servers.a.poolers.edge.server_hosts",
        ),
        (
            "{host: h, sslmode: sometimes}",
            "servers.a.poolers.edge.sslmode",
        ),
    ] {
        let config = format!("servers: {{a: {{host: h, poolers: {{edge: {pooler}}}}}}}\n");
        let output = run(AgentSpec {
            config: Some(&config),
            args: &["--config.check"],
            ..AgentSpec::default()
        })
        .await;
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{pooler}: {text}");
        assert!(text.contains(message), "{pooler}: {text}");
    }
}
