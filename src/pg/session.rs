//! One connection, kept for as long as it lasts, with everything prepared that is asked on it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::{Client, Statement};

use super::connect::{self, Driver, Files};
use super::{ConnectError, QueryError, activity, catalogue, info, sizes, stats};
use crate::config::Target;
use crate::sample::{Activity, Backend, Catalogue, Fingerprint, Measured, Oid, ServerInfo, Stats};

/// Closes its connection when dropped, also when the server does not answer any more.
pub(crate) struct Session {
    client: Client,
    driver: Driver,
    info: Arc<ServerInfo>,
    backend: Backend,
    reserved_role: Option<Oid>,
    /// Of the hashes in a [`Fingerprint`].
    key: i64,
    activity: Statement,
    catalogue: Statement,
    stats: stats::Statements,
    sizes: Statement,
}

/// Set where the server knows them, on top of the options that every version knows: the session outlives a server-wide
/// `idle_session_timeout`. `client_connection_check_interval` is left alone: its timer runs on after a statement and wakes the
/// idle backend, and `statement_timeout` bounds what an agent that is gone has begun.
///
/// The last is for glibc, to which the largest piece that was ever returned, and twice that, tells what to keep: without it, a
/// backend whose polls need more returns it to the system after each, and takes it again, page by page, which is up to a
/// fifth of what a poll costs. With it they may need 4 MiB, as much as 2,000 connections take.
const SETTINGS: [(u32, &str); 7] = [
    // Names come as the bytes that they are: one that cannot be converted would cost the whole answer.
    (0, "set client_encoding = 'SQL_ASCII'"),
    (0, "set tcp_keepalives_idle = 30"),
    (0, "set tcp_keepalives_interval = 5"),
    (0, "set tcp_keepalives_count = 3"),
    (140_000, "set idle_session_timeout = 0"),
    // No longer than a statement, for each is a transaction of its own. `none` would look a database's counters up anew for
    // each column, which takes twice as long at 500 databases; `snapshot` reads what nobody asked for.
    (150_000, "set stats_fetch_consistency = cache"),
    (0, "select length(repeat(repeat(' ', 2048), 1024))"),
];

impl Session {
    /// `timeout` covers everything up to the first poll; `files` are for all logins of a target, one after the other.
    pub(crate) async fn connect(
        target: &Target,
        timeout: Duration,
        files: &mut Files,
    ) -> Result<Self, ConnectError> {
        let (client, driver) = connect::open(target, timeout, files).await?;
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
        set(&client, version).await;
        let prepared = tokio::try_join!(
            activity::prepare(&client),
            catalogue::prepare(&client),
            stats::prepare(&client, version),
            sizes::prepare(&client)
        );
        let (activity, catalogue, stats, sizes) = prepared.map_err(ConnectError::unusable)?;
        Ok(Self {
            client,
            driver,
            info: Arc::new(info.server),
            backend: info.backend,
            reserved_role: info.reserved_role,
            key: fastrand::i64(..),
            activity,
            catalogue,
            stats,
            sizes,
        })
    }

    pub(crate) fn info(&self) -> &Arc<ServerInfo> {
        &self.info
    }

    /// Returns once, when the connection is closed: whatever is asked then fails.
    pub(crate) async fn ended(&mut self) {
        self.driver.ended().await;
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    /// One round trip, and one more if databases or roles are not what `known` says, or nothing is known of them.
    pub(crate) async fn activity(
        &self,
        left_behind: Option<Backend>,
        known: Option<Arc<Catalogue>>,
    ) -> Result<Activity, QueryError> {
        let (mut activity, fingerprint) =
            activity::read(&self.client, &self.activity, left_behind, self.key).await?;
        let asked: HashSet<Oid> = activity.sessions.iter().filter_map(|it| it.role).collect();
        let unchanged = |known: &Arc<Catalogue>| {
            known.fingerprint == fingerprint && asked.is_subset(&known.known_roles)
        };
        if let Some(known) = known.filter(unchanged) {
            activity.catalogue = known;
        } else {
            let (catalogue, seconds) = self.catalogue(asked, fingerprint).await?;
            activity.catalogue = Arc::new(catalogue);
            activity.seconds += seconds;
        }
        Ok(activity)
    }

    async fn catalogue(
        &self,
        asked: HashSet<Oid>,
        fingerprint: Fingerprint,
    ) -> Result<(Catalogue, f64), QueryError> {
        let (statement, reserved) = (&self.catalogue, self.reserved_role);
        let read = catalogue::read(&self.client, statement, reserved, asked, fingerprint);
        let (catalogue, seconds) = read.await?;
        // One that is created anew, under the same name, is another: this session would never have its privileges.
        if !catalogue
            .roles
            .iter()
            .any(|role| role.oid == self.info.role)
        {
            return Err(QueryError::RoleDropped);
        }
        Ok((catalogue, seconds))
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

/// In one round trip, for a network may be slow.
async fn set(client: &Client, version_num: u32) {
    let known = SETTINGS.iter().filter(|(since, _)| version_num >= *since);
    let settings: Vec<_> = known.map(|(_, setting)| *setting).collect();
    if client.batch_execute(&settings.join("; ")).await.is_ok() {
        return;
    }
    // Comforts, not conditions: a server built without one of them is watched all the same.
    for setting in settings {
        if let Err(error) = client.batch_execute(setting).await {
            tracing::debug!(setting, %error, "setting refused");
        }
    }
}
