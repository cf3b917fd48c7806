//! Four agents, each of which calls its server `main`: while nothing is known of a server, no end of an alert is told.

use std::time::Duration;

use tokio::time::sleep;

use crate::alertmanager::Alertmanager;
use crate::project_file;
use crate::prometheus::{Prometheus, RULES, Setup};
use crate::receiver::{Notice, Receiver};
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, StopMode, TestSession, create_agent_role, create_tenant,
    sessions, trusting,
};

/// Far more than it takes, and less than the five minutes for which alerts go on.
const LIMIT: Duration = Duration::from_mins(4);
const SHOP_LIMIT: u16 = 5;

const SHOP_IS_FULL: &str = "PgcommonsDatabaseConnectionsExhausted";
const SERVER_IS_FULL: &str = "PgcommonsServerConnectionsExhausted";
const SERVER_IS_DOWN: &str = "PgcommonsServerDown";

/// A server, the agent that watches it, and the sessions that use it up.
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
        self.told(receiver, SHOP_IS_FULL, true).await;
    }

    fn is_told_by(&self, notice: &Notice, alert: &str) -> bool {
        notice.label("alertname") == alert
            && notice.label("instance") == self.agent.address().to_string()
    }

    /// Waits until those on call are told of this.
    async fn told(&self, receiver: &Receiver, alert: &str, is_firing: bool) {
        let what = format!("{alert} of {}, firing: {is_firing}", self.agent.address());
        let wanted = |notice: &Notice| {
            notice.receiver == "/on-call"
                && notice.is_firing == is_firing
                && self.is_told_by(notice, alert)
        };
        receiver.next(LIMIT, &what, wanted).await;
    }

    fn end_was_told(&self, receiver: &Receiver, alert: &str) -> bool {
        let mut notices = receiver.notices().into_iter();
        notices.any(|notice| !notice.is_firing && self.is_told_by(&notice, alert))
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

#[tokio::test]
async fn no_end_is_told_while_nothing_is_known() {
    let (mut pausing, mut freezing, mut blinded, mut full) = tokio::join!(
        Watched::start(),
        Watched::start(),
        Watched::start(),
        Watched::start()
    );
    let (_prometheus, _alertmanager, receiver) =
        notified(&[&pausing, &freezing, &blinded, &full]).await;
    full.held = full.cluster.fill("crowd", "crowd", "crowd").await;
    full.told(&receiver, SERVER_IS_FULL, true).await;
    // The other servers have the same name, and are not full.
    tokio::join!(
        pausing.fill_shop(&receiver),
        freezing.fill_shop(&receiver),
        blinded.fill_shop(&receiver),
    );

    full.cluster.stop(StopMode::Immediate);
    blinded
        .cluster
        .sql(&format!("REVOKE pg_monitor FROM {AGENT}"))
        .await;
    tokio::join!(
        paused(&pausing.agent),
        frozen(&freezing.cluster),
        full.told(&receiver, SERVER_IS_DOWN, true),
    );
    let ended: Vec<&str> = [
        (&full, SERVER_IS_FULL, "stopped while full"),
        (&pausing, SHOP_IS_FULL, "agent stopped for 8 s"),
        (&freezing, SHOP_IS_FULL, "server frozen for 15 s"),
        (&blinded, SHOP_IS_FULL, "pg_monitor revoked"),
    ]
    .into_iter()
    .filter(|(watched, alert, _)| watched.end_was_told(&receiver, alert))
    .map(|(.., fault)| fault)
    .collect();
    assert!(ended.is_empty(), "told as over: {ended:?}");

    // Once something is known again the end is told, long before five minutes are over.
    blinded
        .cluster
        .sql(&format!("GRANT pg_monitor TO {AGENT}"))
        .await;
    let at_limit = [pausing, freezing, blinded];
    let ends = at_limit.map(async |mut watched| {
        TestSession::close_all(std::mem::take(&mut watched.held)).await;
        watched.told(&receiver, SHOP_IS_FULL, false).await;
    });
    let [first, second, third] = ends;
    tokio::join!(first, second, third);
}
