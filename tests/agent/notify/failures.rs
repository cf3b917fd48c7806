//! Receivers that refuse, hang or do not exist: the agent tries again, and its polls go on.

use std::time::Duration;

use tokio::net::TcpListener;

use super::{SOON, configured, is_about_shop, shared_server};
use crate::support::{Notice, Receiver, WebFolder, failed_polls, fresh, sessions, watch};

#[tokio::test]
async fn a_receiver_that_refuses_is_told_when_it_accepts_again() {
    let cluster = shared_server().await;
    let receiver = Receiver::start().await;
    receiver.answer_with(503);
    let hook = format!(
        "[{{name: ops, webhook: \"http://{}/\"}}]",
        receiver.address()
    );
    let agent = watch(&cluster, &configured(&hook)).await;
    fresh(&agent).await;
    let _leak = sessions(&cluster, "shop", 5).await;
    let labels = [("receiver", "ops"), ("reason", "server_error")];
    let page = agent
        .scrape_until("attempts fail", |page| {
            page.value("pgcommons_notifications_failed_total", &labels) >= Some(2.0)
        })
        .await;
    let since = "pgcommons_notifications_failing_since_timestamp_seconds";
    let own = [("receiver", "ops")];
    assert!(page.value(since, &own).is_some());
    let live = agent.get("/").await.text();
    assert!(live.contains("server error"), "{live}");
    receiver.answer_with(200);
    let firing = |notice: &Notice| is_about_shop(notice, true);
    receiver.next(SOON, "it is told", firing).await;
    agent
        .scrape_until("it works", |page| page.value(since, &own).is_none())
        .await;
    let log = agent.log();
    assert_eq!(
        log.matches("notifications are not delivered").count(),
        1,
        "{log}"
    );
    assert!(log.contains("notifications are delivered again"), "{log}");
}

/// One refuses connections, one accepts and never answers, one is no name, and one is told.
#[tokio::test]
async fn a_receiver_that_hangs_delays_neither_polls_nor_other_receivers() {
    let cluster = shared_server().await;
    let receiver = Receiver::start().await;
    let hanging = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let hangs = hanging.local_addr().expect("an address");
    let hooks = format!(
        "[{{webhook: \"http://{hangs}/\"}}, {{webhook: \"http://127.0.0.1:1/\"}}, \
          {{webhook: \"http://host.invalid/\"}}, {{webhook: \"http://{}/\"}}]",
        receiver.address()
    );
    let agent = watch(&cluster, &configured(&hooks)).await;
    fresh(&agent).await;
    let before = failed_polls(&agent.scrape().await);
    let _leak = sessions(&cluster, "shop", 5).await;
    let firing = |notice: &Notice| is_about_shop(notice, true);
    receiver.next(SOON, "the last one is told", firing).await;
    let failed = |receiver: &'static str, reason: &'static str| {
        move |page: &crate::support::Scrape| {
            let labels = [("receiver", receiver), ("reason", reason)];
            page.value("pgcommons_notifications_failed_total", &labels) >= Some(1.0)
        }
    };
    agent
        .scrape_until("it times out", failed("webhook", "timeout"))
        .await;
    agent
        .scrape_until("it is refused", failed("webhook-2", "connect"))
        .await;
    agent
        .scrape_until("it has no address", failed("webhook-3", "connect"))
        .await;
    assert_eq!(failed_polls(&agent.scrape().await), before);
}

#[tokio::test]
async fn a_certificate_is_verified() {
    let cluster = shared_server().await;
    let web = WebFolder::new();
    let receiver = Receiver::start_with_tls(&web).await;
    let address = receiver.address();
    let ca = |name: &str| web.path(name).display().to_string();
    let hooks = format!(
        "[{{name: own, webhook: \"https://{address}/\", ca_file: {}}}, \
          {{name: other, webhook: \"https://{address}/\", ca_file: {}}}, \
          {{name: plain, webhook: \"http://{address}/\"}}]",
        ca("ca.crt"),
        ca("other-ca.crt"),
    );
    let agent = watch(&cluster, &configured(&hooks)).await;
    fresh(&agent).await;
    let _leak = sessions(&cluster, "shop", 5).await;
    let firing = |notice: &Notice| is_about_shop(notice, true);
    receiver
        .next(SOON, "the certificate is valid", firing)
        .await;
    for (name, reason) in [("other", "tls"), ("plain", "protocol")] {
        agent
            .scrape_until(name, |page| {
                let labels = [("receiver", name), ("reason", reason)];
                page.value("pgcommons_notifications_failed_total", &labels) >= Some(1.0)
            })
            .await;
    }
    assert!(agent.log().contains("UnknownIssuer"), "{}", agent.log());
}

/// A secret is read at each attempt, so a file that comes later is enough.
#[tokio::test]
async fn a_file_that_is_missing_is_a_failure_until_it_is_there() {
    let cluster = shared_server().await;
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("token");
    let hook = format!(
        "[{{webhook: \"http://{}/\", token_file: {}}}]",
        receiver.address(),
        path.display()
    );
    let agent = watch(&cluster, &configured(&hook)).await;
    fresh(&agent).await;
    let _leak = sessions(&cluster, "shop", 5).await;
    let labels = [("receiver", "webhook"), ("reason", "credentials")];
    agent
        .scrape_until("the file is missing", |page| {
            page.value("pgcommons_notifications_failed_total", &labels) >= Some(1.0)
        })
        .await;
    std::fs::write(&path, "a token").expect("the folder can be written");
    let firing = |notice: &Notice| is_about_shop(notice, true);
    let limit = Duration::from_secs(30);
    receiver.next(limit, "it is told", firing).await;
}
