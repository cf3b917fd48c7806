//! The admin console of `PgBouncer`. It accepts only the simple protocol: an extended query ends the connection. A user in
//! `stats_users` may read everything that is asked here.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::connection::{self, CredentialFiles, Driver};
use super::{ConnectError, QueryError};
use crate::config::Target;
use crate::outcome::{ConnectFailure, Outcome};
use crate::sample::pooler::{
    Alias, AliasFigure, AliasTotals, MOST_CLIENTS, Pool, PoolFigure, PoolerAnswer, PoolerSettings,
    PoolerUser, TotalFigure,
};

/// A connection to the console. Closes when dropped.
pub(crate) struct Console {
    client: Client,
    driver: Driver,
}

impl Console {
    pub(crate) async fn connect(
        target: &Target,
        timeout: Duration,
        files: &mut CredentialFiles,
    ) -> Result<Self, ConnectError> {
        let (client, driver) = connection::open(target, "", timeout, files).await?;
        Ok(Self { client, driver })
    }

    /// Returns once, when the connection is closed.
    pub(crate) async fn closed(&mut self) {
        self.driver.closed().await;
    }

    /// The pools, and what changes seldom if `with_settings`.
    pub(crate) async fn ask(&self, with_settings: bool) -> Result<PoolerAnswer, QueryError> {
        let pools = self.show("SHOW POOLS").await?;
        let pools = pools.iter().map(pool).collect();
        let settings = if with_settings {
            Some(self.settings().await?)
        } else {
            None
        };
        Ok(PoolerAnswer { pools, settings })
    }

    async fn settings(&self) -> Result<PoolerSettings, QueryError> {
        let version = self.show_if_known("SHOW VERSION").await?;
        let version = version.first().map(|row| text(row, &["version"]));
        let aliases = self.show_if_known("SHOW DATABASES").await?;
        let users = self.show_if_known("SHOW USERS").await?;
        let totals = self.show_if_known("SHOW STATS_TOTALS").await?;
        let lists = self.show_if_known("SHOW LISTS").await?;
        let config = self.show_if_known("SHOW CONFIG").await?;
        let setting = |key: &str| {
            let row = config.iter().find(|row| text(row, &["key"]) == key)?;
            number(row, &["value"])
        };
        let mut settings = PoolerSettings {
            clients: None,
            version: version.unwrap_or_default().chars().take(40).collect(),
            aliases: aliases.iter().map(alias).collect(),
            users: users.iter().filter_map(user).collect(),
            totals: totals.iter().map(alias_totals).collect(),
            lists: lists.iter().filter_map(item).collect(),
            max_clients: setting("max_client_conn"),
            max_user_connections: setting("max_user_connections"),
        };
        let used = settings.count_of("used_clients");
        if used.is_some_and(|used| used <= MOST_CLIENTS) {
            settings.clients = Some(self.clients().await?);
        }
        Ok(settings)
    }

    /// The clients by database, user, application and state.
    async fn clients(&self) -> Result<BTreeMap<[String; 4], u32>, QueryError> {
        let mut groups = BTreeMap::new();
        for row in self.show_if_known("SHOW CLIENTS").await? {
            let columns = ["database", "user", "application_name", "state"];
            *groups
                .entry(columns.map(|name| text(&row, &[name])))
                .or_insert(0) += 1;
        }
        Ok(groups)
    }

    /// No rows from a pooler that does not know the command; others than `PgBouncer` know only some.
    async fn show_if_known(
        &self,
        command: &'static str,
    ) -> Result<Vec<SimpleQueryRow>, QueryError> {
        match self.show(command).await {
            Err(error) if error.outcome() == Outcome::Error => Ok(Vec::new()),
            answer => answer,
        }
    }

    async fn show(&self, command: &'static str) -> Result<Vec<SimpleQueryRow>, QueryError> {
        let messages = self.client.simple_query(command).await;
        let messages = messages.map_err(QueryError::driver(command))?.into_iter();
        let rows = messages.filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }
}

/// Why there is no connection. `PgBouncer` refuses a login with 08P01, whatever the reason is.
pub(crate) fn console_failure(error: &ConnectError) -> ConnectFailure {
    let ConnectError::Driver(source) = error else {
        return error.reason();
    };
    match source.code() {
        Some(code) if *code == SqlState::PROTOCOL_VIOLATION => ConnectFailure::Auth,
        _ => error.reason(),
    }
}

fn pool(row: &SimpleQueryRow) -> Pool {
    Pool {
        alias: text(row, &["database"]),
        user: text(row, &["user"]),
        figures: PoolFigure::COLUMNS.map(|names| number(row, names)),
    }
}

fn alias(row: &SimpleQueryRow) -> Alias {
    Alias {
        name: text(row, &["name"]),
        host: text(row, &["host"]),
        port: text(row, &["port"]),
        datname: text(row, &["database"]),
        force_user: text(row, &["force_user"]),
        pool_mode: text(row, &["pool_mode"]),
        figures: AliasFigure::COLUMNS.map(|names| number(row, names)),
    }
}

/// None: the user has no limits of its own.
fn user(row: &SimpleQueryRow) -> Option<PoolerUser> {
    let user = PoolerUser {
        name: text(row, &["name"]),
        pool_size: number(row, &["pool_size"]),
        reserve_pool: number(row, &["reserve_pool_size"]),
        max_connections: number(row, &["max_user_connections"]),
    };
    let limits = [user.pool_size, user.reserve_pool, user.max_connections];
    limits.iter().any(Option::is_some).then_some(user)
}

fn alias_totals(row: &SimpleQueryRow) -> AliasTotals {
    AliasTotals {
        alias: text(row, &["database"]),
        figures: TotalFigure::COLUMNS.map(|names| number(row, names)),
    }
}

fn item(row: &SimpleQueryRow) -> Option<(String, i64)> {
    Some((text(row, &["list"]), number(row, &["items"])?))
}

/// What stands for a value that is not UTF-8: the driver decodes no other.
const NOT_UTF8: &str = "\u{fffd}";

/// The first of these columns that the row has. Empty: NULL, or none of them.
fn text(row: &SimpleQueryRow, names: &[&str]) -> String {
    let found = names.iter().find_map(|name| index(row, name));
    found.map_or_else(String::new, |column| {
        row.try_get(column)
            .map_or(NOT_UTF8, |value| value.unwrap_or_default())
            .to_owned()
    })
}

fn number(row: &SimpleQueryRow, names: &[&str]) -> Option<i64> {
    text(row, names).parse().ok()
}

fn index(row: &SimpleQueryRow, name: &str) -> Option<usize> {
    row.columns()
        .iter()
        .position(|column| column.name() == name)
}
