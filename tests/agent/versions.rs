//! Servers of versions that the agent does not support. The version is that of the PostgreSQL that runs the tests.

use std::time::Duration;

use crate::support::{
    AGENT, StopMode, create_agent_role, create_tenant, eventually, failed_polls, fresh, sessions,
    trusting, watch_as,
};

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_unsupported_version_is_logged_once_and_polled() {
    let mut cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    create_tenant(&cluster, "shop", 5).await;
    let known = (13..=18).contains(&cluster.major_version().await);
    let agent = watch_as(&cluster, AGENT, "").await;
    fresh(&agent).await;
    cluster.restart(StopMode::Fast);
    let again = eventually(LIMIT, "it is back", async || {
        (agent.log().matches(" ready ").count() == 2).then_some(())
    });
    again.await;

    let _open = sessions(&cluster, "shop", 2).await;
    let page = fresh(&agent).await;
    let headroom = "pgcommons_database_connections_headroom";
    let headroom = page.value(headroom, &[("datname", "shop")]);
    assert_eq!(headroom, Some(3.0), "{}", page.text());
    let lost = failed_polls(&page);
    assert!(lost.iter().all(|polls| polls.contains("lost")), "{lost:?}");
    let logged = agent.log().matches("some series may be missing").count();
    assert_eq!(logged, usize::from(!known), "{}", agent.log());
}
