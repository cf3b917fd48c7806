//! Notifications without Alertmanager: what the receivers get from an agent with a real server, and what failures of a receiver change.

mod command;
mod failures;

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::support::{
    Agent, AgentSpec, Cluster, Notice, Receiver, StopMode, TestSession, create_tenant, fresh,
    sessions, trusting, watch,
};

/// From a fault to its notification, and from its end.
const SOON: Duration = Duration::from_secs(15);

/// The configuration of an agent with these receivers, for [`watch`].
fn configured(receivers: &str) -> String {
    format!("budgets: {{shop: {{owner: alice, labels: {{team: web}}}}}}\nnotify: {receivers}\n")
}

/// A server with a tenant that may open five connections.
async fn shared_server() -> Cluster {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 5).await;
    cluster
}

fn is_about_shop(notice: &Notice, is_firing: bool) -> bool {
    notice.label("datname") == "shop"
        && notice.label("concern") == "connections"
        && notice.label("severity") == "critical"
        && notice.is_firing == is_firing
}

#[tokio::test]
async fn a_leak_is_told_with_the_labels_of_its_tenant_and_so_is_its_end() {
    let cluster = shared_server().await;
    let receiver = Receiver::start().await;
    let hook = format!("[{{webhook: \"http://{}/hook\"}}]", receiver.address());
    let agent = watch(&cluster, &configured(&hook)).await;
    fresh(&agent).await;
    let leak = sessions(&cluster, "shop", 5).await;
    let told = |is_firing| {
        let wanted = move |notice: &Notice| is_about_shop(notice, is_firing);
        receiver.next(SOON, "a notification about shop", wanted)
    };
    let notice = told(true).await;
    for (label, value) in [
        ("alertname", "PgcommonsDatabaseConnections"),
        ("scope", "database"),
        ("owner", "alice"),
        ("team", "web"),
        ("job", "pgcommons"),
    ] {
        assert_eq!(notice.label(label), value, "{label}");
    }
    assert_eq!(notice.receiver, "/hook");
    let summary = &notice.annotations["summary"];
    assert!(summary.contains("database shop uses 5 of 5"), "{summary}");
    assert!(notice.annotations["description"].starts_with("First step: SELECT"));
    TestSession::close_all(leak).await;
    told(false).await;
    let page = agent.scrape().await;
    let delivered = page.value("pgcommons_notifications_total", &[("receiver", "webhook")]);
    assert!(delivered >= Some(2.0), "{delivered:?}");
}

/// While PostgreSQL is down, it is unknown whether the leak has ended.
#[tokio::test]
async fn an_alert_does_not_end_because_the_server_is_down() {
    let mut cluster = shared_server().await;
    let receiver = Receiver::start().await;
    let hook = format!("[{{webhook: \"http://{}/hook\"}}]", receiver.address());
    let agent = watch(&cluster, &configured(&hook)).await;
    fresh(&agent).await;
    let _leak = sessions(&cluster, "shop", 5).await;
    let firing = |notice: &Notice| is_about_shop(notice, true);
    receiver
        .next(SOON, "a notification about shop", firing)
        .await;
    cluster.stop(StopMode::Immediate);
    let down = |notice: &Notice| {
        notice.label("alertname") == "PgcommonsServerUnreachable" && notice.is_firing
    };
    let limit = Duration::from_mins(1);
    let notice = receiver
        .next(limit, "the server is unreachable", down)
        .await;
    assert_eq!(notice.label("severity"), "critical");
    let ended = receiver.notices().iter().any(|it| is_about_shop(it, false));
    assert!(!ended, "{:?}", receiver.notices());
}

#[tokio::test]
async fn a_full_server_is_one_notification_and_not_one_for_each_tenant() {
    let cluster = trusting(&[("max_connections", "12")]).await;
    for tenant in ["shop", "blog"] {
        create_tenant(&cluster, tenant, 6).await;
    }
    let receiver = Receiver::start().await;
    let hook = format!(
        "[{{webhook: \"http://{}/hook\", min_severity: critical}}]",
        receiver.address()
    );
    let agent = watch(&cluster, &configured(&hook)).await;
    fresh(&agent).await;
    let _crowd = sessions(&cluster, "blog", 5).await;
    let _shop = sessions(&cluster, "shop", 3).await;
    let full = |notice: &Notice| notice.label("alertname") == "PgcommonsServerConnections";
    receiver.next(SOON, "the server is full", full).await;
    let notices = receiver.notices();
    let of_tenants = notices.iter().any(|it| !it.label("datname").is_empty());
    assert!(!of_tenants, "{notices:?}");
}

/// One alert through each service, with the secrets of each from files.
#[tokio::test]
async fn ntfy_telegram_and_a_protected_webhook_get_what_they_need() {
    let cluster = shared_server().await;
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the folder can be written");
        path.display().to_string()
    };
    let address = receiver.address();
    let receivers = format!(
        "[{{ntfy: \"http://{address}/my-topic\", token_file: {}}}, \
          {{telegram: {{token_file: {}, chat_id: -1001234, api_url: \"http://{address}\"}}}}, \
          {{webhook_file: {}, username: hook, password_file: {}}}]",
        file("ntfy", "tk_secret\n"),
        file("bot", "42:bot-secret\n"),
        file("url", &format!("http://{address}/path-secret\n")),
        file("password", "hook-secret\n"),
    );
    let agent = watch(&cluster, &configured(&receivers)).await;
    fresh(&agent).await;
    let _leak = sessions(&cluster, "shop", 5).await;
    let critical = |path: &'static str, has: fn(&Value) -> bool| {
        let receiver = receiver.clone();
        async move {
            crate::support::eventually(SOON, path, async || {
                let mut posts = receiver.posts().into_iter();
                posts.find(|post| post.path == path && has(&post.body))
            })
            .await
        }
    };
    let ntfy = critical("/", |body| body["priority"] == 5).await;
    assert_eq!(ntfy.body["topic"], "my-topic");
    assert_eq!(ntfy.headers["authorization"], "Bearer tk_secret");
    let title = ntfy.body["title"].as_str().expect("a title");
    assert!(title.ends_with(": 1 critical"), "{title}");
    let text = |body: &Value| {
        body["text"]
            .as_str()
            .is_some_and(|it| it.contains("critical"))
    };
    let telegram = critical("/bot42:bot-secret/sendMessage", text).await;
    assert_eq!(telegram.body["chat_id"], "-1001234");
    assert!(
        telegram.body["text"]
            .to_string()
            .contains("database shop uses 5 of 5")
    );
    let firing = |body: &Value| body["status"] == "firing";
    let hook = critical("/path-secret", firing).await;
    assert_eq!(
        hook.headers["authorization"],
        "Basic aG9vazpob29rLXNlY3JldA=="
    );
    let log = agent.log();
    for secret in ["tk_secret", "bot-secret", "path-secret", "hook-secret"] {
        assert!(!log.contains(secret), "{secret} in {log}");
        let page = agent.get("/metrics").await.text() + &agent.get("/").await.text();
        assert!(!page.contains(secret), "{secret} is on a page");
    }
}

#[tokio::test]
async fn a_heartbeat_comes_while_nothing_is_wrong() {
    let cluster = trusting(&[]).await;
    let receiver = Receiver::start().await;
    let address = receiver.address();
    let hook =
        format!("[{{webhook: \"http://{address}/beat\", min_severity: none, heartbeat: 10s}}]");
    let _agent = watch(&cluster, &configured(&hook)).await;
    let is_beat = |notice: &Notice| notice.label("alertname") == "PgcommonsHeartbeat";
    let first = receiver.next(SOON, "a heartbeat", is_beat).await;
    let second = |notice: &Notice| is_beat(notice) && notice.received > first.received;
    let second = receiver.next(SOON, "another one", second).await;
    let between = second.received - first.received;
    assert!(between >= Duration::from_secs(9), "{between:?}");
}

/// A reload starts new receivers and stops others. One that stays keeps what it was told.
#[tokio::test]
async fn a_reload_changes_the_receivers() {
    let cluster = shared_server().await;
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    let config = |receivers: &str| {
        let url = cluster.superuser_url();
        let server = format!("servers: {{main: {{dsn: \"{url}\"}}}}\n");
        format!("{server}{}", configured(receivers))
    };
    let hook = |receiver: &Receiver| format!("{{webhook: \"http://{}/\"}}", receiver.address());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("pgcommons.yaml");
    let write = |text: String| std::fs::write(&path, text).expect("the folder can be written");
    write(config(&format!("[{}]", hook(&one))));
    let agent = Agent::start(AgentSpec {
        args: &["--config.file", path.to_str().expect("a UTF-8 path")],
        ..AgentSpec::default()
    })
    .await;
    fresh(&agent).await;
    let _leak = sessions(&cluster, "shop", 5).await;
    let firing = |notice: &Notice| is_about_shop(notice, true);
    one.next(SOON, "the first is told", firing).await;
    let told = one.notices().len();
    write(config(&format!("[{}, {}]", hook(&one), hook(&other))));
    agent.signal("HUP");
    other.next(SOON, "the second is told, too", firing).await;
    assert_eq!(one.notices().len(), told, "the first is not told again");
    let begun = Instant::now();
    write(config("[]"));
    agent.signal("HUP");
    agent
        .scrape_until("no receiver is left", |page| {
            page.value("pgcommons_notifications_total", &[("receiver", "webhook")])
                .is_none()
        })
        .await;
    assert!(begun.elapsed() < SOON);
}
