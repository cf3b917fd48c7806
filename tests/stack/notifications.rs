//! The time from a fault to its notification: five servers get the same faults at different times between two scrapes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::alertmanager::Alertmanager;
use crate::prometheus::{Prometheus, RULES, Setup};
use crate::support::{
    Agent, AgentSpec, Cluster, TestSession, create_agent_role, create_tenant, eventually, sessions,
    trusting,
};
use crate::support::{Notice, Receiver};
use crate::{print_line, project_file};

const SERVERS: usize = 5;
/// The delay between the faults of two servers: not a divisor of the scrape interval.
const STAGGER: Duration = Duration::from_millis(1_100);
/// Far more than needed. The actual times are printed.
const LIMIT: Duration = Duration::from_mins(3);

const SHOP_LIMIT: u16 = 5;
/// `PostgreSQL` 16 and later reserve 3 + 20 of 100 slots, so the server is full at 0.77.
const RESERVED: &[(&str, &str)] = &[("max_connections", "100"), ("reserved_connections", "20")];
const PLAIN: &[(&str, &str)] = &[("max_connections", "20")];

struct Stack {
    clusters: Vec<Cluster>,
    _agent: Agent,
    prometheus: Prometheus,
    _alertmanager: Alertmanager,
    receiver: Receiver,
}

impl Stack {
    async fn start() -> Self {
        let mut clusters = Vec::new();
        for _ in 1..SERVERS {
            clusters.push(trusting(PLAIN).await);
        }
        let can_reserve = clusters[0].major_version().await >= 16;
        let first = if can_reserve { RESERVED } else { PLAIN };
        clusters.insert(0, trusting(first).await);
        for cluster in &clusters {
            create_agent_role(cluster).await;
            create_tenant(cluster, "shop", SHOP_LIMIT.into()).await;
            create_tenant(cluster, "crowd", -1).await;
        }
        let agent = Agent::start(AgentSpec {
            config: Some(&configuration(&clusters)),
            ..AgentSpec::default()
        })
        .await;
        let receiver = Receiver::start().await;
        let alertmanager = Alertmanager::start(receiver.address()).await;
        let prometheus = Prometheus::start(Setup {
            agents: &[agent.address()],
            alertmanager: Some(alertmanager.address()),
            rules: &project_file(RULES),
            history: None,
            remote: None,
        })
        .await;
        Self {
            clusters,
            _agent: agent,
            prometheus,
            _alertmanager: alertmanager,
            receiver,
        }
    }

    /// Waits for the next notification of this alert at this receiver.
    async fn notice(&self, receiver: &str, alert: &Alert<'_>, is_firing: bool) -> Notice {
        let Alert { name, server } = alert;
        let what = format!("{name} of {server} at {receiver}, firing: {is_firing}");
        let wanted = |notice: &Notice| {
            notice.receiver == receiver && notice.is_firing == is_firing && alert.matches(notice)
        };
        self.receiver.next(LIMIT, &what, wanted).await
    }
}

fn name_of(server: usize) -> String {
    format!("s{}", server + 1)
}

fn configuration(clusters: &[Cluster]) -> String {
    let mut text = "budgets: {shop: {owner: alice, labels: {team: web}}}\nservers:\n".to_owned();
    for (server, cluster) in clusters.iter().enumerate() {
        let url = cluster.url("agent", "agent", "postgres");
        text.extend(["  ", &name_of(server), ": {dsn: \"", &url, "\"}\n"]);
    }
    text
}

/// An alert by its name and server.
struct Alert<'a> {
    name: &'a str,
    server: &'a str,
}

impl Alert<'_> {
    fn matches(&self, notice: &Notice) -> bool {
        notice.label("alertname") == self.name && notice.label("server") == self.server
    }
}

/// One database reaches its own limit: people on call and its team are notified, and again when it is resolved.
async fn exhaust_database(stack: &Stack, cluster: &Cluster, server: &str) -> Duration {
    let alert = Alert {
        name: "PgcommonsDatabaseConnectionsExhausted",
        server,
    };
    let held = sessions(cluster, "shop", SHOP_LIMIT.into()).await;
    let begun = Instant::now();
    let (on_call, team) = tokio::join!(
        stack.notice("/on-call", &alert, true),
        stack.notice("/team-web", &alert, true)
    );
    for notice in [&on_call, &team] {
        assert_eq!(notice.label("datname"), "shop");
        assert_eq!(notice.label("team"), "web");
        assert_eq!(notice.label("owner"), "alice");
        let summary =
            format!("Database shop on {server} holds 5 connections: its limit is used up");
        assert_eq!(notice.annotations["summary"], summary);
    }
    TestSession::close_all(held).await;
    tokio::join!(
        stack.notice("/on-call", &alert, false),
        stack.notice("/team-web", &alert, false)
    );
    on_call.received - begun
}

/// `max_connections`, and how many of them are not reserved.
async fn connections(cluster: &Cluster) -> (i64, i64) {
    let setting = "current_setting('max_connections')::int";
    let reserved = "sum(setting::int) FROM pg_settings WHERE name ~ 'reserved_connections$'";
    let max = cluster.query_one_i64(&format!("SELECT {setting}")).await;
    let slots = max - cluster.query_one_i64(&format!("SELECT {reserved}")).await;
    (max, slots)
}

/// A database takes the last slot of the server and reaches its own limit too: only the server's alert is sent.
async fn exhaust_server(stack: &Stack, cluster: &Cluster, server: &str) -> Duration {
    let alert = Alert {
        name: "PgcommonsServerConnectionsExhausted",
        server,
    };
    let (max, slots) = connections(cluster).await;
    // The agent's session holds one slot.
    let rest = usize::try_from(slots - 1).expect("slots") - usize::from(SHOP_LIMIT);
    let crowd = sessions(cluster, "crowd", rest).await;
    let shop = sessions(cluster, "shop", SHOP_LIMIT.into()).await;
    let begun = Instant::now();
    let refused = cluster.connect("crowd", "crowd", "crowd").await;
    assert!(refused.is_err(), "{server} has more than {slots} slots");

    let notice = stack.notice("/on-call", &alert, true).await;
    let summary = format!("refuses applications: {slots} connections, none left");
    assert!(
        notice.annotations["summary"].ends_with(&summary),
        "{notice:?}"
    );
    let holder = format!("Database crowd holds {rest} of them.");
    assert!(
        notice.annotations["description"].ends_with(&holder),
        "{notice:?}"
    );
    // In this order shop is below its limit as soon as the server has a free slot.
    TestSession::close_all(shop).await;
    TestSession::close_all(crowd).await;
    stack.notice("/on-call", &alert, false).await;
    let share = slots as f64 / max as f64;
    print_line(&format!(
        "{server} was full at {slots} of {max} connections, {share:.2}"
    ));

    assert_tenants_inhibited(stack, server, begun);
    notice.received - begun
}

/// Asserts that no critical alert of a tenant of this server was sent.
fn assert_tenants_inhibited(stack: &Stack, server: &str, begun: Instant) {
    let notices = stack.receiver.notices().into_iter();
    let of_tenants: Vec<Notice> = notices
        .filter(|notice| notice.received >= begun && notice.label("server") == server)
        .filter(|notice| notice.is_firing && notice.label("scope") != "server")
        // The warning that shop was at its limit before is still sent.
        .filter(|notice| notice.label("severity") == "critical")
        .collect();
    assert!(of_tenants.is_empty(), "not inhibited: {of_tenants:?}");
}

/// The server stops answering and recovers.
async fn freeze_server(stack: &Stack, cluster: &Cluster, server: &str) -> Duration {
    let alert = Alert {
        name: "PgcommonsServerDown",
        server,
    };
    cluster.freeze();
    let begun = Instant::now();
    let notice = stack.notice("/on-call", &alert, true).await;
    assert!(notice.annotations["summary"].contains(server), "{notice:?}");
    cluster.thaw();
    stack.notice("/on-call", &alert, false).await;
    notice.received - begun
}

/// A backend is killed. The alert inhibits nothing, and fires for ten minutes, so its end is not awaited.
async fn crash_server(stack: &Stack, cluster: &Cluster, server: &str) -> Duration {
    let alert = Alert {
        name: "PgcommonsServerCrashed",
        server,
    };
    let victim = cluster.admin().await;
    let begun = Instant::now();
    cluster.signal_process("KILL", victim.backend_pid());
    let notice = stack.notice("/on-call", &alert, true).await;
    let count = "Crashes in the last hour: 1.";
    assert!(
        notice.annotations["description"].contains(count),
        "{notice:?}"
    );
    notice.received - begun
}

fn seconds(what: &str, times: &[Duration]) -> String {
    let times: Vec<String> = times
        .iter()
        .map(|time| format!("{:.1}", time.as_secs_f64()))
        .collect();
    format!(
        "seconds from fault to notification, {what}: {}",
        times.join(" ")
    )
}

#[tokio::test]
async fn faults_and_their_end_are_notified() {
    let stack = Stack::start().await;
    let scraped = "count_over_time(pgcommons_server_connections_headroom[1m]) > 2";
    eventually(LIMIT, "every server is scraped", async || {
        (stack.prometheus.instant(scraped).await.len() == SERVERS).then_some(())
    })
    .await;
    let firing = stack.prometheus.instant("ALERTS{severity!=\"info\"}").await;
    let firing: Vec<_> = firing.iter().map(|alert| &alert.labels).collect();
    assert!(firing.is_empty(), "no fault yet: {firing:?}");

    let faults = async |server| {
        let (cluster, name) = (&stack.clusters[server], name_of(server));
        let stagger = STAGGER * u32::try_from(server).expect("few servers");
        sleep(stagger).await;
        let database = exhaust_database(&stack, cluster, &name).await;
        sleep(stagger).await;
        let whole = exhaust_server(&stack, cluster, &name).await;
        sleep(stagger).await;
        let frozen = freeze_server(&stack, cluster, &name).await;
        let crashed = crash_server(&stack, cluster, &name).await;
        [database, whole, frozen, crashed]
    };
    let times: [_; SERVERS] =
        tokio::join!(faults(0), faults(1), faults(2), faults(3), faults(4)).into();
    let names = [
        "exhausted database",
        "exhausted server",
        "frozen server",
        "crashed server",
    ];
    for (index, fault) in names.iter().enumerate() {
        let times: Vec<Duration> = times.iter().map(|times| times[index]).collect();
        print_line(&seconds(fault, &times));
    }
}
