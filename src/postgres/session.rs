//! One session with a server, kept for as long as it lasts, with everything prepared that is asked on it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, Statement};

use super::connection::{self, CredentialFiles, Driver};
use super::view::{SLOW, SlowView, Update, activity, catalogue, info, owners, sizes};
use super::{ConnectError, QueryError};
use crate::config::Target;
use crate::sample::{Activity, Backend, Catalogue, Fingerprint, Oid, ServerInfo, SizeMeasurement};

/// Closes its connection when dropped, also when the server does not answer any more.
pub(crate) struct Session {
    client: Client,
    driver: Driver,
    info: Arc<ServerInfo>,
    backend: Backend,
    reserved_role: Option<Oid>,
    /// Of the hashes in a [`Fingerprint`].
    key: i64,
    /// Milliseconds, for all statements that have no limit of their own.
    statement_timeout: i64,
    activity: Statement,
    catalogue: Statement,
    sizes: Statement,
    /// Prepared when first asked, so that a login takes no longer for them.
    slow: [OnceCell<Vec<Statement>>; SLOW.len()],
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
        files: &mut CredentialFiles,
    ) -> Result<Self, ConnectError> {
        let options = options(target, timeout);
        let (client, driver) = connection::open(target, &options, timeout, files).await?;
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
        let statement_timeout = statement_timeout(timeout);
        if info.statement_timeout != statement_timeout {
            return Err(ConnectError::Pooler(None));
        }
        let version = info.server.version_num;
        set(&client, version).await;
        let prepared = tokio::try_join!(
            activity::prepare(&client),
            catalogue::prepare(&client),
            sizes::prepare(&client)
        );
        let (activity, catalogue, sizes) = prepared.map_err(ConnectError::unusable)?;
        Ok(Self {
            client,
            driver,
            info: Arc::new(info.server),
            backend: info.backend,
            reserved_role: info.reserved_role,
            key: fastrand::i64(..),
            statement_timeout,
            activity,
            catalogue,
            sizes,
            slow: [const { OnceCell::const_new() }; SLOW.len()],
        })
    }

    pub(crate) fn info(&self) -> &Arc<ServerInfo> {
        &self.info
    }

    /// Returns once, when the connection is closed: whatever is asked then fails.
    pub(crate) async fn closed(&mut self) {
        self.driver.closed().await;
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    /// One round trip, and one more if databases or roles are not what `known` says, or nothing is known of them.
    pub(crate) async fn activity(
        &self,
        orphan: Option<Backend>,
        known: Option<Arc<Catalogue>>,
    ) -> Result<Activity, QueryError> {
        let (mut activity, fingerprint) =
            activity::read(&self.client, &self.activity, orphan, self.key).await?;
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

    /// The names of the databases' owners. One round trip.
    pub(crate) async fn owners(&self) -> Result<HashMap<Oid, String>, QueryError> {
        owners::read(&self.client).await
    }

    /// One of [`SLOW`], in one round trip, and another the first time. The server gives up after `limit`.
    pub(crate) async fn slow(&self, view: usize, limit: Duration) -> Result<Update, QueryError> {
        let (view, prepared) = (&SLOW[view], &self.slow[view]);
        let statements = prepared.get_or_try_init(|| self.prepared(view)).await?;
        let queries = statements.iter().map(|it| self.client.query(it, &[]));
        let answers = self.limited(limit, try_join_all(queries)).await;
        (view.decode)(&answers.map_err(view.context.failed())?)
    }

    async fn prepared(&self, view: &SlowView) -> Result<Vec<Statement>, QueryError> {
        let statements = (view.statements)(self.info.version_num);
        let prepared = statements.iter().map(|sql| self.client.prepare(sql));
        let prepared = try_join_all(prepared).await;
        prepared.map_err(view.context.failed())
    }

    /// One round trip. A database that is not in the answer is not there any more. The server gives up after `limit`.
    pub(crate) async fn sizes(
        &self,
        databases: &[Oid],
        permitted: bool,
        limit: Duration,
    ) -> Result<Vec<SizeMeasurement>, QueryError> {
        let measured = sizes::read(&self.client, &self.sizes, databases, permitted);
        self.limited(limit, measured).await
    }

    /// Sends `question` between two settings of `statement_timeout`, in one round trip. An error of a setting is an error of
    /// the connection, which the question has too.
    async fn limited<T>(&self, limit: Duration, question: impl Future<Output = T>) -> T {
        let milliseconds = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let limit = milliseconds.clamp(1, self.statement_timeout);
        let set = format!("set statement_timeout = {limit}");
        let reset = format!("set statement_timeout = {}", self.statement_timeout);
        let (set, reset) = (
            self.client.batch_execute(&set),
            self.client.batch_execute(&reset),
        );
        let (_, answer, _) = tokio::join!(biased; set, question, reset);
        answer
    }
}

/// Settings that every supported version knows: an unknown one would be fatal here. They win over what the owner of the
/// database, or a role that may alter the agent's, has set as its defaults: no other role's privileges, no function from another
/// schema, no waiting for the transactions of others. The server must give up on a statement before the agent does, or the
/// statement would go on without a reader.
fn options(target: &Target, timeout: Duration) -> String {
    let statement = statement_timeout(timeout);
    let lock = statement / 2;
    format!(
        "{} -c default_transaction_read_only=on -c statement_timeout={statement} -c lock_timeout={lock} \
         -c idle_in_transaction_session_timeout={statement} -c role=none -c search_path=pg_catalog,pg_temp \
         -c default_transaction_isolation=read\\ committed -c default_transaction_deferrable=off \
         -c jit=off",
        target.options
    )
}

/// Milliseconds after which the server gives up on a statement that has `timeout` to be answered.
fn statement_timeout(timeout: Duration) -> i64 {
    i64::try_from(timeout.as_millis() * 8 / 10).unwrap_or(i64::MAX)
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
