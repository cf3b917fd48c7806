//! A session on a test server, and the superuser that opens most of them.

use std::ops::Deref;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

use super::process::is_gone;
use super::wait::eventually;

pub(crate) const SUPERUSER: &str = "postgres";
pub(crate) const SUPERUSER_PASSWORD: &str = "super-secret-pw";

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// A client whose connection is driven by a task of the test's runtime.
pub(crate) struct TestSession {
    client: Client,
    driver: JoinHandle<()>,
    backend: u32,
}

impl TestSession {
    pub(crate) async fn open(config: &mut Config) -> Result<Self, Error> {
        let connecting = config.connect_timeout(CONNECT_LIMIT).connect(NoTls);
        let (client, connection) = connecting.await?;
        let driver = tokio::spawn(async move {
            // An error here is expected: tests stop servers and end sessions on purpose. The next use of the client
            // reports it.
            drop(connection.await);
        });
        let backend = first_value(&client, "SELECT pg_backend_pid()").await?;
        let backend = backend.and_then(|pid| pid.parse().ok());
        Ok(Self {
            client,
            driver,
            backend: backend.expect("a session has a backend"),
        })
    }

    /// The pid of the session's backend.
    pub(crate) fn backend_pid(&self) -> u32 {
        self.backend
    }

    /// The first column of the first row, as text; `None` without a row, and for NULL.
    pub(crate) async fn value(&self, sql: &str) -> Option<String> {
        first_value(&self.client, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// Closes the session and waits until its connection slot is free, which happens later.
    pub(crate) async fn close(self) {
        drop(self.client);
        drop(self.driver.await);
        eventually(CLOSE_LIMIT, "a backend ends", async || {
            is_gone(self.backend).then_some(())
        })
        .await;
    }

    /// Closes sessions one after another.
    pub(crate) async fn close_all(sessions: impl IntoIterator<Item = Self>) {
        for session in sessions {
            session.close().await;
        }
    }
}

impl Deref for TestSession {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

async fn first_value(client: &Client, sql: &str) -> Result<Option<String>, Error> {
    let messages = client.simple_query(sql).await?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
        _ => None,
    }))
}
