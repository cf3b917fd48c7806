//! Notifications that the agent itself sends, to a real Alertmanager and to a real ntfy.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::alertmanager::Alertmanager;
use crate::program::{Program, find};
use crate::support::{
    Agent, Notice, Receiver, TestSession, create_tenant, eventually, exchange_async, free_port,
    fresh, quoted, sessions, trusting, watch,
};

/// Alertmanager waits 5 s before the first notification of a group, and here 15 s between two.
const LIMIT: Duration = Duration::from_mins(1);

/// The labels of the agent's alerts route and inhibit as those of the alerting rules do.
#[tokio::test]
async fn an_alertmanager_tells_of_a_leak_and_of_its_end() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 5).await;
    let receiver = Receiver::start().await;
    let alertmanager = Alertmanager::start(receiver.address()).await;
    let config = format!(
        "budgets: {{shop: {{owner: alice, labels: {{team: web}}}}}}\nnotify: [{{alertmanager: \"http://{}\"}}]",
        alertmanager.address()
    );
    let agent: Agent = watch(&cluster, &config).await;
    fresh(&agent).await;
    let leak = sessions(&cluster, "shop", 5).await;
    for path in ["/on-call", "/team-web"] {
        let wanted = |notice: &Notice| {
            notice.receiver == path && notice.is_firing && notice.label("severity") == "critical"
        };
        let notice = receiver.next(LIMIT, path, wanted).await;
        assert_eq!(notice.label("alertname"), "PgcommonsDatabaseConnections");
        assert_eq!(notice.label("datname"), "shop");
        assert_eq!(notice.label("owner"), "alice");
    }
    TestSession::close_all(leak).await;
    let ended = |notice: &Notice| !notice.is_firing && notice.label("datname") == "shop";
    receiver.next(LIMIT, "it has ended", ended).await;
}

async fn start_ntfy() -> Program {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    Program::start_with_health(folder, free_port(), "/v1/health", |address, folder| {
        let config = folder.join("server.yml");
        fs::write(&config, "").expect("the folder can be written");
        let mut command = Command::new(find(&["ntfy"]));
        command
            .arg("serve")
            .arg(format!("--config={}", config.display()))
            .arg(format!("--listen-http={address}"))
            .arg(format!("--base-url=http://{address}"))
            // This test asks for the messages many times.
            .arg("--visitor-request-limit-exempt-hosts=127.0.0.1");
        command
    })
    .await
}

/// The messages of a topic that ntfy has kept.
async fn messages(ntfy: SocketAddr) -> Vec<Value> {
    let reply = exchange_async(ntfy, "GET", "/pg/json?poll=1", &[]).await;
    let text = reply.expect("ntfy answers").text();
    let lines = text.lines();
    let parsed = lines.map(|line| serde_json::from_str(line).expect("JSON"));
    parsed
        .filter(|it: &Value| it["event"] == "message")
        .collect()
}

#[tokio::test]
async fn ntfy_shows_a_hostile_name_as_text() {
    let name = "<b>**x**</b>\n\u{202e}\u{1b}[2J[y](https://z/)";
    let cluster = trusting(&[]).await;
    let sql = format!("CREATE DATABASE {} CONNECTION LIMIT 2", quoted(name));
    cluster.sql(&sql).await;
    create_tenant(&cluster, "shop", -1).await;
    let ntfy = start_ntfy().await;
    let config = format!("notify: [{{ntfy: \"http://{}/pg\"}}]", ntfy.address());
    let agent = watch(&cluster, &config).await;
    fresh(&agent).await;
    let open = [(); 2].map(|()| cluster.connect("shop", "shop", name));
    let open = futures_util::future::try_join_all(open).await;
    let _open = open.expect("any role may connect");
    let message = eventually(LIMIT, "a message of ntfy", async || {
        let mut all = messages(ntfy.address()).await.into_iter();
        all.find(|it| it["priority"] == 5)
    });
    let message = message.await;
    let title = message["title"].as_str().expect("a title");
    assert!(title.ends_with(": 1 critical"), "{title}");
    let text = message["message"].as_str().expect("a text");
    assert!(text.contains(r"<b>**x**</b>\n\u{202e}\u{1b}[2J"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert_eq!(message["tags"][0], "rotating_light");
    assert_eq!(message["content_type"], Value::Null, "no markdown");
}
