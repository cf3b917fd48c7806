//! One connection, kept for as long as it lasts, with everything prepared that is asked on it.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::{Client, Statement};

use super::connect::{self, Driver};
use super::{ConnectError, QueryError, activity, info, sizes, stats};
use crate::config::Target;
use crate::sample::{Activity, Measured, Oid, ServerInfo, Sessions, Stats};

/// Closes its connection when dropped, also when the server does not answer any more.
pub(crate) struct Session {
    client: Client,
    _driver: Driver,
    info: Arc<ServerInfo>,
    reserved_role: Option<Oid>,
    activity: Statement,
    stats: stats::Statements,
    sizes: Statement,
}

/// Set where the server knows them, on top of the options that every version knows: the session outlives a server-wide
/// `idle_session_timeout`, does not freeze statistics, and the server notices soon when the agent is gone.
const SETTINGS: [(u32, &str); 7] = [
    // Names come as the bytes that they are: one that cannot be converted would cost the whole answer.
    (0, "set client_encoding = 'SQL_ASCII'"),
    (0, "set tcp_keepalives_idle = 30"),
    (0, "set tcp_keepalives_interval = 5"),
    (0, "set tcp_keepalives_count = 3"),
    (140_000, "set idle_session_timeout = 0"),
    (140_000, "set client_connection_check_interval = '2s'"),
    (150_000, "set stats_fetch_consistency = none"),
];

impl Session {
    /// `timeout` covers everything up to the first poll.
    pub(crate) async fn connect(target: &Target, timeout: Duration) -> Result<Self, ConnectError> {
        let (client, driver) = connect::open(target, timeout).await?;
        let late = |_| ConnectError::Timeout(humantime::format_duration(timeout));
        tokio::time::timeout(timeout, Self::prepare(client, driver, timeout))
            .await
            .map_err(late)?
    }

    async fn prepare(
        client: Client,
        driver: Driver,
        timeout: Duration,
    ) -> Result<Self, ConnectError> {
        let info = info::read(&client).await.map_err(ConnectError::unusable)?;
        if info.statement_timeout != connect::statement_timeout(timeout) {
            return Err(ConnectError::Pooler(None));
        }
        let version = info.server.version_num;
        for (_, setting) in SETTINGS.iter().filter(|(since, _)| version >= *since) {
            // Comforts, not conditions: a server built without one of them is watched all the same.
            if let Err(error) = client.batch_execute(setting).await {
                tracing::debug!(setting, %error, "setting refused");
            }
        }
        let prepared = tokio::try_join!(
            activity::prepare(&client, version),
            stats::prepare(&client, version),
            sizes::prepare(&client)
        );
        let (activity, stats, sizes) = prepared.map_err(ConnectError::unusable)?;
        Ok(Self {
            client,
            _driver: driver,
            info: Arc::new(info.server),
            reserved_role: info.reserved_role,
            activity,
            stats,
            sizes,
        })
    }

    pub(crate) fn info(&self) -> &Arc<ServerInfo> {
        &self.info
    }

    /// Whether another session of the agent's role and name is there beside this one.
    pub(crate) fn is_doubled(&self, activity: &Activity) -> bool {
        let own = |group: &&Sessions| {
            group.role == Some(self.info.role)
                && group.application_name == connect::APPLICATION_NAME
        };
        activity
            .sessions
            .iter()
            .filter(own)
            .map(|group| group.count)
            .sum::<u32>()
            > 1
    }

    /// One round trip.
    pub(crate) async fn activity(&self) -> Result<Activity, QueryError> {
        activity::read(&self.client, &self.activity, self.reserved_role).await
    }

    /// One round trip.
    pub(crate) async fn stats(&self) -> Result<Stats, QueryError> {
        stats::read(&self.client, &self.stats).await
    }

    /// One round trip. A database that is not in the answer is not there any more.
    pub(crate) async fn sizes(
        &self,
        databases: &[Oid],
        permitted: bool,
    ) -> Result<Vec<Measured>, QueryError> {
        sizes::read(&self.client, &self.sizes, databases, permitted).await
    }
}
