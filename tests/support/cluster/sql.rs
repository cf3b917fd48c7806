//! Sessions on the server, and its connection URLs.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Error};

use super::super::session::{SUPERUSER, SUPERUSER_PASSWORD, TestSession};
use super::Cluster;

/// More sessions than any test's server accepts.
const FILL_LIMIT: usize = 1_000;

impl Cluster {
    /// A connection URL over TCP.
    pub(crate) fn url(&self, user: &str, password: &str, database: &str) -> String {
        let [user, password, database] = [user, password, database].map(percent_encoded);
        let (host, port) = (self.host(), self.port());
        format!("postgres://{user}:{password}@{host}:{port}/{database}")
    }

    pub(crate) fn superuser_url(&self) -> String {
        self.url(SUPERUSER, SUPERUSER_PASSWORD, "postgres")
    }

    /// A superuser's session over the Unix socket.
    pub(crate) async fn admin(&self) -> TestSession {
        self.admin_of("postgres").await
    }

    /// A superuser's session in this database.
    pub(crate) async fn admin_of(&self, database: &str) -> TestSession {
        let mut config = Config::new();
        config
            .host_path(self.socket_dir())
            .port(self.port())
            .user(SUPERUSER)
            .dbname(database);
        TestSession::open(&mut config)
            .await
            .unwrap_or_else(|error| panic!("{error:?}\n{}", self.log()))
    }

    /// Runs statements as the superuser, in a session that has ended when this returns.
    pub(crate) async fn sql(&self, statements: &str) {
        self.sql_in("postgres", statements).await;
    }

    /// [`Cluster::sql`] in another database.
    pub(crate) async fn sql_in(&self, database: &str, statements: &str) {
        let session = self.admin_of(database).await;
        session
            .batch_execute(statements)
            .await
            .unwrap_or_else(|error| panic!("{statements}: {error:?}"));
        session.close().await;
    }

    /// Runs a query for one number as the superuser, in a session that has ended when this returns.
    pub(crate) async fn query_one_i64(&self, query: &str) -> i64 {
        let session = self.admin().await;
        let value = session.value(query).await;
        session.close().await;
        value
            .as_deref()
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("{query}: {value:?} is no whole number"))
    }

    /// 15 for any 15.x.
    pub(crate) async fn major_version(&self) -> i64 {
        self.query_one_i64("SHOW server_version_num").await / 10_000
    }

    /// Opens a session over TCP.
    pub(crate) async fn connect(
        &self,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<TestSession, Error> {
        let mut config = Config::new();
        config
            .host(self.host())
            .port(self.port())
            .user(user)
            .password(password)
            .dbname(database);
        TestSession::open(&mut config).await
    }

    /// Opens sessions until the server has no slot left (for this role, in this database).
    pub(crate) async fn fill(
        &self,
        user: &str,
        password: &str,
        database: &str,
    ) -> Vec<TestSession> {
        let mut sessions = Vec::new();
        while sessions.len() < FILL_LIMIT {
            match self.connect(user, password, database).await {
                Ok(session) => sessions.push(session),
                Err(error) if error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS) => {
                    return sessions;
                }
                Err(error) => panic!("session {}: {error:?}", sessions.len() + 1),
            }
        }
        panic!("{FILL_LIMIT} sessions did not fill the server");
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
