//! The settings of a session: options of the login, and statements after it.

use std::time::Duration;

use tokio_postgres::Client;

use crate::config::Target;

/// Settings for the versions that have them, in addition to [`options`]. `idle_session_timeout = 0`: a server-wide timeout must
/// not end the session. `client_connection_check_interval` is not set: its timer continues after a statement and wakes the
/// idle backend, and `statement_timeout` already limits a statement whose client is gone.
///
/// The last statement is for glibc, which keeps free memory up to twice the largest block that was ever freed. Without it, a
/// backend returns the memory of a poll to the system after each poll and takes it again page by page, which is up to a
/// fifth of the cost of a poll. With it, a poll may use 4 MiB, enough for 2,000 connections.
const SETTINGS: [(u32, &str); 7] = [
    // The server sends names unconverted: one that cannot be converted would fail the whole query.
    (0, "set client_encoding = 'SQL_ASCII'"),
    (0, "set tcp_keepalives_idle = 30"),
    (0, "set tcp_keepalives_interval = 5"),
    (0, "set tcp_keepalives_count = 3"),
    (140_000, "set idle_session_timeout = 0"),
    // Lasts for one statement, because each statement is its own transaction. `none` would fetch a database's counters again for
    // each column, which takes twice as long with 500 databases; `snapshot` would read statistics that are not needed.
    (150_000, "set stats_fetch_consistency = cache"),
    (0, "select length(repeat(repeat(' ', 2048), 1024))"),
];

/// Settings that every supported version has; an unknown setting here would fail the login. They override `ALTER ROLE ... SET`
/// and `ALTER DATABASE ... SET`, so that another role cannot change the privileges of the session, the schema of functions, or
/// make it wait for transactions, or suppress the warning that announces a crash. The server must cancel a statement before the
/// agent gives up, or the statement would continue without a client.
pub(in crate::postgres) fn options(target: &Target, timeout: Duration) -> String {
    let statement = statement_timeout(timeout);
    let lock = statement / 2;
    format!(
        "{} -c default_transaction_read_only=on -c statement_timeout={statement} -c lock_timeout={lock} \
         -c idle_in_transaction_session_timeout={statement} -c role=none -c search_path=pg_catalog,pg_temp \
         -c default_transaction_isolation=read\\ committed -c default_transaction_deferrable=off \
         -c jit=off -c client_min_messages=warning",
        target.options
    )
}

/// Milliseconds after which the server cancels a statement whose deadline is `timeout`.
pub(in crate::postgres) fn statement_timeout(timeout: Duration) -> i64 {
    i64::try_from(timeout.as_millis() * 8 / 10).unwrap_or(i64::MAX)
}

/// In one round trip, because the network may be slow.
pub(super) async fn set(client: &Client, version_num: u32) {
    let known = SETTINGS.iter().filter(|(since, _)| version_num >= *since);
    let settings: Vec<_> = known.map(|(_, setting)| *setting).collect();
    if client.batch_execute(&settings.join("; ")).await.is_ok() {
        return;
    }
    // The settings are optional: the agent also polls a server that was built without one of them.
    for setting in settings {
        if let Err(error) = client.batch_execute(setting).await {
            tracing::debug!(setting, %error, "setting refused");
        }
    }
}
