//! A short session in the database of a tenant. It is opened for one probe and closed after it. What the tenant has defined there is
//! hostile: no statement calls a function, an operator or a cast of the tenant, and every name is pinned to `pg_catalog`.

mod exact;
mod inside;
mod workspaces;

pub(super) use workspaces::like;

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, Row};

use super::column::QueryContext;
use super::connection::{self, CredentialFiles, Driver};
use super::session::settings::{options, statement_timeout};
use super::{ConnectError, QueryError};
use crate::config::{ProbeConfig, WorkspaceColumn};
use crate::names::readable;
use crate::sample::access::Name;
use crate::sample::probe::{ProbeAnswer, WorkspaceStatistics};

const CONTEXT: QueryContext = QueryContext("probing the database");

/// How long a session that is closed may take to say goodbye.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Sent before the first question. Names arrive as their bytes.
const BEGIN: &str = "set client_encoding = 'SQL_ASCII'; set row_security = off; \
                     begin transaction isolation level repeatable read, read only";

pub(crate) struct ProbeSession {
    client: Client,
    driver: Driver,
}

impl ProbeSession {
    /// `files` belong to this target alone. The deadline is that of the probe.
    pub(crate) async fn connect(
        probe: &ProbeConfig,
        files: &mut CredentialFiles,
    ) -> Result<Self, ConnectError> {
        let options = options(&probe.target, probe.timeout);
        let (client, driver) =
            connection::open(&probe.target, &options, probe.timeout, files).await?;
        let session = Self { client, driver };
        let is_pinned = timeout(probe.timeout, session.has_timeout(probe.timeout)).await;
        let timed_out = |_| ConnectError::Timeout(humantime::format_duration(probe.timeout));
        match is_pinned.map_err(timed_out)? {
            Ok(true) => Ok(session),
            Ok(false) => Err(ConnectError::Pooler(None)),
            Err(error) => Err(ConnectError::unusable(error)),
        }
    }

    /// False: a pooler in between has dropped the options of the login.
    async fn has_timeout(&self, timeout: Duration) -> Result<bool, QueryError> {
        const SQL: &str =
            "select setting::int8 from pg_catalog.pg_settings where name = 'statement_timeout'";
        let rows = self.client.query_typed(SQL, &[]).await;
        let rows = [rows.map_err(CONTEXT.failed())?];
        let milliseconds: i64 = CONTEXT.column(CONTEXT.one_row(&rows)?, 0)?;
        Ok(milliseconds == statement_timeout(timeout))
    }

    /// Everything that a probe asks, in one snapshot.
    pub(crate) async fn probe(
        &self,
        workspaces: Option<&WorkspaceColumn>,
    ) -> Result<ProbeAnswer, QueryError> {
        self.batch(BEGIN).await?;
        let inside = inside::read(&self.client).await?;
        let workspaces = match workspaces {
            Some(column) => Some(self.workspaces(column).await?),
            None => None,
        };
        self.batch("commit").await?;
        Ok(ProbeAnswer { workspaces, inside })
    }

    /// The tables without statistics are measured in a transaction of their own, because a lock on one of them may fail it.
    async fn workspaces(
        &self,
        column: &WorkspaceColumn,
    ) -> Result<WorkspaceStatistics, QueryError> {
        let mut statistics = workspaces::read(&self.client, column).await?;
        self.batch("commit; begin transaction read only").await?;
        workspaces::mark_empty(&self.client, &mut statistics.tables).await?;
        self.batch("commit; begin transaction read only").await?;
        Ok(statistics)
    }

    /// Counts the rows of each workspace, and the bytes of their values where the role may read all columns, by a scan of each table.
    pub(crate) async fn count(
        &self,
        column: &WorkspaceColumn,
        limit: Duration,
    ) -> Result<WorkspaceStatistics, QueryError> {
        self.batch(BEGIN).await?;
        let counted = exact::read(&self.client, column, limit).await?;
        self.batch("commit").await?;
        Ok(counted)
    }

    async fn batch(&self, statements: &str) -> Result<(), QueryError> {
        let done = self.client.batch_execute(statements).await;
        done.map_err(CONTEXT.failed())
    }

    /// Returns when the connection is closed, so that the next probe does not begin beside it.
    pub(crate) async fn close(self) {
        let Self { client, mut driver } = self;
        drop(client);
        drop(timeout(CLOSE_LIMIT, driver.closed()).await);
    }
}

/// A column of `namesend` or `textsend`.
fn name(row: &Row, column: usize) -> Result<Name, QueryError> {
    let bytes: &[u8] = CONTEXT.column(row, column)?;
    Ok(Name {
        shown: readable(bytes),
        exact: str::from_utf8(bytes).ok().map(str::to_owned),
    })
}
