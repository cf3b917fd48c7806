//! What an alert of a server silences: what follows from it, on that server, and nothing else.

use std::time::Duration;

use crate::alertmanager::Alertmanager;
use crate::receiver::{Notice, Receiver};

/// Far more than it takes.
const LIMIT: Duration = Duration::from_mins(2);

/// Agents that call their server by one name, as every example does.
const SERVERS: [Server; 3] = [
    Server {
        region: "",
        instance: "db1:19187",
    },
    Server {
        region: "",
        instance: "db2:19187",
    },
    // Another Prometheus may know its agent by the same address.
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

fn tells_of(notice: &Notice, server: Server, (name, ..): Alert) -> bool {
    notice.label("alertname") == name
        && notice.label("instance") == server.instance
        && notice.label("region") == server.region
}

async fn told(receiver: &Receiver, server: Server, alert: Alert) {
    let what = format!("{alert:?} of {server:?}");
    let wanted = |notice: &Notice| notice.receiver == "/on-call" && tells_of(notice, server, alert);
    receiver.next(LIMIT, &what, wanted).await;
}

/// What this alert of the first server leaves to be told.
async fn leaves(cause: Alert) {
    let receiver = Receiver::start().await;
    let alertmanager = Alertmanager::start(receiver.address()).await;
    let [here, there, elsewhere] = SERVERS;
    add(&alertmanager, here, cause);
    told(&receiver, here, cause).await;

    // Those that follow come first: they would be in the same message, or in one before.
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
        told(&receiver, here, WRAPAROUND),
        told(&receiver, here, SIZE),
        told(&receiver, there, DATABASE),
        told(&receiver, elsewhere, DATABASE),
    );
    for alert in [DATABASE, ROLE] {
        let notices = receiver.notices();
        let told = notices.iter().any(|notice| tells_of(notice, here, alert));
        assert!(!told, "{alert:?} follows from {cause:?}: {notices:#?}");
    }
}

#[tokio::test]
async fn a_server_silences_what_follows_from_its_alert_and_nothing_else() {
    tokio::join!(leaves(FULL), leaves(DOWN));
}
