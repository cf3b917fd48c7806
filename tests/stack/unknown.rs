//! Four agents with a server `main` each: while the facts of a server are unknown, none of its alerts is resolved.

use std::time::Duration;

use tokio::time::sleep;

use crate::alertmanager::Alertmanager;
use crate::project_file;
use crate::prometheus::{Prometheus, RULES, Setup};
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, StopMode, TestSession, create_agent_role, create_tenant,
    sessions, trusting,
};
use crate::support::{Notice, Receiver};

/// Far more than needed, and less than the five minutes for which alerts keep firing without facts.
const LIMIT: Duration = Duration::from_mins(4);
const SHOP_LIMIT: u16 = 5;

const SHOP_IS_FULL: &str = "PgcommonsDatabaseConnectionsExhausted";
const SERVER_IS_FULL: &str = "PgcommonsServerConnectionsExhausted";
const SERVER_IS_DOWN: &str = "PgcommonsServerDown";

/// A server, its agent, and the sessions that fill it.
struct Watched {
    cluster: Cluster,
    agent: Agent,
    held: Vec<TestSession>,
}

impl Watched {
    async fn start() -> Self {
        let cluster = trusting(&[("max_connections", "20")]).await;
        create_agent_role(&cluster).await;
        create_tenant(&cluster, "shop", SHOP_LIMIT.into()).await;
        create_tenant(&cluster, "crowd", -1).await;
        let url = cluster.url(AGENT, AGENT, "postgres");
        let agent = Agent::start(AgentSpec {
            config: Some(&format!("servers: {{main: {{dsn: \"{url}\"}}}}\n")),
            ..AgentSpec::default()
        })
        .await;
        agent
            .scrape_until("sessions are counted", |page| {
                !page.series("pgcommons_server_connections").is_empty()
            })
            .await;
        Self {
            cluster,
            agent,
            held: Vec::new(),
        }
    }

    async fn fill_shop(&mut self, receiver: &Receiver) {
        self.held = sessions(&self.cluster, "shop", SHOP_LIMIT.into()).await;
        self.wait_for(receiver, SHOP_IS_FULL, true).await;
    }

    async fn empty_shop(&mut self, receiver: &Receiver) {
        TestSession::close_all(std::mem::take(&mut self.held)).await;
        self.wait_for(receiver, SHOP_IS_FULL, false).await;
    }

    fn matches(&self, notice: &Notice, alert: &str) -> bool {
        notice.label("alertname") == alert
            && notice.label("instance") == self.agent.address().to_string()
    }

    /// Waits for this notification to the people on call.
    async fn wait_for(&self, receiver: &Receiver, alert: &str, is_firing: bool) {
        let what = format!("{alert} of {}, firing: {is_firing}", self.agent.address());
        let wanted = |notice: &Notice| {
            notice.receiver == "/on-call"
                && notice.is_firing == is_firing
                && self.matches(notice, alert)
        };
        receiver.next(LIMIT, &what, wanted).await;
    }

    fn was_resolved(&self, receiver: &Receiver, alert: &str) -> bool {
        let mut notices = receiver.notices().into_iter();
        notices.any(|notice| !notice.is_firing && self.matches(&notice, alert))
    }
}

async fn notified(agents: &[&Watched]) -> (Prometheus, Alertmanager, Receiver) {
    let receiver = Receiver::start().await;
    let alertmanager = Alertmanager::start(receiver.address()).await;
    let agents: Vec<_> = agents.iter().map(|one| one.agent.address()).collect();
    let prometheus = Prometheus::start(Setup {
        agents: &agents,
        alertmanager: Some(alertmanager.address()),
        rules: &project_file(RULES),
        history: None,
        remote: None,
    })
    .await;
    (prometheus, alertmanager, receiver)
}

async fn paused(agent: &Agent) {
    agent.signal("STOP");
    sleep(Duration::from_secs(8)).await;
    agent.signal("CONT");
}

async fn frozen(cluster: &Cluster) {
    cluster.freeze();
    sleep(Duration::from_secs(15)).await;
    cluster.thaw();
}

/// Makes the facts of each server unknown in a different way.
async fn hide_facts(
    full: &mut Watched,
    pausing: &Watched,
    freezing: &Watched,
    unprivileged: &Watched,
    receiver: &Receiver,
) {
    full.cluster.stop(StopMode::Immediate);
    unprivileged
        .cluster
        .sql(&format!("REVOKE pg_monitor FROM {AGENT}"))
        .await;
    tokio::join!(
        paused(&pausing.agent),
        frozen(&freezing.cluster),
        full.wait_for(receiver, SERVER_IS_DOWN, true),
    );
}

/// Asserts that none of these alerts was resolved, and names the faults of those that were.
fn assert_unresolved(receiver: &Receiver, alerts: &[(&Watched, &str, &str)]) {
    let resolved: Vec<&str> = alerts
        .iter()
        .filter(|(watched, alert, _)| watched.was_resolved(receiver, alert))
        .map(|(.., fault)| *fault)
        .collect();
    assert!(resolved.is_empty(), "resolved: {resolved:?}");
}

#[tokio::test]
async fn no_alert_is_resolved_while_its_facts_are_unknown() {
    let (mut pausing, mut freezing, mut unprivileged, mut full) = tokio::join!(
        Watched::start(),
        Watched::start(),
        Watched::start(),
        Watched::start()
    );
    let (_prometheus, _alertmanager, receiver) =
        notified(&[&pausing, &freezing, &unprivileged, &full]).await;
    full.held = full.cluster.fill("crowd", "crowd", "crowd").await;
    full.wait_for(&receiver, SERVER_IS_FULL, true).await;
    // The other servers have the same name and are not full.
    tokio::join!(
        pausing.fill_shop(&receiver),
        freezing.fill_shop(&receiver),
        unprivileged.fill_shop(&receiver),
    );

    hide_facts(&mut full, &pausing, &freezing, &unprivileged, &receiver).await;
    assert_unresolved(
        &receiver,
        &[
            (&full, SERVER_IS_FULL, "stopped while full"),
            (&pausing, SHOP_IS_FULL, "agent stopped for 8 s"),
            (&freezing, SHOP_IS_FULL, "server frozen for 15 s"),
            (&unprivileged, SHOP_IS_FULL, "pg_monitor revoked"),
        ],
    );

    // When the facts are known again, the alerts are resolved long before five minutes are over.
    unprivileged
        .cluster
        .sql(&format!("GRANT pg_monitor TO {AGENT}"))
        .await;
    tokio::join!(
        pausing.empty_shop(&receiver),
        freezing.empty_shop(&receiver),
        unprivileged.empty_shop(&receiver),
    );
}
