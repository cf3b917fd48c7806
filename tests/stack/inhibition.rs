//! Inhibition: an alert of a server inhibits the alerts that follow from it on that server, and no others.

use std::time::Duration;

use crate::alertmanager::Alertmanager;
use crate::support::{Notice, Receiver};

/// Far more than needed.
const LIMIT: Duration = Duration::from_mins(2);

/// Agents that use the same server name, like every example does.
const SERVERS: [Server; 3] = [
    Server {
        region: "",
        instance: "db1:19187",
    },
    Server {
        region: "",
        instance: "db2:19187",
    },
    // Another Prometheus may scrape its agent at the same address.
    Server {
        region: "eu-west",
        instance: "db1:19187",
    },
];

#[derive(Clone, Copy, Debug)]
struct Server {
    region: &'static str,
    instance: &'static str,
}

/// An alert: its name, scope and concern. All are critical.
type Alert = (&'static str, &'static str, &'static str);

const FULL: Alert = (
    "PgcommonsServerConnectionsExhausted",
    "server",
    "connections",
);
const DOWN: Alert = ("PgcommonsServerDown", "server", "availability");
const DATABASE: Alert = (
    "PgcommonsDatabaseConnectionsExhausted",
    "database",
    "connections",
);
const ROLE: Alert = ("PgcommonsRoleConnectionsExhausted", "role", "connections");
const WRAPAROUND: Alert = (
    "PgcommonsTransactionIdsRunningOut",
    "database",
    "wraparound",
);
const SIZE: Alert = ("PgcommonsDatabaseSizeOverQuota", "database", "size");

fn add(alertmanager: &Alertmanager, server: Server, (name, scope, concern): Alert) {
    let mut labels = vec![
        ("alertname", name),
        ("scope", scope),
        ("concern", concern),
        ("severity", "critical"),
        ("job", "pgcommons"),
        ("instance", server.instance),
        ("server", "main"),
    ];
    labels.extend((!server.region.is_empty()).then_some(("region", server.region)));
    alertmanager.add(&labels);
}

fn matches(notice: &Notice, server: Server, (name, ..): Alert) -> bool {
    notice.label("alertname") == name
        && notice.label("instance") == server.instance
        && notice.label("region") == server.region
}

async fn wait_for(receiver: &Receiver, server: Server, alert: Alert) {
    let what = format!("{alert:?} of {server:?}");
    let wanted = |notice: &Notice| notice.receiver == "/on-call" && matches(notice, server, alert);
    receiver.next(LIMIT, &what, wanted).await;
}

/// Asserts which alerts are sent while this one of the first server is firing.
async fn check_inhibition(cause: Alert) {
    let receiver = Receiver::start().await;
    let alertmanager = Alertmanager::start(receiver.address()).await;
    let [here, there, elsewhere] = SERVERS;
    add(&alertmanager, here, cause);
    wait_for(&receiver, here, cause).await;

    // The inhibited alerts are added first: without inhibition they would arrive before the others, or with them.
    for (server, alert) in [
        (here, DATABASE),
        (here, ROLE),
        (here, WRAPAROUND),
        (here, SIZE),
        (there, DATABASE),
        (elsewhere, DATABASE),
    ] {
        add(&alertmanager, server, alert);
    }
    tokio::join!(
        wait_for(&receiver, here, WRAPAROUND),
        wait_for(&receiver, here, SIZE),
        wait_for(&receiver, there, DATABASE),
        wait_for(&receiver, elsewhere, DATABASE),
    );
    for alert in [DATABASE, ROLE] {
        let notices = receiver.notices();
        let is_sent = notices.iter().any(|notice| matches(notice, here, alert));
        assert!(!is_sent, "{alert:?} follows from {cause:?}: {notices:#?}");
    }
}

#[tokio::test]
async fn a_server_alert_inhibits_what_follows_from_it_and_nothing_else() {
    tokio::join!(check_inhibition(FULL), check_inhibition(DOWN));
}
