//! `PgBouncer` in between, which shares server connections between clients: the agent detects it in every pool mode.

use super::monitor::FaultMonitor;
use super::{FREQUENT, assert_unready, down, failures, start, until_up};
use crate::support::{AGENT, AgentSpec, PgBouncer, Relay, create_agent_role, run, trusting};

#[tokio::test]
async fn a_pooler_in_between_is_refused_and_a_direct_connection_accepted() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let ignoring = "ignore_startup_parameters = options";
    for settings in [
        "pool_mode = transaction".to_owned(),
        format!("pool_mode = transaction\n{ignoring}"),
        format!("pool_mode = session\n{ignoring}"),
    ] {
        let servers = format!("* = host=127.0.0.1 port={}", cluster.port());
        let pooler = PgBouncer::start(&servers, &settings, &[]).await;
        let relay = Relay::start(pooler.port());
        let dsn = format!("postgres://{AGENT}@127.0.0.1:{}/postgres", relay.port());
        let agent = start(&format!("{FREQUENT}servers: {{a: {{dsn: '{dsn}'}}}}\n")).await;
        let mut monitor = FaultMonitor::start("PgBouncer in between", &agent);
        let page = agent
            .scrape_until("refused", |page| failures(page, "pooler") > 1.0)
            .await;
        assert!(down(&page, "a"), "{settings}: {}", page.text());
        assert_unready(&agent, "pooler").await;
        let advice = "connect to PostgreSQL itself";
        assert_eq!(agent.log().matches(advice).count(), 1, "{}", agent.log());
        let check = AgentSpec {
            args: &["check"],
            env: &[("DATABASE_URL", &dsn)],
            ..AgentSpec::default()
        };
        let check = run(check).await;
        assert_eq!(check.status.code(), Some(3), "{settings}: {check:?}");
        relay.redirect_to(cluster.port());
        monitor.fault_ended();
        until_up(&agent).await;
        monitor.assert_recovered();
    }
}
