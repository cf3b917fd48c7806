//! Headroom is the number of connections that PostgreSQL really accepts, whichever limit binds. The agent keeps its session
//! when no slot is left.

use std::collections::BTreeMap;

use crate::faults::monitor::FaultMonitor;
use crate::support::{
    AGENT, Agent, Cluster, SUPERUSER, Scrape, StopMode, TestSession, create_agent_role,
    create_tenant, fresh, sessions, trusting, watch, watch_as,
};

const DATABASE: &str = "datname";
const ROLE: &str = "rolname";

/// The value of a series of `pgcommons_database_connections...` or `pgcommons_role_connections...`.
fn of(page: &Scrape, suffix: &str, label: &str, name: &str) -> Option<f64> {
    let subject = if label == ROLE { "role" } else { "database" };
    let family = format!("pgcommons_{subject}_connections{suffix}");
    page.value(&family, &[(label, name)])
}

fn of_server(page: &Scrape, suffix: &str) -> Option<f64> {
    page.value(&format!("pgcommons_server_connections{suffix}"), &[])
}

/// The limits of one database or role, by kind.
fn limits(page: &Scrape, label: &str, name: &str) -> BTreeMap<String, f64> {
    ["database", "role"]
        .iter()
        .flat_map(|subject| page.series(&format!("pgcommons_{subject}_connections_limit")))
        .filter(|limit| limit.label(label) == Some(name))
        .filter_map(|limit| Some((limit.label("kind")?.to_owned(), limit.value)))
        .collect()
}

fn kinds<const N: usize>(limits: [(&str, f64); N]) -> BTreeMap<String, f64> {
    limits.map(|(kind, limit)| (kind.to_owned(), limit)).into()
}

/// Checks that the agent shows this headroom, and that the server accepts exactly that many sessions.
async fn fill(
    cluster: &Cluster,
    agent: &Agent,
    (label, name): (&str, &str),
    room: u16,
) -> Vec<TestSession> {
    // A later poll, when the backend of a login that was just refused has released its slot.
    let shown = of(&fresh(agent).await, "_headroom", label, name);
    assert_eq!(shown, Some(room.into()), "{name}, on the page");
    let database = if label == ROLE { "postgres" } else { name };
    let opened = cluster.fill(name, name, database).await;
    assert_eq!(opened.len(), usize::from(room), "{name}, on the server");
    opened
}

#[tokio::test]
async fn database_headroom_is_what_can_really_be_opened() {
    let cluster = trusting(&[("max_connections", "100")]).await;
    for tenant in ["calibre", "wiki", "shop"] {
        create_tenant(&cluster, tenant, 50).await;
    }
    let agent = watch(&cluster, "").await;
    let _some = sessions(&cluster, "calibre", 5).await;

    // Bound by the database's own limit.
    let _calibre = fill(&cluster, &agent, (DATABASE, "calibre"), 45).await;
    // Bound by the server: calibre has 50 of the 97 slots for ordinary roles, and the agent has one.
    let _wiki = fill(&cluster, &agent, (DATABASE, "wiki"), 46).await;
    // Nothing is left for the third, far below its own limit.
    fill(&cluster, &agent, (DATABASE, "shop"), 0).await;

    let page = fresh(&agent).await;
    assert_eq!(of_server(&page, ""), Some(97.0));
    assert_eq!(of_server(&page, "_limit"), Some(97.0));
    assert_eq!(of_server(&page, "_headroom"), Some(0.0));
    assert_eq!(of(&page, "", DATABASE, "shop"), Some(0.0));
    // The sum of the limits: 50 each, and `postgres` without a limit counts as the whole server.
    assert_eq!(of_server(&page, "_committed"), Some(3.0 * 50.0 + 97.0));
}

#[tokio::test]
async fn role_headroom_is_what_can_really_be_opened() {
    let mut cluster = trusting(&[("max_connections", "20")]).await;
    let has_reserved = cluster.major_version().await >= 16;
    let reserved: u16 = if has_reserved { 2 } else { 0 };
    let bounded = "CREATE ROLE bounded LOGIN CONNECTION LIMIT 4";
    cluster.sql(bounded).await;
    create_tenant(&cluster, "app", -1).await;
    // This limit does not apply to a superuser.
    cluster.sql("ALTER ROLE postgres CONNECTION LIMIT 0").await;
    if has_reserved {
        cluster.append_conf(&[("reserved_connections", "2")]);
        cluster.restart(StopMode::Fast);
        cluster
            .sql("CREATE ROLE ops LOGIN; GRANT pg_use_reserved_connections TO ops")
            .await;
    }
    let agent = watch(&cluster, "").await;
    // A role's limit counts its sessions in every database.
    let elsewhere = cluster.connect("bounded", "bounded", "app").await;
    let _elsewhere = elsewhere.expect("a session");

    let _bounded = fill(&cluster, &agent, (ROLE, "bounded"), 3).await;
    let page = fresh(&agent).await;
    let slots = f64::from(17 - reserved);
    assert_eq!(
        limits(&page, ROLE, "bounded"),
        kinds([("role", 4.0), ("server", slots)])
    );
    assert_eq!(limits(&page, ROLE, "app"), kinds([("server", slots)]));
    // The limit of one role does not reduce the headroom of other roles or of the database.
    assert_eq!(of(&page, "_headroom", ROLE, "app"), Some(slots - 5.0));
    assert_eq!(of(&page, "_headroom", DATABASE, "app"), Some(slots - 5.0));

    let mut held = fill(&cluster, &agent, (ROLE, "app"), 12 - reserved).await;
    if has_reserved {
        held.extend(fill(&cluster, &agent, (ROLE, "ops"), reserved).await);
    }
    let _superusers = fill(&cluster, &agent, (ROLE, SUPERUSER), 3).await;
}

/// Tenants with their used connections and their limit.
const OVERRUN: [(&str, f64, f64); 3] = [
    ("full", 3.0, 2.0),
    ("lowered", 3.0, 1.0),
    ("closed", 0.0, 0.0),
];

#[tokio::test]
async fn limits_that_are_overrun_leave_no_headroom() {
    let cluster = trusting(&[]).await;
    for (tenant, limit) in [("full", 2), ("lowered", 5), ("closed", 0)] {
        create_tenant(&cluster, tenant, limit).await;
    }
    let agent = watch(&cluster, "").await;
    // A limit never refuses superusers, but their sessions count.
    let _superusers = [
        cluster.admin_of("full").await,
        cluster.admin_of("full").await,
        cluster.admin_of("full").await,
    ];
    let _three = sessions(&cluster, "lowered", 3).await;
    let lower = "ALTER DATABASE lowered CONNECTION LIMIT 1";
    cluster.sql(lower).await;

    let page = fresh(&agent).await;
    for (tenant, used, limit) in OVERRUN {
        assert_eq!(of(&page, "", DATABASE, tenant), Some(used), "{tenant}");
        let raw = page.value("pg_database_connection_limit", &[(DATABASE, tenant)]);
        assert_eq!(raw, Some(limit), "{tenant}");
        let own = limits(&page, DATABASE, tenant).remove("database");
        assert_eq!(own, Some(limit), "{tenant}");
        fill(&cluster, &agent, (DATABASE, tenant), 0).await;
    }
    let exhausted = |page: &Scrape, tenant| of(page, "_exhausted_seconds_total", DATABASE, tenant);
    agent
        .scrape_until("time without headroom is counted", |page| {
            ["full", "lowered"]
                .iter()
                .all(|tenant| exhausted(page, tenant) > Some(0.2))
        })
        .await;
    // A limit of 0 closes a database on purpose: that is not exhaustion.
    for datname in ["postgres", "closed"] {
        assert_eq!(exhausted(&agent.scrape().await, datname), Some(0.0));
    }
}

#[tokio::test]
async fn every_limit_is_shown_and_the_least_that_is_enforced_binds() {
    let cluster = trusting(&[("max_connections", "100")]).await;
    create_tenant(&cluster, "calibre", 10).await;
    create_tenant(&cluster, "wiki", -1).await;
    let agent = watch(
        &cluster,
        "budgets: {calibre: {connections: 4}, wiki: {connections: 200}}",
    )
    .await;
    let _sessions = sessions(&cluster, "calibre", 6).await;

    let page = fresh(&agent).await;
    let all = |datname| limits(&page, DATABASE, datname);
    assert_eq!(
        all("calibre"),
        kinds([("database", 10.0), ("budget", 4.0), ("server", 97.0)])
    );
    assert_eq!(all("wiki"), kinds([("budget", 200.0), ("server", 97.0)]));
    assert_eq!(all("postgres"), kinds([("server", 97.0)]));
    assert_eq!(
        of(&page, "_headroom", DATABASE, "calibre"),
        Some(4.0),
        "the limit of the database binds, and the budget is no limit"
    );
    assert_eq!(
        of(&page, "_headroom", DATABASE, "wiki"),
        Some(90.0),
        "the server binds"
    );
    assert_eq!(
        page.value("pg_database_connection_limit", &[("datname", "wiki")]),
        Some(-1.0)
    );
    assert_eq!(of_server(&page, "_committed"), Some(10.0 + 97.0 + 97.0));

    // Its sessions are over the budget, and nothing is refused.
    assert_eq!(cluster.fill("calibre", "calibre", "calibre").await.len(), 4);
    assert_eq!(
        of(&page, "_exhausted_seconds_total", DATABASE, "calibre"),
        Some(0.0)
    );

    // An owner may do this. The sessions continue, and the operator's budget still applies.
    cluster
        .sql("ALTER DATABASE calibre ALLOW_CONNECTIONS false")
        .await;
    let page = fresh(&agent).await;
    assert_eq!(limits(&page, DATABASE, "calibre"), kinds([("budget", 4.0)]));
    assert_eq!(of(&page, "", DATABASE, "calibre"), Some(6.0));
    assert_eq!(of(&page, "_headroom", DATABASE, "calibre"), None);
}

#[tokio::test]
async fn nothing_is_missing_while_all_slots_are_taken() {
    let cluster = trusting(&[("max_connections", "10")]).await;
    create_tenant(&cluster, "app", -1).await;
    let agent = watch(&cluster, "").await;
    let measured = "pgcommons_database_sizes_oldest_timestamp_seconds";
    let complete = |page: &Scrape| {
        !page.series("pg_stat_database_xact_commit").is_empty()
            && page.value(measured, &[]).is_some()
    };
    let before = agent.scrape_until("statistics and sizes", complete).await;
    let mut monitor = FaultMonitor::start("the server is full", &agent);
    let ordinary = fill(&cluster, &agent, (DATABASE, "app"), 6).await;
    let superusers = fill(&cluster, &agent, (ROLE, SUPERUSER), 3).await;

    let page = fresh(&agent).await;
    assert_eq!(page.value("pg_up", &[]), Some(1.0));
    assert_eq!(of_server(&page, ""), Some(10.0));
    assert_eq!(of_server(&page, "_headroom"), Some(0.0));
    let missing: Vec<_> = before.names().difference(&page.names()).copied().collect();
    assert_eq!(missing, [""; 0]);
    let earlier = page.value(measured, &[]);
    agent
        .scrape_until("sizes are still measured", |page| {
            page.value(measured, &[]) > earlier
        })
        .await;

    let exhausted = |page: &Scrape| of_server(page, "_exhausted_seconds_total").expect("a counter");
    let earlier = exhausted(&page);
    agent
        .scrape_until("it grows", |page| exhausted(page) > earlier + 0.3)
        .await;
    TestSession::close_all(ordinary.into_iter().chain(superusers)).await;
    monitor.fault_ended();
    let page = fresh(&agent).await;
    monitor.assert_recovered();
    assert_eq!(of_server(&page, "_headroom"), Some(6.0));
    assert_eq!(of_server(&page, "_peak"), Some(10.0));
    let later = exhausted(&fresh(&agent).await);
    assert_eq!(Some(later), of_server(&page, "_exhausted_seconds_total"));
}

#[tokio::test]
async fn an_agent_that_found_no_slot_takes_the_first_free_one() {
    let cluster = trusting(&[("max_connections", "10")]).await;
    create_tenant(&cluster, "app", -1).await;
    create_agent_role(&cluster).await;
    let mut sessions = cluster.fill("app", "app", "app").await;
    let agent = watch_as(&cluster, AGENT, "").await;
    let mut monitor = FaultMonitor::start("the server was full before the agent started", &agent);

    let failures = |page: &Scrape, reason| {
        page.value("pgcommons_connect_failures_total", &[("reason", reason)])
    };
    let page = agent
        .scrape_until("refused twice", |page| {
            failures(page, "too_many_connections") >= Some(2.0)
        })
        .await;
    assert_eq!(page.value("pg_up", &[]), Some(0.0));
    let mut reasons = page.series("pgcommons_connect_failures_total");
    reasons.retain(|reason| reason.value > 0.0);
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(!page.text().contains("datname="), "{}", page.text());

    sessions.pop().expect("a session").close().await;
    monitor.fault_ended();
    let page = agent
        .scrape_until("up", |page| page.value("pg_up", &[]) == Some(1.0))
        .await;
    monitor.assert_recovered();
    // The agent has the last slot.
    assert_eq!(of_server(&page, "_headroom"), Some(0.0));
    assert_eq!(of(&page, "", DATABASE, "app"), Some(6.0));
}
