//! Opens the connection: libpq's terms into the driver's, and settings that keep the session harmless from its first byte.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls, Socket, config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{ConnectError, tls};
use crate::config::{ChannelBinding, Login, SslMode, Target};
use crate::logging::chain;

/// The `application_name` of every session.
pub(crate) const APPLICATION_NAME: &str = "pgcommons";

/// The task that moves the bytes of a connection; dropped, it closes the connection, also one that hangs.
pub(super) struct Driver(JoinHandle<()>);

impl Driver {
    /// Returns once, when the connection is closed.
    pub(super) async fn ended(&mut self) {
        drop((&mut self.0).await);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) type Opened = (Client, Driver);

/// What a login reads first: password and certificates, on a thread of its own, for a file on a dead mount must not stop
/// everything else. One that hangs is waited for by the logins after it, or each would leave a thread behind.
#[derive(Default)]
pub(crate) struct Files(Option<JoinHandle<Result<Prepared, ConnectError>>>);

type Prepared = (Config, Option<MakeRustlsConnect>);

impl Files {
    async fn read(&mut self, target: &Target, timeout: Duration) -> Result<Prepared, ConnectError> {
        if let Some(before) = &mut self.0 {
            drop(before.await); // what was there for a login that is over
        }
        let target = target.clone();
        let reading = tokio::task::spawn_blocking(move || prepared(&target, timeout));
        let read = self.0.insert(reading).await;
        self.0 = None;
        read.expect("reading files does not panic, and nobody cancels it")
    }
}

/// Covers the look-up of the name, TCP, TLS and the login, none of which the driver's own timeout covers.
pub(super) async fn open(
    target: &Target,
    timeout: Duration,
    files: &mut Files,
) -> Result<Opened, ConnectError> {
    let attempt = attempt(target, timeout, files);
    let late = |_| ConnectError::Timeout(humantime::format_duration(timeout));
    tokio::time::timeout(timeout, attempt).await.map_err(late)?
}

async fn attempt(
    target: &Target,
    timeout: Duration,
    files: &mut Files,
) -> Result<Opened, ConnectError> {
    let (mut config, encrypted) = files.read(target, timeout).await?;
    let Some(encrypted) = encrypted else {
        return connect(&config, NoTls).await;
    };
    match connect(&config, encrypted).await {
        Err(error) if target.tls.mode == SslMode::Prefer && error.plaintext_may_do() => {
            config.ssl_mode(config::SslMode::Disable);
            connect(&config, NoTls).await
        }
        result => result,
    }
}

fn prepared(target: &Target, timeout: Duration) -> Result<Prepared, ConnectError> {
    let mut config = driver_config(target, timeout)?;
    if target.is_socket() || target.tls.mode == SslMode::Disable {
        config.ssl_mode(config::SslMode::Disable);
        return Ok((config, None));
    }
    let tls = MakeRustlsConnect::new(tls::client_config(&target.tls)?);
    Ok((config, Some(tls)))
}

async fn connect<T>(config: &Config, tls: T) -> Result<Opened, ConnectError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await.map_err(ConnectError::driver)?;
    let driver = tokio::spawn(async {
        // Between two polls nobody waits for the server's last word; whoever asks next only learns that all is over.
        if let Err(error) = connection.await {
            tracing::warn!(error = chain(&error), "a session was ended");
        }
    });
    Ok((client, Driver(driver)))
}

fn driver_config(target: &Target, timeout: Duration) -> Result<Config, ConnectError> {
    let mut config = Config::new();
    config
        .host(&target.host)
        .port(target.port)
        .user(&target.user)
        .dbname(&target.dbname)
        .application_name(APPLICATION_NAME)
        .options(options(target, timeout))
        .ssl_mode(match target.tls.mode {
            SslMode::Disable => config::SslMode::Disable,
            SslMode::Prefer => config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => config::SslMode::Require,
        })
        .channel_binding(match target.channel_binding {
            ChannelBinding::Disable => config::ChannelBinding::Disable,
            ChannelBinding::Prefer => config::ChannelBinding::Prefer,
            ChannelBinding::Require => config::ChannelBinding::Require,
        })
        // Of each address of a name: the first may be silent, and the second not. A SYN that is lost is sent again in a second.
        .connect_timeout(timeout / 2)
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3);
    if let Some(address) = target.hostaddr {
        config.hostaddr(address);
    }
    let login = Login {
        host: &target.host,
        port: target.port,
        dbname: &target.dbname,
        user: &target.user,
    };
    if let Some(password) = target.password.read(login)? {
        config.password(password.expose_secret());
    }
    Ok(config)
}

/// Settings that every supported version knows: an unknown one would be fatal here. They win over what the owner of the
/// database, or whoever may alter the role, has set as its defaults: no other role's privileges, no function from another
/// schema, no waiting for the transactions of others. The server must give up on a statement before the agent
/// does, or the statement would go on for nobody.
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
pub(super) fn statement_timeout(timeout: Duration) -> i64 {
    i64::try_from(timeout.as_millis() * 8 / 10).unwrap_or(i64::MAX)
}
