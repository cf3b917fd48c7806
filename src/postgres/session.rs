//! One session with a server, kept open between polls, with all statements that run on it prepared.

pub(super) mod settings;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::OnceCell;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};

use settings::{options, set, statement_timeout};

use super::connection::{self, CredentialFiles, Driver};
use super::view::{
    SLOW, SlowView, Update, access, activity, catalogue, info, processes, running, sessions, sizes,
    statements,
};
use super::{ConnectError, QueryError};
use crate::config::Target;
use crate::outcome::Outcome;
use crate::sample::access::Access;
use crate::sample::sessions::SessionList;
use crate::sample::statements::Statements;
use crate::sample::{
    Activity, Backend, Catalogue, Fingerprint, ListedProcess, Oid, ServerInfo, SizeMeasurement,
};

/// What a poll of activity asks.
#[derive(Debug, Default)]
pub(crate) struct ActivityQuestion {
    /// A backend of an abandoned session: whether it still runs.
    pub(crate) orphan: Option<Backend>,
    /// The catalogue of an earlier poll.
    pub(crate) known: Option<Arc<Catalogue>>,
    /// The catalogue must be read even if its fingerprint matches.
    pub(crate) is_due: bool,
}

/// Closes its connection when dropped, even if the server no longer answers.
pub(crate) struct Session {
    client: Client,
    driver: Driver,
    info: Arc<ServerInfo>,
    backend: Backend,
    reserved_role: Option<Oid>,
    /// The random key of the hashes in a [`Fingerprint`].
    key: i64,
    /// Milliseconds; for all statements without a limit of their own.
    statement_timeout: i64,
    activity: Statement,
    reduced_activity: Statement,
    catalogue: Statement,
    sizes: Statement,
    /// Prepared when first used, so that the login stays short.
    slow: [OnceCell<Vec<Statement>>; SLOW.len()],
}

impl Session {
    /// `timeout` applies to the login and again to preparing the session. All logins of a target share `files`.
    pub(crate) async fn connect(
        target: &Target,
        timeout: Duration,
        files: &mut CredentialFiles,
    ) -> Result<Self, ConnectError> {
        let options = options(target, timeout);
        let (client, driver) = connection::open(target, &options, timeout, files).await?;
        let timed_out = |_| ConnectError::Timeout(humantime::format_duration(timeout));
        tokio::time::timeout(timeout, Self::prepare(client, driver, timeout))
            .await
            .map_err(timed_out)?
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
            activity::prepare_reduced(&client),
            catalogue::prepare(&client),
            sizes::prepare(&client)
        );
        let (activity, reduced_activity, catalogue, sizes) =
            prepared.map_err(ConnectError::unusable)?;
        Ok(Self {
            client,
            driver,
            info: Arc::new(info.server),
            backend: info.backend,
            reserved_role: info.reserved_role,
            key: fastrand::i64(..),
            statement_timeout,
            activity,
            reduced_activity,
            catalogue,
            sizes,
            slow: [const { OnceCell::const_new() }; SLOW.len()],
        })
    }

    pub(crate) fn info(&self) -> &Arc<ServerInfo> {
        &self.info
    }

    /// Returns once, when the connection is closed. Queries fail from then on.
    pub(crate) async fn closed(&mut self) {
        self.driver.closed().await;
    }

    /// The server's last message was SQLSTATE 57P02 (`crash_shutdown`): it ends all sessions, because one of its processes died.
    /// PostgreSQL 13 sends the same message at an immediate shutdown.
    pub(crate) fn was_told_of_crash(&self) -> bool {
        self.driver.last_message() == Some(SqlState::CRASH_SHUTDOWN)
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    /// One round trip, and another if the catalogue must be read. If the server has no shared memory for that (the lock table is
    /// full), sessions alone are read, because PostgreSQL can still answer that.
    pub(crate) async fn activity(&self, asked: &ActivityQuestion) -> Result<Activity, QueryError> {
        match (self.whole_activity(asked).await, &asked.known) {
            (Err(error), Some(known)) if error.outcome() == Outcome::OutOfMemory => {
                let statement = &self.reduced_activity;
                let sessions = activity::read_reduced(&self.client, statement, asked.orphan);
                let mut activity = sessions.await?;
                activity.catalogue = Arc::clone(known);
                Ok(activity)
            }
            (answer, _) => answer,
        }
    }

    async fn whole_activity(&self, question: &ActivityQuestion) -> Result<Activity, QueryError> {
        let (mut activity, fingerprint) =
            activity::read(&self.client, &self.activity, question.orphan, self.key).await?;
        let asked: HashSet<Oid> = activity.sessions.iter().filter_map(|it| it.role).collect();
        let is_current = |known: &&Arc<Catalogue>| {
            !question.is_due
                && known.fingerprint == fingerprint
                && asked.is_subset(&known.known_roles)
        };
        if let Some(known) = question.known.as_ref().filter(is_current) {
            activity.catalogue = Arc::clone(known);
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
        // A role that was created again under the same name is another role: this session would never have its privileges.
        if !catalogue
            .roles
            .iter()
            .any(|role| role.oid == self.info.role)
        {
            return Err(QueryError::RoleDropped);
        }
        Ok((catalogue, seconds))
    }

    /// By database, the sum over the statements that run now of the seconds that each has run, at most `window` each. Two round trips.
    pub(crate) async fn running(&self, window: f64) -> Result<HashMap<Oid, f64>, QueryError> {
        running::read(&self.client, window).await
    }

    /// The oldest sessions, at most `limit`, with the beginning of their queries if wanted. Two round trips.
    pub(crate) async fn sessions(
        &self,
        limit: u32,
        with_query: bool,
    ) -> Result<SessionList, QueryError> {
        sessions::read(&self.client, limit, with_query).await
    }

    /// Who may connect where. One round trip.
    pub(crate) async fn access(&self) -> Result<Access, QueryError> {
        access::read(&self.client, self.info.version_num).await
    }

    /// The same, if it differs from what it was when the sum was `known`; with the new sum. One or two round trips.
    pub(crate) async fn changed_access(
        &self,
        known: Option<i64>,
        limit: Duration,
    ) -> Result<Option<(Access, i64)>, QueryError> {
        let (client, version) = (&self.client, self.info.version_num);
        let read = access::read_changed(client, version, known, self.key);
        self.limited(limit, read).await
    }

    /// Reads one of [`SLOW`] in one round trip, and another the first time. The server cancels it after `limit`.
    pub(crate) async fn slow(&self, view: usize, limit: Duration) -> Result<Update, QueryError> {
        let (view, prepared) = (&SLOW[view], &self.slow[view]);
        let statements = prepared.get_or_try_init(|| self.prepared(view)).await?;
        let queries = statements.iter().map(|it| self.client.query(it, &[]));
        let answers = self.limited(limit, try_join_all(queries)).await;
        (view.decode)(&answers.map_err(view.context.failed())?)
    }

    /// Two or three round trips. None: `pg_stat_statements` is not installed in the agent's database.
    pub(crate) async fn statements(
        &self,
        limit: Duration,
    ) -> Result<Option<Statements>, QueryError> {
        self.limited(limit, statements::read(&self.client)).await
    }

    /// One round trip.
    pub(crate) async fn processes(
        &self,
        limit: Duration,
    ) -> Result<Vec<ListedProcess>, QueryError> {
        self.limited(limit, processes::read(&self.client)).await
    }

    async fn prepared(&self, view: &SlowView) -> Result<Vec<Statement>, QueryError> {
        let statements = (view.statements)(self.info.version_num);
        let prepared = statements.iter().map(|sql| self.client.prepare(sql));
        let prepared = try_join_all(prepared).await;
        prepared.map_err(view.context.failed())
    }

    /// One round trip. A database that is not in the answer no longer exists. The server cancels the statement after `limit`.
    pub(crate) async fn sizes(
        &self,
        databases: &[Oid],
        permitted: bool,
        limit: Duration,
    ) -> Result<Vec<SizeMeasurement>, QueryError> {
        let measured = sizes::read(&self.client, &self.sizes, databases, permitted);
        self.limited(limit, measured).await
    }

    /// Sends `query` between two `SET statement_timeout`, in one round trip. A `SET` fails only with the connection, and then
    /// the query fails too.
    async fn limited<T>(&self, limit: Duration, query: impl Future<Output = T>) -> T {
        let milliseconds = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let limit = milliseconds.clamp(1, self.statement_timeout);
        let set = format!("set statement_timeout = {limit}");
        let reset = format!("set statement_timeout = {}", self.statement_timeout);
        let (set, reset) = (
            self.client.batch_execute(&set),
            self.client.batch_execute(&reset),
        );
        let (_, answer, _) = tokio::join!(biased; set, query, reset);
        answer
    }
}
