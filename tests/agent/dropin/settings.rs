//! `pg_settings_*`.

use std::collections::BTreeSet;

use super::{numbers, shown};
use crate::support::{
    AGENT, Cluster, Scrape, create_agent_role, create_tenant, failed_polls, trusting, watch_as,
};

/// The names and values that `postgres_exporter` gives to the settings of this session.
const EXPECTED: &str = "
    SELECT replace(name, '.', '_') || CASE WHEN unit IS NULL THEN '' WHEN unit ~ 'B$' THEN '_bytes' ELSE '_seconds' END,
           CASE WHEN vartype = 'bool' THEN (setting = 'on')::int::float8
                WHEN unit IS NULL OR setting = '-1' THEN setting::float8
                WHEN unit = 'B' THEN setting::float8
                WHEN unit ~ '^[0-9]' THEN setting::float8 * pg_size_bytes(unit)
                WHEN unit ~ 'B$' THEN setting::float8 * pg_size_bytes('1' || unit)
                ELSE (setting::numeric * extract(epoch FROM ('1' || unit)::interval)::numeric)::float8 END
      FROM pg_settings WHERE vartype IN ('bool', 'integer', 'real')";

/// The settings whose values in the agent's session are its own.
const OF_THE_SESSION: [&str; 12] = [
    "default_transaction_deferrable",
    "default_transaction_read_only",
    "idle_in_transaction_session_timeout_seconds",
    "idle_session_timeout_seconds",
    "jit",
    "lock_timeout_seconds",
    "statement_timeout_seconds",
    "tcp_keepalives_count",
    "tcp_keepalives_idle_seconds",
    "tcp_keepalives_interval_seconds",
    "transaction_deferrable",
    "transaction_read_only",
];

/// A server with settings of extensions. What is set for the agent's role or database, by others or by the role itself, is not
/// set for the server.
async fn server() -> Cluster {
    let preload = "auto_explain,pg_stat_statements";
    let cluster = trusting(&[
        ("shared_preload_libraries", preload),
        ("auto_explain.log_min_duration", "1500ms"),
        ("work_mem", "5MB"),
        ("autovacuum_naptime", "2min"),
    ])
    .await;
    create_agent_role(&cluster).await;
    let tenant = "ALTER ROLE agent SET work_mem = '77MB'; ALTER ROLE agent SET shop.pool = '5'; \
                  ALTER DATABASE postgres SET random_page_cost = 9; ALTER DATABASE postgres SET \"pg.Settings\" = on";
    cluster.sql(tenant).await;
    cluster
}

#[tokio::test]
async fn settings_are_those_of_the_server_in_base_units() {
    let cluster = server().await;
    let agent = watch_as(&cluster, AGENT, "").await;
    let known = |page: &_| shown(page, "pg_settings_").len() > 100;
    let page = agent.scrape_until("settings", known).await;
    let admin = cluster.admin_of("template1").await;
    let expected = numbers(&admin, EXPECTED).await;
    let got = shown(&page, "pg_settings_");

    let mut absent: BTreeSet<_> = OF_THE_SESSION.into_iter().collect();
    absent.extend(["work_mem_bytes", "random_page_cost"]);
    if cluster.major_version().await < 14 {
        absent.remove("idle_session_timeout_seconds");
    }
    let missing = expected.keys().filter(|name| !got.contains_key(*name));
    let missing: BTreeSet<_> = missing.map(String::as_str).collect();
    assert_eq!(missing, absent);
    for (name, got) in &got {
        let value = expected.get(name);
        let value = value.unwrap_or_else(|| panic!("{name} is no setting"));
        let close = (got - value).abs() <= value.abs() * 1e-9;
        assert!(close, "{name}: {got}, not {value}");
    }
    let extension = "pg_settings_auto_explain_log_min_duration_seconds";
    assert_eq!(page.type_of(extension), Some("gauge"));
    assert_eq!(failed_polls(&page), [""; 0], "{}", agent.log());
}

#[tokio::test]
async fn a_setting_that_is_reloaded_is_seen() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 5).await;
    create_agent_role(&cluster).await;
    let agent = watch_as(&cluster, AGENT, "").await;
    let timeout = |seconds| {
        move |page: &Scrape| {
            page.value("pg_settings_checkpoint_timeout_seconds", &[]) == Some(seconds)
        }
    };
    agent.scrape_until("the default", timeout(300.0)).await;
    cluster
        .sql("ALTER SYSTEM SET checkpoint_timeout = '17min'")
        .await;
    cluster.reload().await;
    agent.scrape_until("reloaded", timeout(1020.0)).await;
}
