//! Defaults that another role has set for the agent's role or its database. The owner of the database may do so, and up to
//! PostgreSQL 15 every role with CREATEROLE.

use std::fmt::Write as _;

use crate::support::{
    AGENT, Cluster, Scrape, create_agent_role, create_tenant, failed_polls, fresh, sessions,
    trusting, watch_as,
};

/// Settings that would make statements fail, wait, or return other results.
const DEFAULTS: [(&str, &str); 29] = [
    ("application_name", "'fake'"),
    ("bytea_output", "'escape'"),
    ("client_encoding", "'SJIS'"),
    ("client_min_messages", "debug5"),
    ("cpu_tuple_cost", "1e6"),
    ("DateStyle", "'German, DMY'"),
    ("default_transaction_deferrable", "on"),
    ("default_transaction_isolation", "'serializable'"),
    ("default_transaction_read_only", "off"),
    ("enable_hashagg", "off"),
    ("enable_seqscan", "off"),
    ("extra_float_digits", "-15"),
    ("idle_in_transaction_session_timeout", "1"),
    ("IntervalStyle", "'sql_standard'"),
    ("jit", "on"),
    ("jit_above_cost", "0"),
    ("lock_timeout", "1"),
    ("plan_cache_mode", "'force_custom_plan'"),
    ("quote_all_identifiers", "on"),
    ("rds.rds_superuser_reserved_connections", "'90'"),
    ("role", "'mallory'"),
    ("row_security", "off"),
    ("search_path", "'public'"),
    ("standard_conforming_strings", "off"),
    ("statement_timeout", "1"),
    ("tcp_user_timeout", "1"),
    ("TimeZone", "'Asia/Kathmandu'"),
    ("transform_null_equals", "on"),
    ("work_mem", "'64kB'"),
];

async fn set_defaults(cluster: &Cluster) {
    let admin = cluster.admin().await;
    // The setting `role` has an effect only for a member.
    let mut all = format!("GRANT mallory TO {AGENT};");
    for (setting, value) in DEFAULTS {
        let _ = write!(all, "ALTER ROLE {AGENT} SET {setting} = {value};");
        if setting != "role" {
            let _ = write!(all, "ALTER DATABASE postgres SET {setting} = {value};");
        }
    }
    admin.batch_execute(&all).await.expect("defaults");
}

fn used(page: &Scrape) -> Option<f64> {
    page.value("pgcommons_database_connections", &[("datname", "mallory")])
}

#[tokio::test]
async fn defaults_of_the_role_and_the_database_change_nothing() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "mallory", 50).await;
    create_agent_role(&cluster).await;
    set_defaults(&cluster).await;
    let open = sessions(&cluster, "mallory", 2).await;
    // A deferrable transaction would wait until this transaction, which writes, has ended.
    for sql in [
        "CREATE TABLE t ()",
        "BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO t DEFAULT VALUES",
    ] {
        open[0].batch_execute(sql).await.expect("a transaction");
    }

    let agent = watch_as(&cluster, AGENT, "").await;
    let counted = |page: &Scrape| used(page) == Some(2.0);
    agent.scrape_until("sessions are counted", counted).await;
    let page = fresh(&agent).await;
    assert_eq!(used(&page), Some(2.0));
    let privilege = |name| page.value("pgcommons_privilege", &[("privilege", name)]);
    assert_eq!(privilege("pg_read_all_stats"), Some(1.0));
    assert_eq!(privilege("superuser"), Some(0.0));
    // max_connections is 100, and three slots are reserved for superusers.
    assert_eq!(
        page.value("pgcommons_server_connections_limit", &[]),
        Some(97.0)
    );
    assert_eq!(failed_polls(&page), [""; 0]);
    assert!(!agent.log().contains("WARN"), "{}", agent.log());
}

/// A value that is not a number must not make the login fail.
#[tokio::test]
async fn an_invalid_custom_setting_does_not_block_the_login() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let nonsense =
        format!("ALTER ROLE {AGENT} SET rds.rds_superuser_reserved_connections = 'many'");
    cluster.sql(&nonsense).await;
    let agent = watch_as(&cluster, AGENT, "").await;
    let page = fresh(&agent).await;
    assert_eq!(
        page.value("pgcommons_server_connections_limit", &[]),
        Some(97.0)
    );
}
